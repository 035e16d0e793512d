package calendar

import (
	"testing"
	"time"
	_ "time/tzdata" // days must not depend on the machine's zone files

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

// when reads a wall clock of the zone, or a day's midnight.
func when(t *testing.T, text string, z *time.Location) event.Time {
	t.Helper()
	layout := "2006-01-02 15:04:05"
	if len(text) == len("2006-01-02") {
		layout = time.DateOnly
	}
	v, err := time.ParseInLocation(layout, text, z)
	require.NoError(t, err)
	return event.At(v)
}

func TestPeriodIsTheCalendarOfTheZone(t *testing.T) {
	for _, c := range []struct{ zone, per, at, from, to string }{
		{"Asia/Shanghai", "day", "2026-11-28 00:00:00", "2026-11-28", "2026-11-29"},
		{"Asia/Shanghai", "day", "2026-12-31 23:59:59", "2026-12-31", "2027-01-01"},
		{"Asia/Shanghai", "week", "2026-11-30 00:00:00", "2026-11-30", "2026-12-07"}, // a Monday
		{"Asia/Shanghai", "week", "2026-11-29 23:59:59", "2026-11-23", "2026-11-30"}, // a Sunday
		{"Asia/Shanghai", "week", "2027-01-01 12:00:00", "2026-12-28", "2027-01-04"},
		{"Asia/Shanghai", "month", "2026-12-31 23:59:59", "2026-12-01", "2027-01-01"},
		{"Asia/Shanghai", "month", "2024-02-29 08:00:00", "2024-02-01", "2024-03-01"},
		{"Europe/Berlin", "day", "2026-03-29 12:00:00", "2026-03-29", "2026-03-30"},
		{"Europe/Berlin", "week", "2026-03-29 12:00:00", "2026-03-23", "2026-03-30"},
	} {
		z := zone(t, c.zone)
		from, to := Period(c.per, when(t, c.at, z), z)
		require.Equal(t, when(t, c.from, z), from, "%v", c)
		require.Equal(t, when(t, c.to, z), to, "%v", c)
	}
}

func TestDaysAreAsLongAsTheZoneMakesThem(t *testing.T) {
	for _, c := range []struct {
		zone, at string
		hours    float64
	}{
		{"Europe/Berlin", "2026-03-29 12:00:00", 23},
		{"Europe/Berlin", "2026-10-25 12:00:00", 25},
		{"Europe/Berlin", "2026-10-26 12:00:00", 24},
		{"America/Sao_Paulo", "2018-11-04 12:00:00", 23}, // 0:00 became 1:00
		{"America/Havana", "2024-11-03 12:00:00", 25},    // 1:00 became 0:00
		{"America/Sao_Paulo", "2018-02-17 12:00:00", 25}, // 24:00 became 23:00
	} {
		z := zone(t, c.zone)
		at := when(t, c.at, z)
		from, to := Period("day", at, z)
		require.InDelta(t, c.hours, to.Sub(from).Hours(), 0, "%v", c)
		for _, edge := range []event.Time{from, to - 1} {
			f, e := Period("day", edge, z)
			require.Equal(t, [2]event.Time{from, to}, [2]event.Time{f, e}, "%v at %s", c, edge)
		}
		f, e := Span(1, at, z)
		require.Equal(t, [2]event.Time{from, to}, [2]event.Time{f, e}, "%v", c)
	}
}

func TestSpansAreWholePeriodsFromAMonday(t *testing.T) {
	for _, c := range []struct {
		zone     string
		days, n  int
		at       string
		from, to string
	}{
		{"Asia/Shanghai", 7, 0, "2026-11-29 23:59:59", "2026-11-23", "2026-11-30"},
		{"Asia/Shanghai", 7, 1, "2026-11-29 23:59:59", "2026-11-16", "2026-11-23"},
		{"Asia/Shanghai", 7, 4, "2027-01-01 12:00:00", "2026-11-30", "2026-12-07"},
		{"Asia/Shanghai", 1, 0, "2026-11-29 00:00:00", "2026-11-29", "2026-11-30"},
		{"Asia/Shanghai", 1, 1, "2027-01-01 00:00:00", "2026-12-31", "2027-01-01"},
		{"Asia/Shanghai", 10, 0, "1970-01-05 00:00:00", "1970-01-05", "1970-01-15"},
		{"Asia/Shanghai", 10, 0, "1970-01-14 23:59:59", "1970-01-05", "1970-01-15"},
		{"Asia/Shanghai", 10, 1, "1970-01-05 00:00:00", "1969-12-26", "1970-01-05"},
		{"Asia/Shanghai", 10, 0, "1970-01-04 23:59:59", "1969-12-26", "1970-01-05"},
		{"Asia/Shanghai", 30, 0, "2026-11-28 10:00:00", "2026-11-07", "2026-12-07"},
		{"Asia/Shanghai", 30, 2, "2026-11-28 10:00:00", "2026-09-08", "2026-10-08"},
		{"Europe/Berlin", 7, 1, "2026-04-01 10:00:00", "2026-03-23", "2026-03-30"},
	} {
		z := zone(t, c.zone)
		from, to := SpanBefore(c.days, c.n, when(t, c.at, z), z)
		require.Equal(t, when(t, c.from, z), from, "%v", c)
		require.Equal(t, when(t, c.to, z), to, "%v", c)
	}
}

func TestSpansFollowOneAnother(t *testing.T) {
	z := zone(t, "Europe/Berlin")
	at := when(t, "2026-11-28 10:00:00", z)
	for _, days := range []int{1, 2, 7, 14, 30, 90} {
		_, upper := Span(days, at, z)
		for n := range 40 {
			from, to := SpanBefore(days, n, at, z)
			require.Equal(t, upper, to, "%d days, %d before", days, n)
			if days%7 == 0 {
				require.Equal(t, time.Monday, from.Std().In(z).Weekday())
			}
			upper = from
		}
	}
}
