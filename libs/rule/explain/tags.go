package explain

import (
	"strings"

	"github.com/tagwire/tagwire/libs/rule/source"
)

func (r reader) keyword(k source.Node) string {
	var parts []string
	add := func(key, zh, en string) {
		if list := k.Get(key).Texts(); len(list) > 0 {
			parts = append(parts, r.w.say(zh, en, r.w.or(list)))
		}
	}
	add("words", "包含%s", "contains %s")
	add("exact", "整条就是%s", "is exactly %s")
	text := strings.Join(parts, r.w.pick(both{"，或者", ", or "}))
	if r.w.zh {
		text += "时命中"
	}
	parts = nil
	add("unless_in", "落在%s里的不算", "words within %s do not count")
	add("not_after", "紧跟在%s之后的不算", "words right behind %s do not count")
	if len(parts) > 0 {
		text += r.w.say("；%s", "; %s", strings.Join(parts, r.w.pick(both{"，", ", "})))
	}
	who := r.w.pick(both{"任何人", "anybody"})
	switch k.Get("from").Text {
	case "customer":
		who = r.w.pick(both{"客户", "the customer"})
	case "staff":
		who = r.w.pick(both{"员工", "staff"})
	}
	return r.w.say("%s的消息%s", "found when a message of %s %s", who, text)
}

// tag is the whole rule but for the details of its alert.
func (r reader) tag(name string, t source.Node) string {
	var text string
	switch choose := t.Get("choose"); {
	case len(choose.Items) > 0:
		names := make([]string, len(choose.Items))
		for i, c := range choose.Items {
			names[i] = r.w.say("「%s」", "“%s”", c.Get("tag").Text)
		}
		text = r.w.say("从%s里按顺序打上第一个成立的，绝不同时两个", "the first that holds of %s is given, never two",
			strings.Join(names, r.w.pick(both{"、", ", "})))
	case t.Has("event"):
		text = r.eventTag(name, t)
	default:
		text = r.givenWhile(t.Get("when").Text)
		if lasts := t.Get("lasts").Text; lasts != "" {
			text += r.w.say("，条件不再成立后保留 %s", "; kept for %s after the condition ends", r.w.span(lasts))
		} else {
			text += r.w.say("，条件不再成立就取消", "; taken off when the condition ends")
		}
	}
	for _, alert := range t.Get("alert").OneOrMore() {
		text += r.w.say("；%s提醒%s（%s）", "; %s, an alert goes to %s (%s)", r.each(alert), r.w.recipient(orElse(alert.Get("to").Text, "owner")),
			r.w.severity(orElse(alert.Get("severity").Text, "medium")))
	}
	return text
}

func (r reader) eventTag(name string, t source.Node) string {
	text := r.w.say("出现%s", "when there is %s", r.w.events(t.Get("event").Texts()))
	if when := t.Get("when").Text; when != "" {
		text += r.w.say("，并且%s", " and %s", r.joined(when))
	}
	if times := t.Get("times"); times.Kind == source.Map {
		n := orElse(times.Get("at_least").Text, "1")
		text += r.w.say("，%s内达到 %s 次", ", %[2]s times within %[1]s", r.w.period(times.Get("per").Text), n)
		switch times.Get("once").Text {
		case "period":
			text += r.w.say("（每个周期只算一次）", " (once a period)")
		case "ever":
			text += r.w.say("（只算第一次）", " (the first time only)")
		}
	}
	if value := t.Get("value").Text; value != "" {
		text = r.w.gap(text) + r.w.say("时，按%s打上「%s:…」", ", the tag “%[2]s:…” is given by %[1]s", r.w.gap(r.value(value)), name)
	} else {
		text = r.w.gap(text) + r.w.say("时打上", ", it is given")
	}
	if lasts := t.Get("lasts").Text; lasts != "" {
		return text + r.w.say("，保留 %s", "; kept for %s", r.w.span(lasts))
	}
	return text + r.w.say("，长期保留", "; kept for good")
}

func (r reader) choice(c source.Node, later bool) string {
	when := c.Get("when").Text
	if later {
		return r.w.say("%s，并且排在前面的都不成立时打上", "given while %s and none before it holds", r.joined(when))
	}
	return r.givenWhile(when)
}

// given is a condition under which a tag is given.
func (r reader) givenWhile(when string) string {
	return r.w.say("%s时打上", "given while %s", r.w.gap(r.condition(when)))
}

// each says when an alert is raised.
func (r reader) each(alert source.Node) string {
	b, ok := map[string]both{
		"":      {"打上时", "when it is given"},
		"enter": {"打上时", "when it is given"},
		"match": {"每次匹配时", "at every match"},
		"exit":  {"取消时", "when it ends"},
	}[alert.Get("each").Text]
	if !ok {
		return alert.Get("each").Text
	}
	return r.w.pick(b)
}

func (r reader) alert(a source.Node) string {
	text := r.w.say("%s提醒%s，级别%s", "%s, an alert goes to %s with severity %s", r.each(a), r.w.recipient(orElse(a.Get("to").Text, "owner")),
		r.w.severity(orElse(a.Get("severity").Text, "medium")))
	if title := a.Get("title").Text; title != "" {
		text += r.w.say("，内容是“%s”", ", saying “%s”", title)
	}
	if cooldown := a.Get("cooldown").Text; cooldown != "" {
		text += r.w.say("，同一客户 %s内不重复", ", at most once in %s per customer", r.w.span(cooldown))
	}
	if e := a.Get("escalate"); e.Kind == source.Map {
		text += r.w.say("，%s无人处理则通知%s", "; when nobody acts for %s, %s is told", r.w.span(e.Get("after").Text), r.w.recipient(e.Get("to").Text))
	}
	return text
}

func (r reader) stage(s source.Node) string {
	text := r.w.say("一开始就是这个阶段", "the stage that everybody starts in")
	if when := s.Get("when").Text; when != "" {
		text = r.w.say("%s，并且排在后面的都不成立时进入", "entered while %s and none behind it holds", r.joined(when))
	}
	if from := s.Get("from").Texts(); len(from) > 0 {
		text += r.w.say("，只能从%s进入", ", from %s only", r.w.or(from))
	}
	if after := s.Get("after").Text; after != "" {
		text += r.w.say("，或在上一阶段停留 %s之后进入", ", or after %s in the stage before", r.w.span(after))
	}
	return text
}

func orElse(text, standard string) string {
	if text == "" {
		return standard
	}
	return text
}
