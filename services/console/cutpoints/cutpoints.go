// Package cutpoints writes cut points that were taken of the customers into the
// files of a rule set, and finds those that stand there.
//
// It changes the line of one measure, or adds it; every other line stays as it
// is, and what cannot be changed so is refused. It takes no cut points itself
// and saves nothing.
package cutpoints

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/source"
)

// File is where the cut points of a measure go that has none yet.
const File = "cuts.yaml"

// Taken are cut points of a measure over all known customers.
type Taken struct {
	Measure   string  `json:"measure"`
	Date      string  `json:"date"`
	Customers uint64  `json:"customers"`
	Points    []Point `json:"points"`
}

// Point is one of them: p80 has 80 % of the customers at or below its value.
type Point struct {
	Point string `json:"point"`
	Value string `json:"value"`
}

// Entry is the block's line of the measure.
func (c Taken) Entry() string {
	fields := []string{"date: " + c.Date}
	if c.Customers > 0 {
		fields = append(fields, "customers: "+strconv.FormatUint(c.Customers, 10))
	}
	for _, p := range c.Points {
		fields = append(fields, p.Point+": "+p.Value)
	}
	return c.Measure + ": {" + strings.Join(fields, ", ") + "}"
}

// RefusedError says why a line cannot be written.
type RefusedError struct{ Zh, En string }

func (e *RefusedError) Error() string { return e.Zh + " / " + e.En }

// Put puts the entry into the files: in place of the measure's own, or into
// [File]. The files should compile; they are changed only when all went well.
func Put(files map[string]string, c Taken) error {
	before, err := rule.Compile(0, files)
	if err != nil {
		return err
	}
	if err := sound(before, c); err != nil {
		return err
	}
	if err := stillRead(before, c); err != nil {
		return err
	}
	src, err := source.Read(files)
	if err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	file := File
	for _, e := range src.Block("cuts") {
		if e.Key == c.Measure {
			file = e.At.File
		}
	}
	text, err := withEntry(file, files[file], c)
	if err != nil {
		return err
	}
	changed := maps.Clone(files)
	changed[file] = text
	if !onlyCutsOf(before, changed, c) {
		return &RefusedError{
			Zh: file + " 里分位点的写法无法自动修改，请手工写入 " + c.Entry(),
			En: "the cut points in " + file + " are written in a way that cannot be changed here; put this there by hand: " + c.Entry(),
		}
	}
	files[file] = text
	return nil
}

// sound refuses cut points of what the rules do not measure in numbers, and what
// could stand in no file: where they are to be written does not matter for either.
func sound(set *rule.Set, c Taken) error {
	if m, ok := set.Measure(c.Measure); !ok || !m.Numeric() {
		return &RefusedError{
			Zh: "规则里没有值为数字的指标 " + strconv.Quote(c.Measure),
			En: "the rules have no measure " + strconv.Quote(c.Measure) + " whose value is a number",
		}
	}
	alone, err := rule.Compile(0, map[string]string{File: "cuts:\n  " + c.Entry() + "\n"})
	if err != nil || !c.standIn(alone) {
		return &RefusedError{
			Zh: "这不是分位点（日期如 2026-11-01，名字是 p1 到 p99，值是不下降的数字）：" + c.Entry(),
			En: "these are no cut points (a day such as 2026-11-01, names from p1 to p99, numbers that do not fall): " + c.Entry(),
		}
	}
	return nil
}

// standIn says that a set has just these points of the measure.
func (c Taken) standIn(s *rule.Set) bool {
	if s.Cuts[c.Measure].Date != c.Date || len(s.Cuts[c.Measure].Points) != len(c.Points) {
		return false
	}
	for _, p := range c.Points {
		if d, ok := s.Cuts[c.Measure].Points[p.Point]; !ok || d.String() != p.Value {
			return false
		}
	}
	return true
}

// stillRead refuses points without one that a rule compares with.
func stillRead(set *rule.Set, c Taken) error {
	read := readers(set)
	for _, p := range rising(set.Cuts[c.Measure]) {
		by := read[[2]string{c.Measure, p}]
		if len(by) == 0 || slices.ContainsFunc(c.Points, func(n Point) bool { return n.Point == p }) {
			continue
		}
		return &RefusedError{
			Zh: "规则还在用“" + c.Measure + "”的 " + p + "（" + strings.Join(by, "、") + "），请一并取它",
			En: "rules still compare with " + p + " of " + c.Measure + " (" + strings.Join(by, ", ") + "); take it as well",
		}
	}
	return nil
}

// withEntry is the text of a file with the entry in it.
func withEntry(file, text string, c Taken) (string, error) {
	own, err := source.Read(map[string]string{file: text})
	if err != nil {
		return "", fmt.Errorf("read the rules: %w", err)
	}
	lines := strings.SplitAfter(text, "\n")
	if last := len(lines) - 1; lines[last] != "" {
		lines[last] += "\n"
	}
	entries := own.Block("cuts")
	for _, e := range entries {
		if e.Key == c.Measure {
			line := strings.Repeat(" ", e.At.Column-1) + c.Entry() + "\n"
			return strings.Join(slices.Replace(lines, e.At.Line-1, lastLine(e.Value, e.At.Line), line), ""), nil
		}
	}
	if len(entries) > 0 {
		e := entries[0]
		return strings.Join(slices.Insert(lines, e.At.Line-1, strings.Repeat(" ", e.At.Column-1)+c.Entry()+"\n"), ""), nil
	}
	return strings.Join(lines, "") + "cuts:\n  " + c.Entry() + "\n", nil
}

// lastLine is the last line on which something of a value stands, at least from.
func lastLine(n source.Node, from int) int {
	last := max(from, n.Line)
	for _, e := range n.Entries {
		last = lastLine(e.Value, max(last, e.At.Line))
	}
	return last
}

// onlyCutsOf says that the changed files have the cut points, and all others as
// they were before.
func onlyCutsOf(before *rule.Set, changed map[string]string, c Taken) bool {
	after, err := rule.Compile(0, changed)
	if err != nil || !c.standIn(after) {
		return false
	}
	rest := func(s *rule.Set) map[string]rule.Cuts {
		out := maps.Clone(s.Cuts)
		delete(out, c.Measure)
		return out
	}
	return maps.EqualFunc(rest(before), rest(after), func(a, b rule.Cuts) bool { return a.Date == b.Date && maps.Equal(a.Points, b.Points) })
}
