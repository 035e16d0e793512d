package event

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Time is a moment in milliseconds since 1970 UTC. On the wire it is RFC 3339
// in UTC with milliseconds; zero means absent.
type Time int64

const wireLayout = "2006-01-02T15:04:05.000Z"

// ErrTime is the cause of every refusal of a time text.
var ErrTime = errors.New("not a time")

// At converts a time.Time; sub-millisecond digits are cut off.
func At(t time.Time) Time { return Time(t.UnixMilli()) }

// Std converts to a time.Time in UTC.
func (t Time) Std() time.Time { return time.UnixMilli(int64(t)).UTC() }

// Add moves t by d, in whole milliseconds.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Milliseconds()) }

// Sub is the distance t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Millisecond }

// String is the wire form; empty for the zero time.
func (t Time) String() string {
	if t == 0 {
		return ""
	}
	return t.Std().Format(wireLayout)
}

// MarshalJSON writes the wire form, null for zero.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.appendJSON(make([]byte, 0, len(wireLayout)+2)), nil
}

func (t Time) appendJSON(b []byte) []byte {
	if t == 0 {
		return append(b, "null"...)
	}
	return append(t.appendWire(append(b, '"')), '"')
}

// appendWire is the wire form, without the way through a layout for years of four
// digits.
func (t Time) appendWire(b []byte) []byte {
	at := t.Std()
	year, month, day := at.Date()
	if year < 1000 || year > 9999 {
		return at.AppendFormat(b, wireLayout)
	}
	hour, minute, second := at.Clock()
	ms := at.Nanosecond() / 1e6
	two := func(n int) (byte, byte) { return '0' + byte(n/10), '0' + byte(n%10) }
	c, d := two(year / 100)
	e, f := two(year % 100)
	g, h := two(int(month))
	i, j := two(day)
	k, l := two(hour)
	m, n := two(minute)
	o, p := two(second)
	q, r := two(ms % 100)
	return append(b, c, d, e, f, '-', g, h, '-', i, j, 'T', k, l, ':', m, n, ':', o, p, '.', '0'+byte(ms/100), q, r, 'Z')
}

// parseWire reads the wire form exactly; false for every other.
func parseWire(s []byte) (Time, bool) {
	if len(s) != len(wireLayout) {
		return 0, false
	}
	var n [7]int
	field := 0
	for i, c := range s {
		switch want := wireLayout[i]; {
		case want >= '0' && want <= '9':
			if c < '0' || c > '9' {
				return 0, false
			}
			n[field] = n[field]*10 + int(c-'0')
		case c != want:
			return 0, false
		default:
			field++
		}
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1e6, time.UTC)
	if year, month, day := t.Date(); year != n[0] || int(month) != n[1] || day != n[2] || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return 0, false
	}
	return At(t), true
}

// UnmarshalJSON reads RFC 3339 with any zone, or a number of milliseconds.
func (t *Time) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" || s == `""` {
		*t = 0
		return nil
	}
	if s[0] != '"' {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Errorf("time %s: %w", s, ErrTime)
		}
		*t = Time(n)
		return nil
	}
	v, err := ParseTime(s[1 : len(s)-1])
	if err != nil {
		return err
	}
	*t = v
	return nil
}

// clientLayouts are the forms that clients send besides RFC 3339.
var clientLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04Z07:00",
}

// ParseTime reads the times that clients send: RFC 3339 and its near relatives.
// A text without a zone is UTC.
func ParseTime(s string) (Time, error) {
	if s == "" {
		return 0, nil
	}
	for _, layout := range clientLayouts {
		if v, err := time.Parse(layout, s); err == nil {
			return At(v), nil
		}
	}
	return 0, fmt.Errorf("%q: %w", s, ErrTime)
}
