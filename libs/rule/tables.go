package rule

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// quantile is the name of a cut point: p80 has 80 % of the base at or below it.
var quantile = regexp.MustCompile(`^p([1-9]\d?)$`)

// take reads one key of a measure's cut points.
func (out *Cuts) take(p entry) error {
	text, err := p.value.text()
	if err != nil {
		return err
	}
	switch {
	case p.key == "date":
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return p.value.errorf("分位点的 date 写一个日期，如 2026-11-01，不能是 %[1]q / the date of cut points is a day such as 2026-11-01, not %[1]q", text)
		}
		out.Date = text
	case p.key == "customers":
		if out.Customers, err = strconv.ParseUint(text, 10, 63); err != nil {
			return p.value.errorf("customers 写取分位点时的客户数，如 1200，不能是 %[1]q / customers is how many customers the cut points were taken from, such as 1200, not %[1]q", text)
		}
	case !quantile.MatchString(p.key):
		return p.at.errorf("分位点的名字是 p1 到 p99：80%% 的客户不高于 p80；不能是 %[1]q / a cut point is named p1 to p99: p80 has 80 %% of the customers at or below it; not %[1]q", p.key)
	default:
		d, err := decimal.Parse(text)
		if err != nil {
			return p.value.errorf("分位点的值是数字，不能是 %[1]q / a cut point is a number, not %[1]q", text)
		}
		out.Points[p.key] = d
	}
	return nil
}

// cuts reads the cut points of measures over the whole base, which a rule set
// carries with their date: like all a rule can see, they take effect with a
// version.
func (c *compilation) cuts(e entry) {
	if _, ok := c.set.Cuts[e.key]; ok {
		c.fail(e.again("分位点", "the cut points of %q stand"))
		return
	}
	es, err := e.value.entries()
	if c.fail(err) {
		return
	}
	out := Cuts{Points: map[string]decimal.Decimal{}}
	for _, p := range es {
		if c.fail(out.take(p)) {
			return
		}
	}
	if out.Date == "" || len(out.Points) == 0 {
		c.fail(e.at.errorf("%[1]q 的分位点要有 `date` 和至少一个点，如 p80 / the cut points of %[1]q need a `date` and at least one point such as p80", e.key))
		return
	}
	if !ascending(out.Points) {
		c.fail(e.at.errorf("%[1]q 的分位点：百分比越高，值只能相等或更大 / the cut points of %[1]q must not fall from a lower to a higher percentage", e.key))
		return
	}
	if c.set.Cuts == nil {
		c.set.Cuts = map[string]Cuts{}
	}
	c.set.Cuts[e.key] = out
}

func ascending(points map[string]decimal.Decimal) bool {
	names := make([]string, 0, len(points))
	for n := range points {
		names = append(names, n)
	}
	percent := func(n string) int {
		p, _ := strconv.Atoi(n[1:])
		return p
	}
	slices.SortFunc(names, func(a, b string) int { return percent(a) - percent(b) })
	return slices.IsSortedFunc(names, func(a, b string) int { return points[a].Cmp(points[b]) })
}

// rate is what one unit of a currency is worth in the base currency from a day on.
type rate struct {
	from event.Time
	rate decimal.Decimal
}

// rates reads dated rates: {USD: {2026-01-01: 7.10}}.
func (c *compilation) rates(e entry) {
	if _, ok := c.set.rates[e.key]; ok {
		c.fail(e.again("汇率", "the rates of %q stand"))
		return
	}
	es, err := e.value.entries()
	if c.fail(err) {
		return
	}
	var out []rate
	for _, r := range es {
		day, err := time.ParseInLocation(time.DateOnly, r.key, c.set.Zone)
		if err != nil {
			c.fail(r.at.errorf("汇率从某一天起有效，写成 2026-01-01: 7.10，不能是 %[1]q / a rate holds from a day on, such as 2026-01-01: 7.10; not %[1]q", r.key))
			return
		}
		text, err := r.value.text()
		if c.fail(err) {
			return
		}
		d, err := decimal.Parse(text)
		if err != nil || !d.IsPos() {
			c.fail(r.value.errorf("汇率是大于 0 的数：1 %[1]s 值多少 %[2]s；不能是 %[3]q / a rate is a number above 0: what one %[1]s is worth in %[2]s; not %[3]q", e.key, c.set.Currency, text))
			return
		}
		out = append(out, rate{event.At(day), d})
	}
	slices.SortFunc(out, func(a, b rate) int { return int(a.from.Sub(b.from) / time.Millisecond) })
	if c.set.rates == nil {
		c.set.rates = map[string][]rate{}
	}
	c.set.rates[e.key] = out
}

// InBase is an amount in the base currency at the rate of its day; ok is false
// where no rate is known.
func (s *Set) InBase(amount decimal.Decimal, currency string, at event.Time) (d decimal.Decimal, ok bool) {
	if currency == "" || currency == s.Currency {
		return amount, true
	}
	var in *rate
	for i, r := range s.rates[currency] {
		if r.from <= at {
			in = &s.rates[currency][i]
		}
	}
	if in == nil {
		return decimal.Decimal{}, false
	}
	d, err := amount.Mul(in.rate)
	return d, err == nil
}
