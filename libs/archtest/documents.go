package archtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// acceptanceRows is the number of rows that docs/coverage.md accounts for.
const acceptanceRows = 135

func (t *Tree) read(rel string) (string, error) {
	text, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(rel)))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", rel, err)
	}
	return string(text), nil
}

// checkModules keeps the root module installable and go.work as decided: one
// product module and the test-only deploy/e2e.
func (t *Tree) checkModules() ([]Finding, error) {
	var out []Finding
	for _, rel := range []string{"go.mod", "go.work"} {
		text, err := t.read(rel)
		if errors.Is(err, fs.ErrNotExist) && rel == "go.work" {
			continue
		}
		if err != nil {
			return nil, err
		}
		found := func(line int, message string) {
			out = append(out, Finding{Rule: "modules", Place: fmt.Sprintf("%s:%d", rel, line+1), Message: message})
		}
		for i, line := range strings.Split(text, "\n") {
			fields := strings.Fields(line)
			switch {
			case len(fields) == 0:
			case fields[0] == "replace" || strings.Contains(line, " => "):
				found(i, "a replace makes `go install …@version` fail; require a released version")
			case fields[0] == "go" && strings.Count(fields[len(fields)-1], ".") != 2:
				found(i, "write the go line with three numbers, as go get does; otherwise the workspace stops")
			case rel == "go.work" && strings.HasPrefix(fields[len(fields)-1], "./") && fields[len(fields)-1] != "./deploy/e2e":
				found(i, "the workspace holds the root and ./deploy/e2e only")
			}
		}
	}
	return out, nil
}

// checkCoverage wants every acceptance row once, each with a place and a test,
// or open.
func (t *Tree) checkCoverage() ([]Finding, error) {
	const rel = "docs/coverage.md"
	text, err := t.read(rel)
	if err != nil {
		return nil, err
	}
	seen := make(map[int]int)
	var out []Finding
	for i, line := range strings.Split(text, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		row, err := strconv.Atoi(cells[0])
		if err != nil || !strings.HasPrefix(line, "|") {
			continue
		}
		place := fmt.Sprintf("%s:%d", rel, i+1)
		switch {
		case row < 1 || row > acceptanceRows:
			out = append(out, Finding{Rule: "coverage", Place: place, Message: fmt.Sprintf("there is no row %d", row)})
		case seen[row] > 0:
			out = append(out, Finding{Rule: "coverage", Place: place, Message: fmt.Sprintf("row %d stands in line %d already", row, seen[row])})
		case len(cells) != 4:
			out = append(out, Finding{Rule: "coverage", Place: place, Message: "a row has four cells: row, element, where it lives, test"})
		default:
			out = append(out, t.coverageCells(place, cells[2], cells[3])...)
		}
		seen[row] = i + 1
	}
	for row := 1; row <= acceptanceRows; row++ {
		if seen[row] == 0 {
			out = append(out, Finding{Rule: "coverage", Place: rel, Message: fmt.Sprintf("row %d is missing", row)})
		}
	}
	return out, nil
}

// coverageCells wants both cells open, or both filled with paths that exist.
func (t *Tree) coverageCells(place, where, test string) []Finding {
	if where == "open" && test == "open" {
		return nil
	}
	var out []Finding
	for _, cell := range []string{where, test} {
		quoted := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1)
		if cell == "" || cell != "open" && len(quoted) == 0 {
			out = append(out, Finding{Rule: "coverage", Place: place, Message: fmt.Sprintf("%q names no path in backquotes; write open until there is one", cell)})
		}
		for _, q := range quoted {
			rel, name, _ := strings.Cut(q[1], "#")
			if !strings.Contains(rel, "/") {
				continue // a name beside the path
			}
			text, err := t.read(rel)
			if _, statErr := os.Stat(filepath.Join(t.root, rel)); statErr != nil {
				out = append(out, Finding{Rule: "coverage", Place: place, Message: rel + " does not exist"})
			} else if name != "" && (err != nil || !strings.Contains(text, name)) {
				out = append(out, Finding{Rule: "coverage", Place: place, Message: rel + " holds no " + name})
			}
		}
	}
	return out
}

// knownTraps is the number of numbered traps that docs/traps.md accounts for.
const knownTraps = 14

// checkTraps wants every known trap and defect to name tests that there are.
func (t *Tree) checkTraps() ([]Finding, error) {
	const rel = "docs/traps.md"
	text, err := t.read(rel)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	seen := map[int]bool{}
	var out []Finding
	for i, line := range strings.Split(text, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if !strings.HasPrefix(line, "| ") || cells[len(cells)-1] == "test" {
			continue
		}
		if row, err := strconv.Atoi(cells[0]); err == nil {
			seen[row] = true
		}
		for _, f := range t.coverageCells(fmt.Sprintf("%s:%d", rel, i+1), "`.`", cells[len(cells)-1]) {
			f.Rule = "traps"
			out = append(out, f)
		}
	}
	for row := 1; row <= knownTraps; row++ {
		if !seen[row] {
			out = append(out, Finding{Rule: "traps", Place: rel, Message: fmt.Sprintf("trap %d is missing", row)})
		}
	}
	return out, nil
}

// checkWords refuses paths of one machine: they mean nothing to others.
func (t *Tree) checkWords() ([]Finding, error) {
	machine := regexp.MustCompile(`(^|[\s"'` + "`" + `=(:])/(work|root|home/[a-z][a-z0-9_-]*|Users/[A-Za-z]+)/[A-Za-z0-9_.]`)
	resolved := regexp.MustCompile(`"resolved":\s*"https?://([^/"]+)/`)
	var out []Finding
	for _, rel := range t.texts {
		text, err := t.read(rel)
		if err != nil {
			return nil, err
		}
		for i, line := range strings.Split(text, "\n") {
			place := fmt.Sprintf("%s:%d", rel, i+1)
			if machine.MatchString(line) {
				out = append(out, Finding{Rule: "machinepath", Place: place, Message: "a path of one machine; write it from the repository's root, or as a setting"})
			}
			if m := resolved.FindStringSubmatch(line); m != nil && m[1] != "registry.npmjs.org" {
				out = append(out, Finding{Rule: "registry", Place: place, Message: "the lock file names " + m[1] + "; others cannot reach it"})
			}
		}
	}
	return out, nil
}

// checkLinks wants every relative link of a document to lead somewhere.
func (t *Tree) checkLinks() ([]Finding, error) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	var out []Finding
	for _, rel := range t.texts {
		if path.Ext(rel) != ".md" {
			continue
		}
		text, err := t.read(rel)
		if err != nil {
			return nil, err
		}
		for i, line := range strings.Split(text, "\n") {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				target, _, _ := strings.Cut(m[1], "#")
				if target == "" || strings.Contains(target, ":") {
					continue
				}
				if _, err := os.Stat(filepath.Join(t.root, path.Dir(rel), target)); err != nil {
					out = append(out, Finding{Rule: "link", Place: fmt.Sprintf("%s:%d", rel, i+1), Message: m[1] + " leads nowhere"})
				}
			}
		}
	}
	return out, nil
}
