package fix

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/signs"
)

// Line is one line that was changed; Number counts from 1.
type Line struct {
	File        string `json:"file"`
	Number      int    `json:"line"`
	Before      string `json:"before"`
	After       string `json:"after"`
	Replaced    int    `json:"replaced"` // signs
	FirstColumn int    `json:"column"`   // of the first one, before the change
}

// Result is what came of fixing a set. Left are the refusals that remain.
type Result struct {
	Files map[string]string // those that changed
	Lines []Line            // in the order of files and lines
	Left  rule.Errors
}

// maxRounds bounds how often the files are looked at again: what one mistake
// hid from the compiler comes to light when it is gone.
const maxRounds = 8

// Set fixes the files (name → YAML) of a set.
func Set(files map[string]string) (*Result, error) {
	now := maps.Clone(files)
	out := &Result{Files: map[string]string{}}
	for range maxRounds {
		refused, err := check(now)
		if err != nil {
			return nil, err
		}
		out.Left = refused
		if !round(now, refused) {
			break
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if now[name] != files[name] {
			out.Files[name] = now[name]
			out.Lines = append(out.Lines, lines(name, files[name], now[name])...)
		}
	}
	return out, nil
}

func check(files map[string]string) (rule.Errors, error) {
	_, err := rule.Compile(0, files)
	var refused rule.Errors
	if err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	return refused, nil
}

// round changes the files that are refused; false when there was nothing to
// change.
func round(files map[string]string, refused rule.Errors) bool {
	changed := false
	for name, text := range files {
		if !utf8.ValidString(text) || !slices.ContainsFunc(refused, func(e rule.Error) bool { return e.File == name }) {
			continue
		}
		if edits := signs.Find(text, rule.KnownKey); len(edits) > 0 {
			files[name] = signs.Apply(text, edits)
			changed = changed || files[name] != text
		}
	}
	return changed
}

// lines pairs the lines that differ: no sign makes or takes away a line.
func lines(name, before, after string) []Line {
	var out []Line
	edited := map[int]Line{}
	for _, e := range signs.Find(before, rule.KnownKey) {
		l, ok := edited[e.Line]
		if !ok {
			l.FirstColumn = e.Column
		}
		l.Replaced++
		edited[e.Line] = l
	}
	b := strings.Split(after, "\n")
	for i, was := range strings.Split(before, "\n") {
		if i < len(b) && was != b[i] {
			l := edited[i+1]
			l.File, l.Number, l.Before, l.After = name, i+1, strings.TrimSuffix(was, "\r"), strings.TrimSuffix(b[i], "\r")
			out = append(out, l)
		}
	}
	return out
}
