package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/signs"
	"github.com/tagwire/tagwire/libs/rule/source"
)

func (l *linter) unusedKeywords() {
	used := map[string]bool{}
	for _, t := range l.set.Tags {
		for _, k := range t.Uses.Keywords {
			used[k] = true
		}
	}
	for _, m := range l.set.Measures {
		for _, k := range m.Keywords {
			used[k] = true
		}
	}
	for _, k := range l.src.Block("keywords") {
		if !used[k.Key] {
			l.add(Warning, k.At, k.Key, both{fmt.Sprintf("词表「%s」没有任何规则使用", k.Key), fmt.Sprintf("no rule uses the keyword list %q", k.Key)},
				both{"在标签的条件里写 keyword(\"" + k.Key + "\")，或删除它", "use it in a tag's condition by keyword(\"" + k.Key + "\"), or delete it"})
		}
	}
}

func (l *linter) unusedMeasures() {
	used := map[string]bool{}
	note := func(u rule.Uses) {
		for _, m := range u.Measures {
			used[m] = true
		}
	}
	for _, t := range l.set.Tags {
		note(t.Uses)
		for _, a := range t.Alerts {
			note(a.Title.Uses)
			note(a.Advice.Uses)
		}
	}
	for _, s := range l.set.Stages {
		note(s.Uses)
	}
	for _, m := range l.src.Block("measures") {
		if !used[m.Key] {
			l.add(Note, m.At, m.Key, both{fmt.Sprintf("指标「%s」没有任何标签、阶段或提醒使用，只在客户资料里显示", m.Key), fmt.Sprintf("no tag, stage or alert reads the measure %q; it is only shown with the customer", m.Key)},
				both{"不需要显示时删除它，可少存数据", "delete it when nobody looks at it: less is stored then"})
		}
	}
}

// constant finds conditions that no data can make true, or none false.
func (l *linter) constant() {
	for _, c := range l.conditions() {
		a, ok := l.parse(c.at)
		if !ok {
			continue
		}
		switch {
		case a.never(a.syntax.Root):
			l.add(Warning, c.at, c.name, both{fmt.Sprintf("「%s」的条件永远不会成立：%s", c.name, c.at.Text), fmt.Sprintf("the condition of %q can never hold: %s", c.name, c.at.Text)},
				both{"检查各个比较的数值和方向", "check the numbers and directions of its comparisons"})
		case a.always(a.syntax.Root):
			l.add(Warning, c.at, c.name, both{fmt.Sprintf("「%s」的条件总是成立：%s", c.name, c.at.Text), fmt.Sprintf("the condition of %q always holds: %s", c.name, c.at.Text)},
				both{"写出真正要区分的界限，或去掉这个条件", "write the limit that is meant, or leave the condition out"})
		}
	}
}

func (l *linter) hiddenChoices() {
	for _, t := range l.src.Block("tags") {
		choose := t.Value.Get("choose").Items
		for j := 1; j < len(choose); j++ {
			at := choose[j].Get("when")
			name := choose[j].Get("tag").Text
			if l.hidden(at, whens(choose[:j])) {
				l.add(Warning, at, name, both{
					fmt.Sprintf("「%s」永远轮不到：它成立时，排在前面的已经成立（%s）", name, l.coveredBy(at, choose[:j], "tag")),
					fmt.Sprintf("%q is never chosen: whenever it holds, one before it holds (%s)", name, l.coveredBy(at, choose[:j], "tag")),
				},
					both{"把更严格的条件写在前面，例如 >= 500 在 >= 100 之前", "put the stricter condition first, such as >= 500 before >= 100"})
			}
		}
	}
}

func (l *linter) hiddenStages() {
	stages := l.src.Items("stages")
	if slices.ContainsFunc(stages, func(s source.Node) bool { return s.Has("from") || s.Has("after") }) {
		return // the moves decide as well
	}
	for i, s := range stages {
		at := s.Get("when")
		if at.Kind != source.Scalar || i == len(stages)-1 {
			continue
		}
		if name := s.Get("name").Text; l.hidden(at, whens(stages[i+1:])) {
			l.add(Warning, at, name, both{fmt.Sprintf("阶段「%s」永远不会出现：它成立时，排在后面的也成立", name), fmt.Sprintf("the stage %q is never reached: whenever it holds, one behind it holds", name)},
				both{"阶段取最后一个成立的：把更严格的写在后面", "the last that holds is the stage: put the stricter one behind"})
		}
	}
}

func whens(items []source.Node) []source.Node {
	var out []source.Node
	for _, i := range items {
		if w := i.Get("when"); w.Kind == source.Scalar {
			out = append(out, w)
		}
	}
	return out
}

