package calendar

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBirthdays(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	for _, c := range []struct {
		text, at string
		before   int
		from, to string
	}{
		{"1990-05-12", "2026-05-11 23:59:59", 0, "2026-05-12", "2026-05-13"},
		{"1990/5/12", "2026-05-12 23:59:59", 0, "2026-05-12", "2026-05-13"},
		{"19900512", "2026-05-13 00:00:00", 0, "2027-05-12", "2027-05-13"},
		{"1990.5.12", "2026-01-01 00:00:00", 7, "2026-05-05", "2026-05-13"},
		{"1990年5月12日", "2026-01-01 00:00:00", 0, "2026-05-12", "2026-05-13"},
		{"05-12", "2026-01-01 00:00:00", 0, "2026-05-12", "2026-05-13"},
		{" 5月12日 ", "2026-01-01 00:00:00", 0, "2026-05-12", "2026-05-13"},
		{"1990-05-12T08:00:00Z", "2026-01-01 00:00:00", 0, "2026-05-12", "2026-05-13"},
		{"1992-02-29", "2026-01-01 00:00:00", 0, "2026-02-28", "2026-03-01"},
		{"1992-02-29", "2028-02-28 12:00:00", 0, "2028-02-29", "2028-03-01"},
		{"02-29", "2028-03-01 00:00:00", 3, "2029-02-25", "2029-03-01"},
		{"01-02", "2026-12-28 12:00:00", 7, "2026-12-26", "2027-01-03"}, // across the year's end
		{"12-31", "2026-12-31 23:59:59", 0, "2026-12-31", "2027-01-01"},
		{"12-31", "2027-01-01 00:00:00", 0, "2027-12-31", "2028-01-01"},
	} {
		b, ok := Birthday(c.text)
		require.True(t, ok, c.text)
		from, to, ok := b.Around(when(t, c.at, z), c.before, z)
		require.True(t, ok)
		require.Equal(t, when(t, c.from, z), from, "%v", c)
		require.Equal(t, when(t, c.to, z), to, "%v", c)
	}
	for _, text := range []string{
		"", "1990", "1990-02-29", "1990-13-01", "1990-00-10", "04-31", "0001-01-01", "5月", "1990-05-12-01",
		"属马", "19901301", "+5-12", "T", "日", "990-05-12",
	} {
		_, ok := Birthday(text)
		require.False(t, ok, text)
	}
}

func TestAge(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	for _, c := range []struct {
		text, at string
		years    int
	}{
		{"1990-05-12", "2026-05-11 23:59:59", 35},
		{"1990-05-12", "2026-05-12 00:00:00", 36},
		{"1990年5月12日", "1990-05-12 00:00:00", 0},
		{"1992-02-29", "2026-02-27 12:00:00", 33},
		{"1992-02-29", "2026-02-28 00:00:00", 34},
		{"1992-02-29", "2028-02-28 23:59:59", 35},
		{"20001231", "2026-12-31 00:00:00", 26},
	} {
		b, ok := ParseBirth(c.text)
		require.True(t, ok, c.text)
		years, ok := b.Age(when(t, c.at, z), z)
		require.True(t, ok, "%v", c)
		require.Equal(t, c.years, years, "%v", c)
		reached, _ := b.Age(b.Reaches(years+1, z), z)
		before, _ := b.Age(b.Reaches(years+1, z)-1, z)
		require.Equal(t, []int{years, years + 1}, []int{before, reached}, "%v", c)
	}
	unborn, ok := ParseBirth("2027-01-01")
	require.True(t, ok)
	_, ok = unborn.Age(when(t, "2026-05-12 00:00:00", z), z)
	require.False(t, ok)
	for _, text := range []string{"05-12", "", "1990-02-29", "36"} {
		_, ok := ParseBirth(text)
		require.False(t, ok, text)
	}
}

func TestABirthdayInAZoneWithADayOf23Hours(t *testing.T) {
	z := zone(t, "Europe/Berlin")
	b, ok := Birthday("1990-03-29")
	require.True(t, ok)
	from, to, ok := b.Around(when(t, "2026-03-29 12:00:00", z), 0, z)
	require.True(t, ok)
	require.InDelta(t, 23, to.Sub(from).Hours(), 0)
}

