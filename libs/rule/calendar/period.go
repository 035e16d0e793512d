package calendar

import (
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

const secondsOfDay = 24 * 60 * 60

// firstMonday is Monday 1970-01-05 in days since 1970-01-01.
const firstMonday = 4

// Period is the calendar day, week (from Monday) or month that contains a
// moment; per is day, week or month, anything else is a day.
func Period(per string, at event.Time, zone *time.Location) (from, to event.Time) {
	y, m, d := at.Std().In(zone).Date()
	switch per {
	case "week":
		return Span(7, at, zone)
	case "month":
		return midnight(y, m, 1, zone), midnight(y, m+1, 1, zone)
	}
	return midnight(y, m, d, zone), midnight(y, m, d+1, zone)
}

// Span is the whole period of so many days (at least 1) that contains a moment.
// Periods are counted from Monday 1970-01-05, so those of 7 days begin on Mondays.
func Span(days int, at event.Time, zone *time.Location) (from, to event.Time) {
	return SpanBefore(days, 0, at, zone)
}

// SpanBefore is the n-th whole period before the one that contains the moment;
// 0 is that one itself.
func SpanBefore(days, n int, at event.Time, zone *time.Location) (from, to event.Time) {
	days = max(days, 1)
	y, m, d := at.Std().In(zone).Date()
	today := int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/secondsOfDay) - firstMonday
	first := today - (today%days+days)%days - n*days
	start := 1 + firstMonday + first // as a day of January 1970
	return midnight(1970, time.January, start, zone), midnight(1970, time.January, start+days, zone)
}

// midnight is the first moment of a day; month and day may lie outside their
// usual ranges, as in time.Date. Where clocks are moved at midnight, so that it
// is missing or comes twice, time.Date does not say which moment it gives.
func midnight(y int, m time.Month, d int, zone *time.Location) event.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	if t.Unix()+int64(offset) < time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() {
		return event.At(end) // midnight is missing: the day begins with the new time
	}
	if !start.IsZero() {
		_, before := start.Add(-time.Second).In(zone).Zone()
		first := t.Add(-time.Duration(before-offset) * time.Second)
		if before > offset && first.Before(start) {
			return event.At(first) // midnight comes twice
		}
	}
	return event.At(t)
}
