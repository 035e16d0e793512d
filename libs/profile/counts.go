package profile

import (
	"encoding/json"
	"slices"
)

// Fields of the counts hash that are about all profiles, not about one tag.
const (
	DimPopulation     = "population"
	DimStage          = "stage"
	DimStageAnonymous = "stage.anonymous"
	DimStale          = "stale"
	Anonymous         = "anonymous"
)

// CountField is the name of a count: a JSON array [tag] or [tag, dimension,
// value]; the empty tag is all profiles.
func CountField(parts ...string) string {
	b, err := json.Marshal(parts)
	if err != nil { // texts always encode
		return ""
	}
	return string(b)
}

// CountKeys are the counts in which the profile stands, sorted; the known and
// the anonymous apart. A commit adds countKeys(after) − countKeys(before), so
// whatever moves a profile between counts is right by construction.
func (p *Profile) CountKeys() []string {
	if !p.Counted() {
		return nil
	}
	keys := make([]string, 0, len(p.Tags)+3)
	known := p.Known()
	add := func(tag string) {
		if known {
			keys = append(keys, CountField(tag))
		} else {
			keys = append(keys, CountField(tag, DimPopulation, Anonymous))
		}
	}
	add("")
	for name := range p.Tags {
		add(name)
	}
	if p.Stage != "" {
		dim := DimStage
		if !known {
			dim = DimStageAnonymous
		}
		keys = append(keys, CountField("", dim, p.Stage))
	}
	if p.Stale {
		keys = append(keys, CountField("", DimStale, "true"))
	}
	slices.Sort(keys)
	return keys
}

// CountDelta is after − before, without zeros.
func CountDelta(before, after []string, into map[string]int64) {
	for _, k := range before {
		into[k]--
	}
	for _, k := range after {
		into[k]++
	}
}
