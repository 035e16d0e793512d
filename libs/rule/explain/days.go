package explain

import "strings"

// weekdays are days of the week and ranges of them, as weekday("…") takes them, in
// words; what is none stays.
func (w words) weekdays(text string) string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(part, "-")
		said := w.weekday(from)
		if ranged {
			said = w.say("%s到%s", "%s to %s", said, w.weekday(to))
		}
		parts = append(parts, said)
	}
	return strings.Join(parts, w.pick(both{"、", ", "}))
}

func (w words) weekday(text string) string {
	text = strings.TrimSpace(text)
	for i, b := range []both{
		{"周一", "Monday"}, {"周二", "Tuesday"}, {"周三", "Wednesday"}, {"周四", "Thursday"}, {"周五", "Friday"}, {"周六", "Saturday"}, {"周日", "Sunday"},
	} {
		if small := strings.ToLower(b.en); text == string(rune('1'+i)) || strings.ToLower(text) == small || strings.ToLower(text) == small[:3] || text == b.zh {
			return w.pick(b)
		}
	}
	return text
}

// monthDays are days of the month in words, some of them counted from its end.
func (w words) monthDays(text string) string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		end, fromEnd := strings.CutPrefix(part, "-")
		switch {
		case end == "1" && fromEnd:
			parts = append(parts, w.say("最后一天", "the last day"))
		case fromEnd:
			parts = append(parts, w.say("倒数第 %s 天", "day %s from the end", end))
		default:
			parts = append(parts, w.say("%s 日", "day %s", part))
		}
	}
	return strings.TrimSuffix(w.fill(both{" %s", "%s"}, strings.Join(parts, w.pick(both{"、", ", "}))), " ")
}
