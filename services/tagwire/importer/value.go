package importer

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// errNone says that a row has no such value.
var errNone = errors.New("no value")

// text is the value of a row as a text; errNone when a column that it needs is
// empty.
func (v *Value) text(r *Row, missing []string) (string, error) {
	x, err := v.any(r, missing)
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(fmt.Sprint(x))
	if s == "" {
		return "", errNone
	}
	return s, nil
}

// any is the value of a row, of the kind that `as` says.
func (v *Value) any(r *Row, missing []string) (any, error) {
	if v.empty() {
		return nil, errNone
	}
	if len(v.parts) == 0 {
		return v.constant, nil
	}
	raw, err := v.raw(r, missing)
	if err != nil {
		if v.fallback != nil {
			return v.fallback, nil
		}
		return nil, err
	}
	if v.values != nil {
		if to, ok := v.values[raw]; ok {
			return to, nil
		}
		if v.fallback != nil {
			return v.fallback, nil
		}
		return nil, fmt.Errorf("the value %.40q of column %q is not among `values`, and there is no `default`", raw, v.reads[0])
	}
	switch v.as {
	case "number":
		return number(raw)
	case "bool":
		return truth(raw)
	case "time":
		t, err := v.moment(raw)
		return t.String(), err
	}
	return raw, nil
}

func (v *Value) raw(r *Row, missing []string) (string, error) {
	var b strings.Builder
	for _, p := range v.parts {
		if p.column == "" {
			b.WriteString(p.text)
			continue
		}
		s := strings.TrimSpace(r.Get(p.column))
		if s == "" || slices.Contains(missing, s) {
			return "", errNone
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// at is the value as a moment.
func (v *Value) at(r *Row, missing []string) (event.Time, error) {
	if len(v.parts) == 0 {
		return v.moment(fmt.Sprint(v.constant))
	}
	raw, err := v.raw(r, missing)
	if err != nil {
		return 0, err
	}
	return v.moment(raw)
}

// number is what sheets write as a number: with currency signs, thousands and
// full-width digits.
func number(s string) (any, error) {
	d, err := money(s)
	if err != nil {
		return nil, err
	}
	return rawNumber(d.String()), nil
}

// rawNumber is written into JSON as it is.
type rawNumber string

// MarshalJSON writes the digits.
func (n rawNumber) MarshalJSON() ([]byte, error) { return []byte(n), nil }

var (
	moneyNoise = strings.NewReplacer("¥", "", "￥", "", "$", "", "€", "", "£", "", "元", "", " ", "", "\u00a0", "", "，", ",", "．", ".", "＋", "", "－", "-", "−", "-", "RMB", "", "CNY", "", "USD", "")
	thousands  = regexp.MustCompile(`^-?[0-9]{1,3}(,[0-9]{2,4})*(\.[0-9]*)?$`)
)

func money(s string) (decimal.Decimal, error) {
	t := moneyNoise.Replace(strings.Map(narrow, s))
	if inner, ok := strings.CutPrefix(t, "("); ok && strings.HasSuffix(inner, ")") {
		t = "-" + strings.TrimSuffix(inner, ")") // as accountants write it
	}
	if strings.Contains(t, ",") {
		if !thousands.MatchString(t) {
			return decimal.Decimal{}, fmt.Errorf("%.40q is not a number", s)
		}
		t = strings.ReplaceAll(t, ",", "")
	}
	d, err := decimal.Parse(strings.TrimSuffix(t, "."))
	if err != nil {
		return d, fmt.Errorf("%.40q is not a number of at most 19 digits", s)
	}
	return d, nil
}

func narrow(r rune) rune {
	if r >= '０' && r <= '９' {
		return r - '０' + '0'
	}
	return r
}

func truth(s string) (any, error) {
	switch strings.ToLower(s) {
	case "true", "1", "yes", "y", "是", "有", "已":
		return true, nil
	case "false", "0", "no", "n", "否", "无", "未":
		return false, nil
	}
	return nil, fmt.Errorf("%.40q is neither yes nor no", s)
}

// words of formats that people write; longer ones first.
var formatWords = strings.NewReplacer(
	"YYYY", "2006", "yyyy", "2006", "MM", "01", "DD", "02", "dd", "02", "HH", "15", "hh", "15", "mm", "04", "ss", "05", "SSS", "000",
	"YY", "06", "yy", "06", "M", "1", "D", "2", "d", "2", "H", "15", "m", "4", "s", "5", "ZZ", "-0700", "Z", "Z07:00",
)

// usual are the forms that are tried where no format is given.
func usual() []string {
	return []string{
		"2006-01-02 15:04:05", "2006-1-2 15:4:5", "2006-1-2 15:4", "2006-1-2", "2006/1/2 15:4:5", "2006/1/2 15:4", "2006/1/2",
		"20060102", "20060102150405", "2006.1.2", "2006年1月2日", "2006年1月2日 15:4", "2006年1月2日 15:4:5", "2006年1月2日 15时4分", "2006年1月2日 15时4分5秒",
	}
}

// layout settles how the value's times are read.
func (v *Value) layout(zone *time.Location) error {
	if v.zone == nil {
		v.zone = zone
	}
	switch v.format {
	case "", "unix", "unix_ms":
		return nil
	}
	layout := formatWords.Replace(v.format)
	if !strings.Contains(layout, "06") { // no year
		return fmt.Errorf("看不懂时间格式 %q / the time format %q is not understood; write it like YYYY-MM-DD HH:mm:ss, or unix, unix_ms", v.format, v.format)
	}
	v.layouts = []string{layout}
	return nil
}

func (v *Value) moment(s string) (event.Time, error) {
	bad := func() (event.Time, error) {
		how := "write `format` in the map, such as YYYY-MM-DD HH:mm:ss"
		if v.format != "" {
			how = "the map says " + v.format
		}
		return 0, fmt.Errorf("%.40q is not a time: %s", s, how)
	}
	if v.format == "unix" || v.format == "unix_ms" {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f < -1e15 || f > 1e15 {
			return bad()
		}
		if v.format == "unix" {
			f *= 1000
		}
		return event.Time(f), nil
	}
	layouts := v.layouts
	if v.format == "" {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return event.At(t), nil
		}
		layouts = usual()
	}
	zone := v.zone
	if zone == nil {
		zone = time.UTC
	}
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return event.At(t), nil
		}
	}
	if v.format == "" {
		for _, l := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999-0700"} {
			if t, err := time.ParseInLocation(l, s, zone); err == nil {
				return event.At(t), nil
			}
		}
	}
	return bad()
}
