package calendar

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// festival is a festival by its Chinese and English names; further names of it
// are understood too.
type festival struct {
	zh, en string
	also   []string
	when   yearly
}

func festivals() []festival {
	return []festival{
		{"元旦", "new_year", []string{"新年", "元旦节"}, on(time.January, 1)},
		{"情人节", "valentines", nil, on(time.February, 14)},
		{"妇女节", "womens_day", []string{"三八节", "女神节"}, on(time.March, 8)},
		{"劳动节", "labour_day", []string{"五一", "五一节", "labor_day"}, on(time.May, 1)},
		{"青年节", "youth_day", []string{"五四"}, on(time.May, 4)},
		{"母亲节", "mothers_day", nil, nth(time.May, time.Sunday, 2, 0)},
		{"儿童节", "childrens_day", []string{"六一", "六一节"}, on(time.June, 1)},
		{"六一八", "shopping_618", []string{"618"}, on(time.June, 18)},
		{"父亲节", "fathers_day", nil, nth(time.June, time.Sunday, 3, 0)},
		{"教师节", "teachers_day", nil, on(time.September, 10)},
		{"国庆节", "national_day", []string{"国庆", "十一"}, on(time.October, 1)},
		{"双十一", "singles_day", []string{"双11", "double_11"}, on(time.November, 11)},
		{"感恩节", "thanksgiving", nil, nth(time.November, time.Thursday, 4, 0)},
		{"黑色星期五", "black_friday", []string{"黑五"}, nth(time.November, time.Thursday, 4, 1)},
		{"双十二", "double_12", []string{"双12"}, on(time.December, 12)},
		{"平安夜", "christmas_eve", nil, on(time.December, 24)},
		{"圣诞节", "christmas", []string{"圣诞"}, on(time.December, 25)},
		{"除夕", "lunar_new_years_eve", []string{"大年三十", "除夕夜"}, lunar(spring, -1)},
		{"春节", "spring_festival", []string{"大年初一", "lunar_new_year", "chinese_new_year"}, lunar(spring, 0)},
		{"元宵节", "lantern_festival", []string{"元宵"}, lunar(lantern, 0)},
		{"龙抬头", "dragon_head", []string{"二月二"}, lunar(dragonHead, 0)},
		{"清明", "qingming", []string{"清明节"}, lunar(qingming, 0)},
		{"端午节", "dragon_boat", []string{"端午"}, lunar(dragonBoat, 0)},
		{"七夕", "qixi", []string{"七夕节"}, lunar(qixi, 0)},
		{"中元节", "ghost_festival", []string{"中元"}, lunar(ghost, 0)},
		{"中秋节", "mid_autumn", []string{"中秋"}, lunar(midAutumn, 0)},
		{"重阳节", "double_ninth", []string{"重阳"}, lunar(doubleNinth, 0)},
		{"冬至", "winter_solstice", []string{"冬至节"}, lunar(solstice, 0)},
		{"腊八节", "laba", []string{"腊八"}, lunar(laba, 0)},
	}
}

// on is the same day each year.
func on(month time.Month, day int) yearly {
	return yearly{date: func(int) (time.Month, int) { return month, day }}
}

// nth is so many days after the n-th such weekday of the month.
func nth(month time.Month, weekday time.Weekday, n, after int) yearly {
	return yearly{date: func(year int) (time.Month, int) {
		first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday()
		return month, 1 + int(weekday-first+7)%7 + (n-1)*7 + after
	}}
}

// Festival is the festival of a Chinese or English name.
func Festival(name string) (Occasion, error) {
	want := plain(name)
	for _, f := range festivals() {
		if want == f.zh || want == f.en || slices.Contains(f.also, want) {
			return f.when, nil
		}
	}
	if near := nearNames(want); len(near) > 0 {
		return nil, fmt.Errorf("没有节日 %[1]q：是不是 %[2]s？ / there is no festival %[1]q; did you mean %[2]s?", name, strings.Join(near, ", "))
	}
	return nil, fmt.Errorf("没有节日 %[1]q：有 %[2]s / there is no festival %[1]q; there are %[2]s", name, strings.Join(Festivals(), ", "))
}

func plain(name string) string {
	return strings.NewReplacer(" ", "_", "-", "_", "'", "").Replace(strings.ToLower(strings.TrimSpace(name)))
}

// Festivals lists the names, first the Chinese, then the English, both of them
// in the order of the year, the lunar ones last.
func Festivals() []string {
	var zh, en []string
	for _, f := range festivals() {
		zh, en = append(zh, f.zh), append(en, f.en)
	}
	return append(zh, en...)
}

// nearNames are the names of the up to three festivals that are nearest to a
// text, if at least half of the longer of the two agrees.
func nearNames(text string) []string {
	type near struct {
		name  string
		apart float64
	}
	var found []near
	for _, f := range festivals() {
		best := near{f.zh, 1}
		for _, name := range append([]string{f.zh, f.en}, f.also...) {
			a, b := []rune(text), []rune(name)
			if d := float64(distance(a, b)) / float64(max(len(a), len(b), 1)); d < best.apart {
				best = near{name, d}
			}
		}
		if best.apart <= 0.5 {
			found = append(found, best)
		}
	}
	slices.SortStableFunc(found, func(a, b near) int {
		switch {
		case a.apart < b.apart:
			return -1
		case a.apart > b.apart:
			return 1
		}
		return 0
	})
	var names []string
	for _, n := range found[:min(3, len(found))] {
		names = append(names, n.name)
	}
	return names
}

// distance is how many characters are to be put in, left out or changed.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, ra := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, rb := range b {
			cost := diagonal
			if ra != rb {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
