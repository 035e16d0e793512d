package calendar

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSlotHoldsFromItsBeginningUpToItsEnd(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	for _, c := range []struct {
		slot, at string
		holds    bool
	}{
		{"09:00-18:00", "08:59:59", false},
		{"09:00-18:00", "09:00:00", true},
		{"9:00-18:00", "17:59:59", true},
		{"09:00-18:00", "18:00:00", false},
		{"22:00-02:00", "21:59:59", false},
		{"22:00-02:00", "23:00:00", true},
		{"22:00-02:00", "00:00:00", true},
		{"22:00-02:00", "01:59:59", true},
		{"22:00-02:00", "02:00:00", false},
		{"18:00-24:00", "23:59:59", true},
		{"18:00-24:00", "00:00:00", false},
		{"18:00-00:00", "23:59:59", true},
		{"18:00-00:00", "00:00:00", false},
		{"00:00-24:00", "00:00:00", true},
		{"00:00-24:00", "12:30:00", true},
	} {
		s, err := ParseSlot(c.slot)
		require.NoError(t, err)
		require.Equal(t, c.holds, s.Holds(when(t, "2026-11-28 "+c.at, z), z), "%v", c)
	}
}

func TestSlotGoesByTheWallClock(t *testing.T) {
	z := zone(t, "Europe/Berlin")
	s, err := ParseSlot("02:00-04:00")
	require.NoError(t, err)
	before := when(t, "2026-03-29 01:59:59", z)
	require.False(t, s.Holds(before, z))
	require.True(t, s.Holds(before.Add(time.Second), z), "it is 3:00 on the day of 23 hours")
}

func TestSlotRefusals(t *testing.T) {
	for _, text := range []string{
		"", "9-18", "09:00", "09:00-", "09:60-10:00", "25:00-26:00", "24:00-02:00", "24:01-02:00", "09:00-24:01",
		"09:00-18:0", "-1:00-02:00", "09:00:00-10:00", "九点-十点",
	} {
		_, err := ParseSlot(text)
		require.ErrorContains(t, err, "not a time slot", text)
	}
	_, err := ParseSlot("09:00-9:00")
	require.ErrorContains(t, err, "00:00-24:00")
}

func TestWeekdays(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	for text, days := range map[string]string{ // Monday to Sunday
		"mon-fri": "1111100", "sat,sun": "0000011", "周一-周五": "1111100", "周六,周日": "0000011",
		"1-5": "1111100", "7": "0000001", "fri-mon": "1000111", "周五-周一": "1000111", "周六-周日": "0000011",
		"Mon , Wed - thu": "1011000", "星期天": "0000001", "礼拜三": "0010000", "sunday": "0000001", "mon-sun": "1111111", "2-2": "0100000",
	} {
		w, err := ParseWeekdays(text)
		require.NoError(t, err, text)
		for d := range 7 {
			at := when(t, "2026-11-23", z).Add(time.Duration(d) * 24 * time.Hour)
			require.Equal(t, days[d] == '1', w.Holds(at, z), "%s on day %d", text, d+1)
			require.Equal(t, days[d] == '1', w.Holds(at+86_399_999, z), "%s at the end of day %d", text, d+1)
		}
	}
	for _, text := range []string{"", "0", "8", "mon-", "-fri", "周八", "mon fri", "周", "mon,,tue", "m"} {
		_, err := ParseWeekdays(text)
		require.ErrorContains(t, err, "not a day of the week", text)
	}
}

func TestMonthDays(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	for _, c := range []struct {
		days, at string
		holds    bool
	}{
		{"1,15,-1", "2026-11-01", true},
		{"1,15,-1", "2026-11-02", false},
		{"1, 15 ,-1", "2026-11-15", true},
		{"1,15,-1", "2026-11-30", true},
		{"1,15,-1", "2026-11-29", false},
		{"-1", "2026-02-28", true},
		{"-1", "2028-02-28", false},
		{"-1", "2028-02-29", true},
		{"-1", "2026-12-31", true},
		{"-2", "2026-12-30", true},
		{"31", "2026-12-31", true},
		{"31", "2026-11-30", false},
		{"-31", "2026-12-01", true},
		{"-31", "2026-11-01", false},
	} {
		m, err := ParseMonthDays(c.days)
		require.NoError(t, err)
		require.Equal(t, c.holds, m.Holds(when(t, c.at, z), z), "%v", c)
	}
	for _, text := range []string{"", "0", "-0", "32", "1-5", "--1", "x", "1,"} {
		_, err := ParseMonthDays(text)
		require.ErrorContains(t, err, "not a day of the month", text)
	}
}
