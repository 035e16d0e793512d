package calendar

import (
	"fmt"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// Weekdays is a set of days of the week.
type Weekdays struct{ set uint8 } // bit 1 Monday … bit 7 Sunday

// ParseWeekdays reads days and ranges, such as mon-fri, sat,sun, 周一-周五 or 1-5
// (1 is Monday, 7 Sunday). A range may wrap: fri-mon.
func ParseWeekdays(text string) (Weekdays, error) {
	var w Weekdays
	for part := range strings.SplitSeq(text, ",") {
		a, b, ranged := strings.Cut(part, "-")
		from, ok := weekday(a)
		to := from
		if ranged && ok {
			to, ok = weekday(b)
		}
		if !ok {
			return Weekdays{}, fmt.Errorf("%[1]q 不是星期几：请写 mon-fri、sat,sun、周一-周五 或 1-5 / %[1]q is not a day of the week; write mon-fri, sat,sun, 周一-周五 or 1-5", strings.TrimSpace(part))
		}
		for d := from; ; d = d%7 + 1 {
			w.set |= 1 << d
			if d == to {
				break
			}
		}
	}
	return w, nil
}

// weekday gives 1 for Monday to 7 for Sunday.
func weekday(text string) (int, bool) {
	s := strings.ToLower(strings.TrimSpace(text))
	for d := 1; d <= 7; d++ {
		full := strings.ToLower(time.Weekday(d % 7).String())
		if s == full || s == full[:3] || s == string(rune('0'+d)) {
			return d, true
		}
	}
	for _, prefix := range []string{"周", "星期", "礼拜"} {
		rest, ok := strings.CutPrefix(s, prefix)
		if !ok {
			continue
		}
		for i, name := range []string{"一", "二", "三", "四", "五", "六", "日", "天"} {
			if rest == name {
				return min(i+1, 7), true
			}
		}
	}
	return 0, false
}

// Holds says that the moment falls on one of the days in the zone.
func (w Weekdays) Holds(at event.Time, zone *time.Location) bool {
	return w.set&(1<<((at.Std().In(zone).Weekday()+6)%7+1)) != 0
}

// MonthDays is a set of days of the month, some of them counted from its end.
type MonthDays struct{ start, end uint32 } // bit n: the n-th day

// ParseMonthDays reads days such as 1,15,-1; -1 is the last day of the month.
// A day that a month does not have is passed over in it.
func ParseMonthDays(text string) (MonthDays, error) {
	var m MonthDays
	for part := range strings.SplitSeq(text, ",") {
		s := strings.TrimSpace(part)
		rest, fromEnd := strings.CutPrefix(s, "-")
		d, ok := digits(rest, 2)
		if !ok || d < 1 || d > 31 {
			return MonthDays{}, fmt.Errorf("%[1]q 不是每月的日子：请写 1 到 31，月末写 -1 / %[1]q is not a day of the month; write 1 to 31, or -1 for the last day", s)
		}
		if fromEnd {
			m.end |= 1 << d
		} else {
			m.start |= 1 << d
		}
	}
	return m, nil
}

// Holds says that the moment falls on one of the days in the zone.
func (m MonthDays) Holds(at event.Time, zone *time.Location) bool {
	y, month, d := at.Std().In(zone).Date()
	last := time.Date(y, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return m.start&(1<<d) != 0 || m.end&(1<<(last-d+1)) != 0
}
