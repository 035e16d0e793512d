package explain

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tagwire/tagwire/libs/rule"
)

// words writes in one language.
type words struct{ zh bool }

func (w words) pick(b both) string {
	if w.zh {
		return b.zh
	}
	return b.en
}

// say fills a phrase's %s places.
func (w words) say(zh, en string, args ...any) string {
	return fmt.Sprintf(w.pick(both{zh, en}), args...)
}

// event is an event type in words.
func (w words) event(typ string) string {
	name := typ
	if b, ok := eventNames()[typ]; ok {
		name = w.pick(b)
	}
	return w.say("“%s”", "“%s”", name)
}

func (w words) events(types []string) string {
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = w.event(t)
	}
	return w.or(out)
}

// or joins alternatives: a、b或c; a, b or c.
func (w words) or(list []string) string {
	switch n := len(list); n {
	case 0:
		return ""
	case 1:
		return list[0]
	default:
		return strings.Join(list[:n-1], w.pick(both{"、", ", "})) + w.pick(both{"或", " or "}) + list[n-1]
	}
}

// span is a duration as the rules write it, in words; what is none stays.
func (w words) span(text string) string {
	d, err := rule.ParseDuration(text)
	if err != nil {
		return text
	}
	var parts []string
	for _, u := range []struct {
		of     time.Duration
		zh, en string
	}{
		{24 * time.Hour, "天", "day"}, {time.Hour, "小时", "hour"}, {time.Minute, "分钟", "minute"}, {time.Second, "秒", "second"}, {time.Millisecond, "毫秒", "millisecond"},
	} {
		n := d / u.of
		if n == 0 {
			continue
		}
		d %= u.of
		unit := u.en
		if n > 1 {
			unit += "s"
		}
		parts = append(parts, w.say("%d %s", "%d %s", n, w.pick(both{u.zh, unit})))
	}
	return strings.Join(parts, " ")
}

// period is a calendar period in words.
func (w words) period(per string) string {
	b, ok := map[string]both{"day": {"同一天", "one day"}, "week": {"同一周", "one week"}, "month": {"同一个月", "one month"}, "year": {"同一年", "one year"}}[per]
	if !ok {
		return per
	}
	return w.pick(b)
}

// gap parts a number or a Latin word at the end of a Chinese text from what follows.
func (w words) gap(text string) string {
	if r, _ := utf8.DecodeLastRuneInString(text); w.zh && latin(r) {
		return text + " "
	}
	return text
}

// fill puts a value in the place of %s: in Chinese only a number or a Latin word
// stands apart from the words around it.
func (w words) fill(b both, value string) string {
	phrase := w.pick(b)
	if w.zh {
		if r, _ := utf8.DecodeRuneInString(value); !latin(r) {
			phrase = strings.Replace(phrase, " %s", "%s", 1)
		}
		if r, _ := utf8.DecodeLastRuneInString(value); !latin(r) {
			phrase = strings.Replace(phrase, "%s ", "%s", 1)
		}
	}
	return strings.Replace(phrase, "%s", value, 1)
}

func latin(r rune) bool { return r < utf8.RuneSelf && r != '(' && r != ')' }

// last is a duration behind "the last" in English: one is not counted there.
func (w words) last(text string) string {
	span := w.span(text)
	if one, ok := strings.CutPrefix(span, "1 "); ok && !w.zh && !strings.Contains(one, " ") {
		return one
	}
	return span
}
