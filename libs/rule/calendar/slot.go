package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

const minutesOfDay = 24 * 60

// Slot is a stretch of the day in minutes after midnight, the end exclusive.
// Where the end is not after the beginning it crosses midnight.
type Slot struct{ From, To int }

// ParseSlot reads 9:00-18:00, 22:00-02:00 or 18:00-24:00.
func ParseSlot(text string) (Slot, error) {
	a, b, ok := strings.Cut(text, "-")
	from, okFrom := clock(a)
	to, okTo := clock(b)
	switch {
	case !ok || !okFrom || !okTo || from == minutesOfDay:
		return Slot{}, fmt.Errorf("%[1]q 不是时段：请写成 09:00-18:00 或 22:00-02:00 / %[1]q is not a time slot; write it like 09:00-18:00 or 22:00-02:00", text)
	case from == to:
		return Slot{}, fmt.Errorf("时段 %[1]q 是空的：全天写 00:00-24:00 / the time slot %[1]q is empty; the whole day is 00:00-24:00", text)
	}
	return Slot{from, to}, nil
}

// clock reads H:MM or HH:MM as minutes, up to 24:00.
func clock(text string) (int, bool) {
	h, m, ok := strings.Cut(strings.TrimSpace(text), ":")
	hour, okHour := digits(h, 2)
	minute, okMinute := digits(m, 2)
	at := hour*60 + minute
	return at, ok && okHour && okMinute && len(m) == 2 && minute < 60 && at <= minutesOfDay
}

// digits reads an unsigned number of at most so many digits.
func digits(text string, most int) (int, bool) {
	if text == "" || len(text) > most || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// Holds says that the wall clock of the zone stands in the slot.
func (s Slot) Holds(at event.Time, zone *time.Location) bool {
	t := at.Std().In(zone)
	m := t.Hour()*60 + t.Minute()
	if s.From < s.To {
		return s.From <= m && m < s.To
	}
	return s.From <= m || m < s.To
}