// known are dates of public calendars.
func known() map[string][]string {
	return map[string][]string{
		"除夕": {"2008-02-06", "2016-02-07", "2020-01-24", "2023-01-21", "2024-02-09", "2025-01-28", "2026-02-16"},
		"春节": {
			"2000-02-05", "2001-01-24", "2008-02-07", "2010-02-14", "2012-01-23", "2015-02-19", "2018-02-16", "2019-02-05", "2020-01-25",
			"2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26", "2033-01-31",
		},
		"元宵节": {"2020-02-08", "2022-02-15", "2023-02-05", "2024-02-24", "2025-02-12"},
		"龙抬头": {"2024-03-11", "2025-03-01"},
		"清明":  {"2008-04-04", "2019-04-05", "2020-04-04", "2022-04-05", "2023-04-05", "2024-04-04", "2025-04-04", "2026-04-05"},
		"端午节": {"2008-06-08", "2013-06-12", "2020-06-25", "2022-06-03", "2023-06-22", "2024-06-10", "2025-05-31", "2026-06-19"},
		"七夕":  {"2019-08-07", "2020-08-25", "2023-08-22", "2024-08-10", "2025-08-29"},
		"中元节": {"2023-08-30", "2024-08-18", "2025-09-06"},
		"中秋节": {"2008-09-14", "2017-10-04", "2020-10-01", "2022-09-10", "2023-09-29", "2024-09-17", "2025-10-06", "2026-09-25", "2033-09-08"},
		"重阳节": {"2022-10-04", "2023-10-23", "2024-10-11", "2025-10-29"},
		"冬至":  {"2020-12-21", "2021-12-21", "2022-12-22", "2023-12-22", "2024-12-21", "2025-12-21"},
		"腊八节": {"2021-01-20", "2022-01-10", "2022-12-30", "2024-01-18", "2025-01-07", "2026-01-26"},
		"母亲节": {"2022-05-08", "2024-05-12", "2025-05-11", "2026-05-10"},
		"父亲节": {"2022-06-19", "2024-06-16", "2025-06-15", "2026-06-21"},
		"感恩节": {"2022-11-24", "2023-11-23", "2024-11-28", "2025-11-27"},
		// the day after 感恩节, also where that is the last of the month's fourth week
		"黑色星期五": {"2022-11-25", "2024-11-29", "2025-11-28"},
		"元旦":    {"2026-01-01"}, "情人节": {"2026-02-14"}, "妇女节": {"2026-03-08"}, "劳动节": {"2026-05-01"}, "青年节": {"2026-05-04"},
		"儿童节": {"2026-06-01"}, "六一八": {"2026-06-18"}, "教师节": {"2026-09-10"}, "国庆节": {"2026-10-01"}, "双十一": {"2026-11-11"},
		"双十二": {"2026-12-12"}, "平安夜": {"2026-12-24"}, "圣诞节": {"2026-12-25"},
	}
}

func TestFestivalsAreOnTheirKnownDates(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	dates := known()
	require.Len(t, Festivals(), 2*len(dates), "each festival has a known date")
	for name, days := range dates {
		f, err := Festival(name)
		require.NoError(t, err)
		for _, day := range days {
			midnight := when(t, day, z)
			from, to, ok := f.Around(midnight, 0, z)
			require.True(t, ok)
			require.Equal(t, midnight, from, "%s %s", name, day)
			require.Equal(t, midnight+86_400_000, to, "%s %s", name, day)
			wide, _, ok := f.Around(midnight-1, 3, z)
			require.True(t, ok)
			require.Equal(t, midnight-3*86_400_000, wide, "%s %s, from three days before", name, day)
		}
	}
}

func TestTheTableHoldsTogether(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	require.Len(t, table, (lastYear+1-tableYear+1)*lineLength)
	for year := tableYear; year <= lastYear+1; year++ {
		require.Equal(t, year, twoDigits(table[(year-tableYear)*lineLength:])*100+twoDigits(table[(year-tableYear)*lineLength+2:]))
		day := func(column, after int) int {
			m, d := lunar(column, after).date(year)
			return int(midnight(year, m, d, z) / 86_400_000)
		}
		require.Equal(t, day(spring, 0)-1, day(spring, -1), "除夕 is the day before, %d", year)
		require.Equal(t, day(spring, 0)+14, day(lantern, 0), year)
		require.Equal(t, day(qixi, 0)+8, day(ghost, 0), year)
		for column := range laba {
			require.Less(t, day(column, 0), day(column+1, 0), "%d, column %d", year, column)
		}
		gap := day(laba, 0) - day(spring, 0) // from the 1st of the first to the 8th of the twelfth month
		require.True(t, gap >= 331 && gap <= 333 || gap >= 360 && gap <= 363, "%d: %d days", year, gap)
		first, _ := lunar(spring, 0).date(year)
		require.True(t, first == 1 || first == 2, year)
	}
}

func TestFestivalsWithoutAnAnswer(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	f, err := Festival("spring_festival")
	require.NoError(t, err)
	for at, want := range map[string]bool{
		"1999-12-31 23:59:59": false, "2000-01-01 00:00:00": true, "2060-12-31 23:59:59": true, "2061-01-01 00:00:00": false,
		"1800-06-01 00:00:00": false, "2300-06-01 00:00:00": false,
	} {
		_, _, ok := f.Around(when(t, at, z), 0, z)
		require.Equal(t, want, ok, at)
	}
	fixed, err := Festival("国庆")
	require.NoError(t, err)
	_, _, ok := fixed.Around(when(t, "2300-06-01", z), 0, z)
	require.True(t, ok, "a fixed date needs no table")
}

func TestFestivalNames(t *testing.T) {
	for _, name := range Festivals() {
		_, err := Festival(name)
		require.NoError(t, err)
	}
	for name, near := range map[string]string{
		"春结": "春节", "中秋街": "中秋节", "chrismas": "christmas", "valentine": "valentines", "端五": "端午", "圣诞节日": "圣诞节",
	} {
		_, err := Festival(name)
		require.ErrorContains(t, err, "did you mean", name)
		require.ErrorContains(t, err, near, name)
	}
	_, err := Festival("开工大吉日子")
	require.ErrorContains(t, err, "there are 元旦")
	for _, name := range []string{"Spring Festival", "mother's day", " 七夕节 ", "双11"} {
		_, err := Festival(name)
		require.NoError(t, err, name)
	}
}
