package keyword

import (
	"hash/fnv"
	"slices"
	"strings"

	ahocorasick "github.com/petar-dambovaliev/aho-corasick"
)

// List is one keyword list of a rule set.
type List struct {
	Name     string
	Words    []string // contained
	Exact    []string // the whole message equals
	UnlessIn []string // a match inside one of these does not count
	NotAfter []string // … nor one up to 6 characters behind these in the same clause
	From     string   // customer, staff; empty: anyone
}

// Version names the list by its content: equal lists have equal versions.
func (l List) Version() int {
	h := fnv.New32a()
	for _, set := range [][]string{{l.Name, l.From}, l.Words, l.Exact, l.UnlessIn, l.NotAfter} {
		for _, w := range set {
			_, _ = h.Write([]byte(w)) // never fails
			_, _ = h.Write([]byte{0})
		}
		_, _ = h.Write([]byte{1})
	}
	return int(h.Sum32() >> 1)
}

// negationReach is how far before a word a negation counts, in characters.
const negationReach = 6

// Found is a list with the words of it that a text holds, as they are written
// in the list.
type Found struct {
	List  string
	Words []string
}

// Dictionary is all lists compiled; safe for concurrent use.
type Dictionary struct {
	lists   []List
	machine ahocorasick.AhoCorasick
	uses    [][]use // by pattern
	exact   map[string][]use
	empty   bool
}

type role uint8

const (
	word role = iota
	unless
	negation
)

// use is what a pattern means to one list.
type use struct {
	list int
	role role
	text string // as written
}

// Compile builds the dictionary. A word of which folding leaves nothing, such as
// one of punctuation only, is left out; Check names it.
func Compile(lists []List) *Dictionary {
	d := &Dictionary{lists: lists, exact: map[string][]use{}}
	index := map[string]int{}
	var patterns []string
	add := func(l int, r role, texts []string) {
		for _, t := range texts {
			for _, f := range forms(t) {
				n, ok := index[f]
				if !ok {
					n = len(patterns)
					index[f] = n
					patterns = append(patterns, f)
					d.uses = append(d.uses, nil)
				}
				d.uses[n] = append(d.uses[n], use{l, r, t})
			}
		}
	}
	for i, l := range lists {
		add(i, word, l.Words)
		add(i, unless, l.UnlessIn)
		add(i, negation, l.NotAfter)
		for _, t := range l.Exact {
			f := strings.Trim(Fold(t), string(clauseEnd))
			if f != "" {
				d.exact[f] = append(d.exact[f], use{i, word, t})
			}
		}
	}
	d.empty = len(patterns) == 0 && len(d.exact) == 0
	builder := ahocorasick.NewAhoCorasickBuilder(ahocorasick.Opts{MatchKind: ahocorasick.StandardMatch, DFA: true})
	d.machine = builder.Build(patterns)
	return d
}

// forms are the folded forms of a word. One that holds the end of a clause
// itself, such as 在吗，亲, is found as it is written and without its sign.
func forms(text string) []string {
	whole := strings.Trim(Fold(text), string(clauseEnd))
	if whole == "" {
		return nil
	}
	if joined := strings.ReplaceAll(whole, string(clauseEnd), ""); joined != whole {
		return []string{whole, joined}
	}
	return []string{whole}
}

// Check names a word that can never match.
func Check(l List) (bad string, ok bool) {
	for _, set := range [][]string{l.Words, l.Exact, l.UnlessIn, l.NotAfter} {
		for _, w := range set {
			if strings.Trim(Fold(w), string(clauseEnd)) == "" {
				return w, false
			}
		}
	}
	return "", true
}

type hit struct{ start, end int } // runes, end exclusive

// Match finds the lists that a text holds. from is who spoke: customer or staff.
func (d *Dictionary) Match(text, from string) []Found {
	if d == nil || d.empty || text == "" {
		return nil
	}
	f := foldText(text)
	type listHits struct {
		words  []hit
		texts  []string
		unless []hit
		after  []hit
	}
	var hits map[int]*listHits
	at := func(l int) *listHits {
		if hits == nil {
			hits = map[int]*listHits{}
		}
		if hits[l] == nil {
			hits[l] = &listHits{}
		}
		return hits[l]
	}
	if len(d.uses) > 0 {
		it := d.machine.IterOverlapping(f.text)
		for m := it.Next(); m != nil; m = it.Next() {
			h := hit{f.at[m.Start()], f.at[m.End()]}
			for _, u := range d.uses[m.Pattern()] {
				if s := d.lists[u.list].From; s != "" && s != from {
					continue
				}
				l := at(u.list)
				switch u.role {
				case word:
					l.words, l.texts = append(l.words, h), append(l.texts, u.text)
				case unless:
					l.unless = append(l.unless, h)
				case negation:
					l.after = append(l.after, h)
				}
			}
		}
	}
	ends := clauseEnds(f)
	whole := d.exact[strings.Trim(f.text, string(clauseEnd))]
	var out []Found
	for i, l := range d.lists {
		var words []string
		if h := hits[i]; h != nil {
			for n, w := range h.words {
				if !inside(w, h.unless) && !negated(w, h.after, ends) {
					words = append(words, h.texts[n])
				}
			}
		}
		for _, u := range whole {
			if u.list == i && (l.From == "" || l.From == from) {
				words = append(words, u.text)
			}
		}
		if len(words) > 0 {
			slices.Sort(words)
			out = append(out, Found{l.Name, slices.Compact(words)})
		}
	}
	return out
}

func inside(w hit, phrases []hit) bool {
	return slices.ContainsFunc(phrases, func(p hit) bool { return p.start <= w.start && w.end <= p.end })
}

// negated says that a negation stands at most 6 characters before the word in
// the same clause.
func negated(w hit, after []hit, clauseEnds []int) bool {
	return slices.ContainsFunc(after, func(n hit) bool {
		if n.end > w.start || w.start-n.end > negationReach {
			return false
		}
		return !slices.ContainsFunc(clauseEnds, func(e int) bool { return n.end <= e && e < w.start })
	})
}

func clauseEnds(f folded) []int {
	var ends []int
	for i, r := range f.text {
		if r == clauseEnd {
			ends = append(ends, f.at[i])
		}
	}
	return ends
}
