package explain

import (
	"github.com/tagwire/tagwire/libs/rule/source"
)

// The kinds of sentences.
const (
	Keyword = "keyword"
	Measure = "measure"
	Tag     = "tag"
	Choice  = "choice"
	Alert   = "alert"
	Stage   = "stage"
)

// Sentence is one rule in words, with the place where it stands.
type Sentence struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Rule string `json:"rule,omitempty"` // the tag rule that a choice or an alert belongs to
	File string `json:"file"`
	Line int    `json:"line"`
	Zh   string `json:"zh"`
	En   string `json:"en"`
}

// Set says every rule of a set's files (name → YAML), in the order in which
// they stand. The files should compile.
func Set(files map[string]string) ([]Sentence, error) {
	src, err := source.Read(files)
	if err != nil {
		return nil, err
	}
	x := explainer{counts: map[string]bool{}, spans: map[string]bool{}}
	for _, m := range src.Block("measures") {
		kind, _ := kindOf(m.Value)
		x.counts[m.Key], x.spans[m.Key] = counting(kind), kind == "time_since"
	}
	for _, k := range src.Block("keywords") {
		x.add(Keyword, k.Key, "", k.At, func(r reader) string { return r.keyword(k.Value) })
	}
	for _, m := range src.Block("measures") {
		x.add(Measure, m.Key, "", m.At, func(r reader) string { return r.measure(m.Value) })
	}
	for _, t := range src.Block("tags") {
		x.tag(t)
	}
	for _, s := range src.Items("stages") {
		x.add(Stage, s.Get("name").Text, "", s, func(r reader) string { return r.stage(s) })
	}
	return x.out, nil
}

type explainer struct {
	counts, spans map[string]bool
	out           []Sentence
}

func (x *explainer) add(kind, name, rule string, at source.Node, say func(reader) string) {
	s := Sentence{Kind: kind, Name: name, Rule: rule, File: at.File, Line: at.Line}
	zh := say(reader{w: words{zh: true}, counts: x.counts, spans: x.spans})
	en := say(reader{counts: x.counts, spans: x.spans})
	if zh == "" {
		return // of a kind that is not known
	}
	s.Zh, s.En = name+"："+zh+"。", name+": "+en+"."
	x.out = append(x.out, s)
}

func (x *explainer) tag(t source.Entry) {
	x.add(Tag, t.Key, "", t.At, func(r reader) string { return r.tag(t.Key, t.Value) })
	for i, c := range t.Value.Get("choose").Items {
		x.add(Choice, c.Get("tag").Text, t.Key, c, func(r reader) string { return r.choice(c, i > 0) })
	}
	for _, alert := range t.Value.Get("alert").OneOrMore() {
		x.add(Alert, t.Key, t.Key, alert, func(r reader) string { return r.alert(alert) })
	}
}
