package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/source"
)

// cutsFile is the file of a rule set that cut points are written to.
const cutsFile = "cuts.yaml"

// putCuts puts an entry into cuts.yaml of a set: in place of the measure's own,
// or new. Every other line stays. It refuses what it cannot do so.
func putCuts(files map[string]string, c cutsTaken) error {
	others := maps.Clone(files)
	delete(others, cutsFile)
	elsewhere, err := source.Read(others)
	if err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	for _, e := range elsewhere.Block("cuts") {
		if e.Key == c.Measure {
			return fmt.Errorf("“%s”的分位点写在 %s:%d，不在 %s：请先移过去，或手工修改 / the cut points of %s stand at %s:%d and not in %s: move them there, or edit them by hand",
				c.Measure, e.At.File, e.At.Line, cutsFile, c.Measure, e.At.File, e.At.Line, cutsFile)
		}
	}
	text, err := withCuts(files[cutsFile], c)
	if err != nil {
		return err
	}
	before, err := rule.Compile(0, files)
	if err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	changed := maps.Clone(files)
	changed[cutsFile] = text
	if !onlyCutsOf(before, changed, c) {
		return fmt.Errorf("%s 的写法无法自动修改，请手工写入上面这一行 / %s is written in a way that cannot be changed here: put the line above there by hand", cutsFile, cutsFile)
	}
	files[cutsFile] = text
	return nil
}

// withCuts is the text of cuts.yaml with the entry in it.
func withCuts(text string, c cutsTaken) (string, error) {
	own, err := source.Read(map[string]string{cutsFile: text})
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
			line := strings.Repeat(" ", e.At.Column-1) + c.entry() + "\n"
			return strings.Join(slices.Replace(lines, e.At.Line-1, lastLine(e.Value, e.At.Line), line), ""), nil
		}
	}
	if len(entries) > 0 {
		e := entries[0]
		return strings.Join(slices.Insert(lines, e.At.Line-1, strings.Repeat(" ", e.At.Column-1)+c.entry()+"\n"), ""), nil
	}
	return strings.Join(lines, "") + "cuts:\n  " + c.entry() + "\n", nil
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
func onlyCutsOf(before *rule.Set, changed map[string]string, c cutsTaken) bool {
	after, err := rule.Compile(0, changed)
	if err != nil || after.Cuts[c.Measure].Date != c.Date || len(after.Cuts[c.Measure].Points) != len(c.Points) {
		return false
	}
	for _, p := range c.Points {
		if d, ok := after.Cuts[c.Measure].Points[p.Point]; !ok || d.String() != p.Value {
			return false
		}
	}
	rest := func(s *rule.Set) map[string]rule.Cuts {
		out := maps.Clone(s.Cuts)
		delete(out, c.Measure)
		return out
	}
	return maps.EqualFunc(rest(before), rest(after), func(a, b rule.Cuts) bool { return a.Date == b.Date && maps.Equal(a.Points, b.Points) })
}
