package api

import (
	"strings"
	"sync"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/ruleset"
)

// suggester finds the known type that a strange one resembles: a mistyped event
// is accepted, and no rule ever sees it.
type suggester struct {
	sets  *ruleset.Sets
	names schemas.Aliases

	mu      sync.Mutex
	version int64 // of the rules that known was made of
	known   map[string]bool
	answers map[string]string
}

// maxAnswers bounds what is remembered of strange types.
const maxAnswers = 10_000

func newSuggester(sets *ruleset.Sets) (*suggester, error) {
	names, err := schemas.LoadAliases()
	if err != nil {
		return nil, err
	}
	return &suggester{sets: sets, names: names, version: -1}, nil
}

func (s *suggester) suggest(eventType string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	if eventType == "" || s.known[eventType] {
		return ""
	}
	if name, ok := s.answers[eventType]; ok {
		return name
	}
	best, at := "", 3
	if len(eventType) < 8 {
		at = 2 // short names resemble each other by chance
	}
	for name := range s.known {
		if d := distance(eventType, name, at+1); d < at || d == at && best != "" && name < best {
			best, at = name, d
		}
	}
	if len(s.answers) < maxAnswers {
		s.answers[eventType] = best
	}
	return best
}

// ownTypes are the types of what people do in the console.
func ownTypes() []string {
	out := []string{"tag.add", "tag.remove", "tag.release", "note.add", event.TypeConsent, "attribute.set", "identity.alias"}
	for _, verb := range peopleVerbs() {
		out = append(out, "alert."+verb)
	}
	return out
}

func (s *suggester) refresh() {
	v, ok := s.sets.Newest()
	version := int64(0)
	if ok {
		version = v.Version
	}
	if version == s.version {
		return
	}
	s.version, s.known, s.answers = version, map[string]bool{}, map[string]string{}
	for _, a := range s.names {
		s.known[a.Type] = true
	}
	for _, name := range ownTypes() {
		s.known[name] = true
	}
	if !ok {
		return
	}
	for _, f := range v.Folds {
		for typ := range f.Types {
			s.known[typ] = true
		}
	}
	for _, t := range v.Tags {
		for typ := range t.Events {
			s.known[typ] = true
		}
	}
}

// distance is how many letters must be put in, left out, changed or swapped with
// the next; limit when it is at least that.
func distance(a, b string, limit int) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x)-len(y) >= limit || len(y)-len(x) >= limit {
		return limit
	}
	rows := [3][]int{make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(x); i++ {
		two, one, now := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		now[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			now[j] = min(one[j]+1, now[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				now[j] = min(now[j], two[j-2]+1)
			}
		}
	}
	return min(rows[(len(x)+1)%3][len(y)], limit)
}
