package profile

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
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
	if field, ok := plainField(parts); ok {
		return field
	}
	b, err := json.Marshal(parts)
	if err != nil { // texts always encode
		return ""
	}
	return string(b)
}

// plainField is CountField of texts that JSON writes as they are: nearly all.
func plainField(parts []string) (string, bool) {
	var b strings.Builder
	for i, p := range parts {
		for _, r := range p {
			if r < ' ' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
				return "", false
			}
		}
		b.WriteByte("[,"[min(i, 1)])
		b.WriteByte('"')
		b.WriteString(p)
		b.WriteByte('"')
	}
	b.WriteByte(']')
	return b.String(), len(parts) > 0
}

// CountKeys are the counts in which the profile stands, sorted; the known and
// the anonymous apart. A commit adds countKeys(after) − countKeys(before), so
// whatever moves a profile between counts is right by construction.
func (p *Profile) CountKeys(dims Dimensions) []string {
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
	var values map[string][]string // of each dimension, taken once
	for name, t := range p.Tags {
		add(name)
		for _, dim := range dims[t.Group] {
			in, ok := values[dim]
			if !ok {
				if values == nil {
					values = map[string][]string{}
				}
				in = p.InDimension(dim)
				values[dim] = in
			}
			if !known {
				dim += AnonymousSuffix
			}
			for _, v := range in {
				keys = append(keys, CountField(name, dim, v))
			}
		}
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
