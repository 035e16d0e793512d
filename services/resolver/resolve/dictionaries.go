package resolve

import (
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
)

// dictionaries are the keyword lists of the two newest versions of the rules:
// while a version is being activated some shards judge by the old, some by the
// new. A list that both have is matched once.
type dictionaries struct {
	names string // versions, comma separated
	sets  []*rule.Set
}

func (d *dictionaries) refresh(store *defs.Store, log *zap.Logger) (changed bool) {
	versions := store.Versions(defs.KindRules, defs.RulesID)
	if len(versions) > 2 {
		versions = versions[len(versions)-2:]
	}
	var names []string
	var sets []*rule.Set
	for _, v := range versions {
		names = append(names, strconv.FormatInt(v.Version, 10))
	}
	joined := strings.Join(names, ",")
	if joined == d.names {
		return false
	}
	for _, v := range versions {
		body, err := defs.Body[defs.Rules](v)
		if err == nil {
			var s *rule.Set
			if s, err = rule.Compile(v.Version, body.Files); err == nil {
				sets = append(sets, s)
				continue
			}
		}
		log.Error("rules of a definition do not compile; their keywords are not matched", zap.Int64("version", v.Version), zap.Error(err))
	}
	d.names, d.sets = joined, sets
	return true
}

// match finds the keyword lists of all versions in a text.
func (d *dictionaries) match(text, from string) []event.Match {
	var out []event.Match
	for _, s := range d.sets {
		for _, m := range s.Match(text, from) {
			if !slices.ContainsFunc(out, func(o event.Match) bool { return o.List == m.List && o.Version == m.Version }) {
				out = append(out, m)
			}
		}
	}
	return out
}
