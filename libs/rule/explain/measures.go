package explain

import (
	"strings"

	"github.com/tagwire/tagwire/libs/rule/source"
)

// measureKinds are the kinds of measures: what is measured of the events. %e is
// the events with `where`, %o is `of`.
func measureKinds() []struct {
	key  string
	says both
} {
	return []struct {
		key  string
		says both
	}{
		{"count", both{"%e的次数", "the number of %e"}},
		{"sum", both{"%e的%o之和", "the sum of %o over %e"}},
		{"avg", both{"%e的%o的平均值", "the average of %o over %e"}},
		{"min", both{"%e的%o的最小值", "the smallest value of %o over %e"}},
		{"max", both{"%e的%o的最大值", "the largest value of %o over %e"}},
		{"distinct", both{"%e里不同的%o", "the different values of %o over %e"}},
		{"top", both{"%e里最常出现的%o", "the most frequent value of %o over %e"}},
		{"last", both{"最近一次%e的%o", "%o of the newest %e"}},
		{"first", both{"最早一次%e的%o", "%o of the oldest %e"}},
		{"time_since", both{"距最近一次%e过了多久", "the time since the newest %e"}},
		{"sequence", both{"依次完成%e的次数", "the number of times that %e came in this order"}},
		{"score", both{"%e的加分", "points for %e"}},
	}
}

// counting are the kinds whose value is a number of times.
func counting(kind string) bool { return kind == "count" || kind == "sequence" }

func kindOf(m source.Node) (string, both) {
	for _, k := range measureKinds() {
		if m.Has(k.key) {
			return k.key, k.says
		}
	}
	return "", both{}
}

func (r reader) measure(m source.Node) string {
	kind, says := kindOf(m)
	if kind == "" {
		return ""
	}
	events := r.measured(kind, m.Get(kind))
	if where := m.Get("where").Text; where != "" {
		events += r.w.say("（%s）", " (%s)", r.condition(where))
	}
	of := r.w.pick(both{"时间", "the time"})
	if text := m.Get("of").Text; text != "" {
		of = r.value(text)
	}
	if !strings.HasSuffix(says.zh, "%o") {
		of = r.w.gap(of)
	}
	text := strings.Replace(strings.Replace(r.w.pick(says), "%e", r.w.gap(events), 1), "%o", of, 1)
	if same := m.Get("same").Text; same != "" {
		text += r.w.say("，按%s对应", ", matched by %s", r.w.gap(r.value(same)))
	}
	if minus := m.Get("minus"); minus.Kind != source.None {
		text += r.w.say("，减去%s", ", less those of %s", r.w.events(minus.Texts()))
	}
	if half := m.Get("half_life").Text; half != "" {
		text += r.w.say("，每 %s减半", ", halved every %s", r.w.span(half))
	}
	return r.window(m, text)
}

// window says of which time the events are.
func (r reader) window(m source.Node, text string) string {
	switch between := m.Get("between").Texts(); {
	case m.Has("sequence"):
		if within := m.Get("within").Text; within != "" {
			text += r.w.say("，全程不超过 %s", ", all of it within %s", r.w.span(within))
		}
		if over := m.Get("over").Text; over != "" {
			text = r.w.say("最近 %s内%s", "%[2]s, over the last %[1]s", r.w.last(over), text)
		}
	case m.Has("within"):
		return r.w.say("最近 %s内%s", "%[2]s within the last %[1]s", r.w.last(m.Get("within").Text), text)
	case len(between) == 2:
		return r.w.say("%s前到 %s前之间%s", "%[3]s between %[2]s and %[1]s ago", r.w.span(between[1]), r.w.span(between[0]), text)
	case m.Has("per"):
		return r.w.say("%s内%s", "%[2]s within %[1]s by the calendar", r.w.period(m.Get("per").Text), text)
	}
	return text
}

func (r reader) measured(kind string, n source.Node) string {
	if kind == "score" {
		parts := make([]string, len(n.Entries))
		for i, e := range n.Entries {
			parts[i] = r.w.event(e.Key) + " " + e.Value.Text
		}
		return strings.Join(parts, r.w.pick(both{"、", ", "}))
	}
	if kind != "sequence" {
		return r.w.events(n.Texts())
	}
	var steps []string
	for _, s := range n.OneOrMore() {
		steps = append(steps, r.step(s))
	}
	return strings.Join(steps, r.w.pick(both{"、然后", ", then "}))
}

// step is one step of a sequence: link.open, not order.pay, link.open*3 or a map.
func (r reader) step(s source.Node) string {
	typ, not := strings.CutPrefix(s.Text, "not ")
	if s.Kind == source.Map {
		typ, not = s.Get("event").Text, s.Has("not")
		if not {
			typ = s.Get("not").Text
		}
	}
	name, times, repeated := strings.Cut(strings.TrimSpace(typ), "*")
	text := r.w.event(strings.TrimSpace(name))
	if repeated {
		text = r.w.say("%[1]s %[2]s 次", "%[2]s times %[1]s", text, strings.TrimSpace(times))
	}
	if where := s.Get("where").Text; where != "" {
		text += r.w.say("（%s）", " (%s)", r.condition(where))
	}
	if not {
		return r.w.say("没有%s", "no %s", text)
	}
	return text
}
