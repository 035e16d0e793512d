package lint

import (
	"cmp"
	"slices"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/libs/rule/source"
)

// Levels of findings.
const (
	Warning = "warning" // probably a mistake
	Note    = "note"    // worth a look
)

// Finding is one thing to look at, with what it is and what to do, in both
// languages. Line and Column are 0 for what stands in no file.
type Finding struct {
	Check  string `json:"check"`
	Level  string `json:"level"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Name   string `json:"name"` // of the rule
	Zh     string `json:"zh"`
	En     string `json:"en"`
	DoZh   string `json:"do_zh"`
	DoEn   string `json:"do_en"`
}

// checks are the checks by name.
func checks() []struct {
	name string
	look func(*linter)
} {
	return []struct {
		name string
		look func(*linter)
	}{
		{"unused_keywords", (*linter).unusedKeywords},
		{"unused_measure", (*linter).unusedMeasures},
		{"constant_condition", (*linter).constant},
		{"hidden_choice", (*linter).hiddenChoices},
		{"hidden_stage", (*linter).hiddenStages},
		{"unknown_tag", (*linter).unknownTags},
		{"short_lasts", (*linter).shortLasts},
		{"no_cooldown", (*linter).noCooldown},
		{"signs", (*linter).signs},
	}
}

// linter is one set being looked at.
type linter struct {
	files map[string]string
	set   *rule.Set
	src   *source.Rules
	check string
	out   []Finding
}

// Set looks at the files (name → YAML) of a compiled set. The findings stand in
// the order of files and lines.
func Set(set *rule.Set, files map[string]string) ([]Finding, error) {
	src, err := source.Read(files)
	if err != nil {
		return nil, err
	}
	l := &linter{files: files, set: set, src: src}
	for _, c := range checks() {
		l.check = c.name
		c.look(l)
	}
	slices.SortStableFunc(l.out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column)
	})
	return l.out, nil
}

// both is a text in both languages.
type both struct{ zh, en string }

func (l *linter) add(level string, at source.Node, name string, what, do both) {
	l.out = append(l.out, Finding{
		Check: l.check, Level: level, File: at.File, Line: at.Line, Column: at.Column, Name: name,
		Zh: what.zh, En: what.en, DoZh: do.zh, DoEn: do.en,
	})
}

// condition is one condition of the set with its place.
type condition struct {
	name string // of the rule it decides
	at   source.Node
	kind string // tag, choice, stage, measure
}

// conditions are all of the set's.
func (l *linter) conditions() []condition {
	var out []condition
	add := func(name, kind string, n source.Node) {
		if n.Kind == source.Scalar {
			out = append(out, condition{name, n, kind})
		}
	}
	for _, m := range l.src.Block("measures") {
		add(m.Key, "measure", m.Value.Get("where"))
	}
	for _, t := range l.src.Block("tags") {
		add(t.Key, "tag", t.Value.Get("when"))
		for _, c := range t.Value.Get("choose").Items {
			add(c.Get("tag").Text, "choice", c.Get("when"))
		}
	}
	for _, s := range l.src.Items("stages") {
		add(s.Get("name").Text, "stage", s.Get("when"))
	}
	return out
}

// parse reads a condition; the set has compiled, so it is one.
func (l *linter) parse(n source.Node) (*analysis, bool) {
	s, err := cond.Parse(n.Text)
	if err != nil {
		return nil, false
	}
	return &analysis{set: l.set, syntax: s}, true
}
