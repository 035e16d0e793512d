// Package calendar is the calendar of rules: days, weeks and months of a zone,
// time slots and sets of days, birthdays and festivals, the lunar ones included.
//
// It is core: it reads no clock, every answer follows from the moment and the
// zone that are given. Days are those of the zone, so one may have 23 or 25
// hours; a stretch is [from, to). The zone database is the caller's to bring.
//
// Lunar festivals, 清明 and 冬至 come from a table of the years 2000 to 2060
// (table.go). Outside of them there is no answer, and never a guess.
package calendar
