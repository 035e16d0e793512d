package api

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/services/console/ruleset"
)

// explanation says why a customer holds a tag, or that it does not.
type explanation struct {
	Tag         string           `json:"tag"`
	Holds       bool             `json:"holds"`
	Since       event.Time       `json:"since,omitzero"`
	ExpiresAt   event.Time       `json:"expires_at,omitzero"`
	Group       string           `json:"group"`
	Rule        string           `json:"rule"`
	RuleVersion int64            `json:"rule_version"`
	Origin      string           `json:"origin,omitempty"`
	When        string           `json:"when,omitempty"`
	Event       []string         `json:"event,omitempty"` // types that make it, for event tags
	Reason      map[string]any   `json:"reason"`
	Evidence    []event.Evidence `json:"evidence"`
	Measures    map[string]any   `json:"measures"`
	Tags        map[string]bool  `json:"tags,omitempty"` // other tags that the rule reads, and whether they hold
	Warming     []ruleset.Warm   `json:"warming,omitempty"`
	Text        sentence         `json:"text"`
	Tree        *cond.Shown      `json:"tree,omitempty"`   // of `when`
	Choose      []choiceTree     `json:"choose,omitempty"` // of `choose`, in its order
	TreeEvent   *event.Evidence  `json:"tree_event,omitempty"`
	TreeNote    *sentence        `json:"tree_note,omitempty"` // what the tree of an event tag was judged by
	AsOf        event.Time       `json:"as_of"`
}

// sentence is a text in both languages.
type sentence struct {
	Zh string `json:"zh"`
	En string `json:"en"`
}

func (a *API) explain(w http.ResponseWriter, r *http.Request) error {
	tag := r.URL.Query().Get("tag")
	if tag == "" {
		return badRequest("缺少参数 tag", "the parameter tag is missing")
	}
	s, err := a.subjectAsked(r)
	if err != nil {
		return err
	}
	e, ok := s.explain(tag)
	if !ok {
		return notFound("没有这个标签：当前规则里没有，该客户也未持有", "there is no such tag: no rule gives it and the customer does not hold it")
	}
	if t, ruled := s.rules.RuleOf(tag); ruled {
		if err := a.trees(r.Context(), s, e, t); err != nil {
			return err
		}
	}
	return answer(w, http.StatusOK, e)
}

func (s *subject) explain(tag string) (*explanation, bool) {
	e := &explanation{
		Tag: tag, Reason: map[string]any{}, Measures: map[string]any{}, Evidence: []event.Evidence{},
		RuleVersion: s.rules.Version, AsOf: s.now,
	}
	held, holds := s.p.Tags[tag]
	manual, decided := s.p.Manual[tag]
	t, ruled := s.rules.RuleOf(tag)
	if !holds && !decided && !ruled {
		return nil, false
	}
	if holds {
		e.Holds, e.Since, e.ExpiresAt, e.Group = true, held.Since, held.Expires, held.Group
		e.Rule, e.RuleVersion, e.Origin, e.Evidence = held.Rule, held.Version, held.Origin, filled(held.Evidence)
	}
	if ruled {
		e.Group = t.Group
		if !holds {
			e.Rule = t.Name
		}
		s.judge(e, t, tag)
	}
	if decided {
		e.Reason["manual"] = map[string]any{"on": manual.On, "at": manual.At, "by": manual.By}
	}
	e.Text = e.sentence(e.Since.Std().In(s.rules.Zone).Format("2006-01-02 15:04:05"), decided, manual.On)
	return e, true
}

// judge adds what the rule reads, as of now.
func (s *subject) judge(e *explanation, t *rule.Tag, tag string) {
	e.When = t.WhenText
	for _, c := range t.Choose {
		if c.Tag == tag {
			e.When = c.WhenText
		}
	}
	for typ := range t.Events {
		e.Event = append(e.Event, typ)
	}
	slices.Sort(e.Event)
	for _, name := range t.Uses.Measures {
		if m, ok := s.rules.Measure(name); ok {
			e.Measures[name] = m.Value(s.p, s.now).JSON()
		}
	}
	for _, name := range t.Uses.Tags {
		if e.Tags == nil {
			e.Tags = map[string]bool{}
		}
		e.Tags[name] = s.holds(name)
	}
	m := &cond.Moment{Now: s.now, Profile: s.p}
	if t.Events == nil && t.When != nil {
		e.Reason["condition"] = t.When.Eval(m).True()
	}
	for _, c := range t.Choose {
		e.Reason[c.Tag] = c.When.Eval(m).True()
	}
	if t.Lasts > 0 {
		e.Reason["lasts"] = span(t.Lasts)
	}
	if s.rules.Reads(tag, s.warm) {
		e.Warming = s.warm
	}
}

// holds says whether the customer holds a tag, or of a family one of its values.
func (s *subject) holds(tag string) bool {
	if t, ruled := s.rules.RuleOf(tag); !ruled || t.Value == nil || s.p.Tags[tag].Holds() {
		return s.p.Tags[tag].Holds()
	}
	for name, held := range s.p.Tags {
		if strings.HasPrefix(name, tag+":") && held.Holds() {
			return true
		}
	}
	return false
}

// sentence says it in one sentence.
func (e *explanation) sentence(since string, decided, on bool) sentence {
	switch {
	case decided && on:
		return sentence{"由人工打上，规则不再改动它。", "A person gave this tag; rules do not change it."}
	case decided:
		return sentence{"由人工移除，规则不会再打上。", "A person removed this tag; rules do not give it again."}
	case e.Holds && e.Origin == rule.Catalogue:
		return sentence{
			fmt.Sprintf("自 %s 起持有，来自渠道、链接或表单自带的标签。", since),
			fmt.Sprintf("Held since %s: a channel, link or form carries this tag.", since),
		}
	case e.Holds:
		return sentence{
			fmt.Sprintf("自 %s 起持有：规则「%s」（版本 %d）成立%s。", since, e.Rule, e.RuleVersion, because("，依据 ", e)),
			fmt.Sprintf("Held since %s: rule %q (version %d) applies%s.", since, e.Rule, e.RuleVersion, because(" by ", e)),
		}
	}
	return sentence{
		fmt.Sprintf("未持有：规则「%s」现在不成立%s。", e.Rule, because("，当前 ", e)),
		fmt.Sprintf("Not held: rule %q does not apply now%s.", e.Rule, because("; now ", e)),
	}
}

// span is a duration as rules write it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	if d%time.Hour == 0 {
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	}
	return d.String()
}

// because lists the values that the rule reads.
func because(lead string, e *explanation) string {
	var parts []string
	for name, v := range e.Measures {
		parts = append(parts, fmt.Sprintf("%s = %v", name, v))
	}
	slices.Sort(parts)
	var words []string
	for _, ev := range e.Evidence {
		words = append(words, ev.Matched...)
	}
	if len(words) > 0 {
		slices.Sort(words)
		parts = append(parts, "“"+strings.Join(slices.Compact(words), "、")+"”")
	}
	if len(parts) == 0 {
		return ""
	}
	return lead + strings.Join(parts, ", ")
}
