package tagging

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// heldTag is a tag as other programs read it in Redis. Its evidence stands in its
// change and in the state; the rule is named where it is called otherwise than the
// tag.
type heldTag struct {
	Tag       string     `json:"tag"`
	Group     string     `json:"group,omitempty"`
	Value     string     `json:"value,omitempty"`
	Since     event.Time `json:"since"`
	ExpiresAt event.Time `json:"expires_at,omitzero"`
	Rule      string     `json:"rule,omitempty"`
}

func heldTags(p *profile.Profile) []heldTag {
	states := p.TagStates()
	out := make([]heldTag, len(states))
	for i, t := range states {
		out[i] = heldTag{Tag: t.Tag, Group: t.Group, Value: t.Value, Since: t.Since, ExpiresAt: t.ExpiresAt}
		if t.Rule != t.Tag {
			out[i].Rule = t.Rule
		}
	}
	return out
}
