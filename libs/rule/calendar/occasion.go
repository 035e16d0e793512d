package calendar

import (
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// Occasion is a day that comes once a year, such as a birthday or a festival.
type Occasion interface {
	// Around gives the whole day [from, to) of the occasion, widened by `before`
	// days in front, that ends first after at. Whether at lies in it, or has yet
	// to reach it, is told by from. ok is false where the day is not known.
	Around(at event.Time, before int, zone *time.Location) (from, to event.Time, ok bool)
}

// yearly is an occasion by its date in a year.
type yearly struct {
	// date may lie outside the usual ranges, as in time.Date.
	date   func(year int) (time.Month, int)
	tabled bool // known in the years of the table only
}

func (o yearly) Around(at event.Time, before int, zone *time.Location) (from, to event.Time, ok bool) {
	year := at.Std().In(zone).Year()
	if o.tabled && (year < firstYear || year > lastYear) {
		return 0, 0, false
	}
	for y := year - 1; y <= year+1; y++ {
		m, d := o.date(y)
		if to = midnight(y, m, d+1, zone); to > at {
			return midnight(y, m, d-max(before, 0), zone), to, true
		}
	}
	return 0, 0, false
}

// leapYear stands for the year of a birthday that names none.
const leapYear = 2000

// Birthday reads 1990-05-12, 1990/5/12, 19900512, 1990年5月12日, 05-12 or
// 5月12日; a time of day behind it is passed over. Who was born on 29 February
// has it on the 28th in common years.
func Birthday(text string) (Occasion, bool) {
	b, ok := born(text)
	if !ok {
		return nil, false
	}
	return yearly{date: func(year int) (time.Month, int) { return b.month, b.day(year) }}, true
}

// Birth is a day of birth whose year is known.
type Birth struct {
	year  int // 0: not known
	month time.Month
	date  int
}

// ParseBirth reads what Birthday does; ok is false where the year is missing.
func ParseBirth(text string) (b Birth, ok bool) {
	b, ok = born(text)
	return b, ok && b.year != 0
}

// Reaches is the moment at which so many years are completed.
func (b Birth) Reaches(years int, zone *time.Location) event.Time {
	return midnight(b.year+years, b.month, b.day(b.year+years), zone)
}

// Age is the number of completed years; ok is false before the birth.
func (b Birth) Age(at event.Time, zone *time.Location) (years int, ok bool) {
	years = at.Std().In(zone).Year() - b.year
	if b.Reaches(years, zone) > at {
		years--
	}
	return years, years >= 0
}

// day is the day of the month on which it is kept in a year.
func (b Birth) day(year int) int {
	return min(b.date, time.Date(year, b.month+1, 0, 0, 0, 0, 0, time.UTC).Day())
}

func born(text string) (b Birth, ok bool) {
	text = strings.TrimSpace(text)
	if i := strings.IndexAny(text, "T "); i > 0 {
		text = text[:i]
	}
	if _, ok := digits(text, 8); ok && len(text) == 8 {
		text = text[:4] + "-" + text[4:6] + "-" + text[6:]
	}
	parts := strings.Split(strings.TrimRight(strings.Map(dash, text), "日号"), "-")
	year := leapYear
	if len(parts) == 3 {
		y, ok := digits(parts[0], 4)
		if !ok || y < 1900 {
			return b, false
		}
		year, b.year, parts = y, y, parts[1:]
	}
	if len(parts) != 2 {
		return b, false
	}
	m, okMonth := digits(parts[0], 2)
	day, okDay := digits(parts[1], 2)
	b.month, b.date = time.Month(m), day
	t := time.Date(year, b.month, day, 0, 0, 0, 0, time.UTC)
	return b, okMonth && okDay && t.Month() == b.month && t.Day() == day
}

// dash makes one sign of those that stand between the parts of a date.
func dash(r rune) rune {
	if strings.ContainsRune("/.年月", r) {
		return '-'
	}
	return r
}