// hidden says that whenever the condition holds, one of the others does.
func (l *linter) hidden(at source.Node, others []source.Node) bool {
	a, ok := l.parse(at)
	if !ok || a.never(a.syntax.Root) {
		return false // told already
	}
	all, ok := a.terms(a.syntax.Root, false)
	for _, o := range others {
		b, parsed := l.parse(o)
		if !ok || !parsed {
			return false
		}
		var not [][]literal
		if not, ok = b.terms(b.syntax.Root, true); ok {
			all, ok = product(all, not)
		}
	}
	return ok && l.unsatisfiable(all)
}

func (l *linter) coveredBy(at source.Node, others []source.Node, key string) string {
	for _, o := range others {
		if l.hidden(at, whens([]source.Node{o})) {
			return o.Get(key).Text
		}
	}
	return "…"
}

func (l *linter) unknownTags() {
	for _, c := range l.conditions() {
		a, ok := l.parse(c.at)
		if !ok {
			continue
		}
		for _, tag := range a.tags() {
			if _, given := l.set.RuleOf(tag); !given {
				l.add(Warning, c.at, c.name, both{fmt.Sprintf("「%s」读取标签「%s」，但没有规则会打上它", c.name, tag), fmt.Sprintf("%q reads the tag %q, which no rule gives", c.name, tag)},
					both{"检查名字；若它由人工、渠道、链接或表单给出，可不处理", "check the name; it is fine when people, channels, links or forms give it"})
			}
		}
	}
}

// feeds says that the events of a tag are among those that the measure takes.
func feeds(t *rule.Tag, m *rule.Measure) bool {
	for typ := range t.Events {
		if _, ok := m.Fold.Types[typ]; ok {
			return true
		}
	}
	return false
}

// shortLasts finds event tags that end before what they look at does.
func (l *linter) shortLasts() {
	periods := map[string]time.Duration{"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 28 * 24 * time.Hour}
	for _, t := range l.src.Block("tags") {
		lasts, err := rule.ParseDuration(t.Value.Get("lasts").Text)
		owner, ok := l.set.RuleOf(t.Key)
		if err != nil || !ok || owner.Events == nil {
			continue
		}
		need, what := periods[t.Value.Get("times").Get("per").Text], "times"
		for _, name := range owner.Uses.Measures {
			if m, ok := l.set.Measure(name); ok && m.Within > need && feeds(owner, m) {
				need, what = m.Within, name
			}
		}
		if lasts < need {
			l.add(Warning, t.Value.Get("lasts"), t.Key, both{
				fmt.Sprintf("「%s」只保留 %s，比它所看的时间段（%s）短：下一次匹配前就没了", t.Key, t.Value.Get("lasts").Text, what),
				fmt.Sprintf("%q lasts %s, which is shorter than the time it looks at (%s): it is gone before the next match", t.Key, t.Value.Get("lasts").Text, what),
			},
				both{"把 lasts 写得不短于该时间段", "let `lasts` be at least that long"})
		}
	}
}

func (l *linter) noCooldown() {
	for _, t := range l.src.Block("tags") {
		for _, a := range t.Value.Get("alert").OneOrMore() {
			if a.Get("each").Text != "match" || a.Has("cooldown") {
				continue
			}
			l.add(Warning, a.Get("each"), t.Key, both{fmt.Sprintf("「%s」每次匹配都提醒，没有冷却时间：客户连发十条就提醒十次", t.Key), fmt.Sprintf("%q alerts at every match without a cooldown: ten messages in a row are ten alerts", t.Key)},
				both{"加上 cooldown，例如 cooldown: 30m", "add a cooldown, such as cooldown: 30m"})
		}
	}
}

// signs finds full-width signs that YAML takes as a part of a text.
func (l *linter) signs() {
	for name, text := range l.files {
		for _, e := range signs.Find(text, rule.KnownKey) {
			at := source.Node{File: name, Line: e.Line, Column: e.Column}
			l.add(Warning, at, e.Old, both{fmt.Sprintf("这里的 %s 成了文字的一部分", e.Old), fmt.Sprintf("this %s has become a part of the text", e.Old)},
				both{"若要分隔，请输入 " + strings.TrimSpace(e.New), "to part two entries, type " + strings.TrimSpace(e.New)})
		}
	}
	for _, k := range l.src.Block("keywords") {
		for _, key := range []string{"words", "exact", "unless_in", "not_after"} {
			for _, n := range append(k.Value.Get(key).Items, k.Value.Get(key)) {
				if n.Kind == source.Scalar && !n.Quoted && strings.ContainsAny(n.Text, "，、；") {
					l.add(Warning, n, k.Key, both{fmt.Sprintf("词表「%s」里的“%s”是一个词，像是几个词", k.Key, n.Text), fmt.Sprintf("%q in the list %q is one word; it looks like several", n.Text, k.Key)},
						both{"用半角逗号分隔：[a, b]；若确是一个词，请加引号", "part them by commas: [a, b]; put quotes around it when it is one word"})
				}
			}
		}
	}
}
