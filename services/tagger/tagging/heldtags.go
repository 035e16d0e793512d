package tagging

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// appendTags writes the held tags as other programs read them in Redis, by group:
// {"group": {"tag": [since, expires]}}, both in ms since 1970, the second where the tag
// expires. What spoke for a tag stands in its change and in the state.
func appendTags(b []byte, p *profile.Profile) []byte {
	groups := map[string][]string{}
	for name, t := range p.Tags {
		groups[t.Group] = append(groups[t.Group], name)
	}
	b = append(b, '{')
	for i, group := range slices.Sorted(maps.Keys(groups)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(event.AppendText(b, group), ':', '{')
		slices.Sort(groups[group])
		for k, name := range groups[group] {
			if k > 0 {
				b = append(b, ',')
			}
			t := p.Tags[name]
			b = append(event.AppendText(b, name), ':', '[')
			if b = strconv.AppendInt(b, int64(t.Since), 10); t.Expires != 0 {
				b = strconv.AppendInt(append(b, ','), int64(t.Expires), 10)
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendTraits writes the values of the traits; whence and since when they are stands
// in the state.
func appendTraits(b []byte, p *profile.Profile) ([]byte, error) {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(p.Traits)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(event.AppendText(b, name), ':')
		v := p.Traits[name].Value
		if s, ok := v.(string); ok {
			b = event.AppendText(b, s)
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode trait %s of %s: %w", name, p.ID, err)
		}
		b = append(b, text...)
	}
	return append(b, '}'), nil
}
