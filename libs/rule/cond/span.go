package cond

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

var durationPart = regexp.MustCompile(`^(\d+)(ms|s|m|h|d|w)`)

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// ParseDuration reads durations such as 7d, 1h30m: ms, s, m, h, d (24 h), w.
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest := s
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%[1]q 不是时长：请写数字加单位 ms、s、m、h、d、w，如 7d / %[1]q is not a duration: write a number with ms, s, m, h, d or w, such as 7d", s)
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n > int64(100*365*24*time.Hour/units[m[2]]) {
			return 0, fmt.Errorf("时长 %[1]q 超过 100 年 / the duration %[1]q is longer than 100 years", s)
		}
		total += time.Duration(n) * units[m[2]]
		rest = rest[len(m[0]):]
	}
	if total <= 0 {
		return 0, fmt.Errorf("时长 %[1]q 要大于 0 / %[1]q is not a duration longer than nothing", s)
	}
	return total, nil
}

// SpanText writes a length of time by its two largest units: 12d3h, 45s.
func SpanText(d time.Duration) string {
	out, parts := "", 0
	for _, u := range []struct {
		name string
		long time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / u.long; n > 0 {
			out += strconv.FormatInt(int64(n), 10) + u.name
			d -= n * u.long
			parts++
		}
		if parts == 2 || parts == 1 && d < u.long/1000 {
			break
		}
	}
	if out == "" {
		return "0s"
	}
	return out
}
