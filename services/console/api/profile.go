package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/services/console/ruleset"
)

// stageView is where the profile is in its lifecycle.
type stageView struct {
	Name  string     `json:"name,omitempty"`
	Since event.Time `json:"since,omitzero"`
}

// tagView is a tag that the profile holds.
type tagView struct {
	Tag         string           `json:"tag"`
	Group       string           `json:"group"`
	Value       string           `json:"value,omitempty"`
	Since       event.Time       `json:"since"`
	ExpiresAt   event.Time       `json:"expires_at"` // null: no end
	Rule        string           `json:"rule"`
	RuleVersion int64            `json:"rule_version"`
	Origin      string           `json:"origin"`
	Evidence    []event.Evidence `json:"evidence"`
	Warming     bool             `json:"warming,omitempty"`
}

// traitSource is where a trait came from.
type traitSource struct {
	Source string     `json:"source,omitempty"`
	Time   event.Time `json:"time"`
}

// profileView is a customer as the API shows it.
type profileView struct {
	Profile      string                 `json:"profile_id"`
	Identities   []string               `json:"identities"`
	Traits       map[string]any         `json:"traits"`
	TraitSources map[string]traitSource `json:"trait_sources"`
	Tags         []tagView              `json:"tags"`
	Measures     map[string]any         `json:"measures"`
	Inexact      []string               `json:"inexact"`
	Warming      []ruleset.Warm         `json:"warming"`
	Stage        stageView              `json:"stage"`
	Owner        string                 `json:"owner"`
	Owners       []string               `json:"owners"`
	Channels     []string               `json:"channels"`
	Stores       []string               `json:"stores"`
	Known        bool                   `json:"known"`
	Stale        bool                   `json:"stale"`
	Merging      bool                   `json:"merging,omitempty"`
	Parting      bool                   `json:"parting,omitempty"`
	Refused      bool                   `json:"profiling_refused,omitempty"`
	Suppressed   bool                   `json:"suppressed,omitempty"`
	Internal     bool                   `json:"internal,omitempty"`
	Manual       []manualView           `json:"manual,omitempty"`
	Merged       []string               `json:"merged_profiles,omitempty"`
	Conflicts    []conflictView         `json:"conflicts,omitempty"`
	FirstSeen    event.Time             `json:"first_seen"`
	LastSeen     event.Time             `json:"last_seen"`
	RulesVersion int64                  `json:"rules_version"`
	AsOf         event.Time             `json:"as_of"`
}

// manualView is what a person decided about a tag.
type manualView struct {
	Tag string     `json:"tag"`
	On  bool       `json:"on"`
	At  event.Time `json:"at"`
	By  string     `json:"by,omitempty"`
}

// conflictView is a link that was asked for and is not made.
type conflictView struct {
	Kind     profile.ConflictKind `json:"kind"`
	Identity string               `json:"identity,omitempty"` // shared: the value, a personal one as its hash
	Since    event.Time           `json:"since"`
	With     []string             `json:"with"` // other profiles
}

// conflicts leaves out whom the profile has become one with since.
func conflicts(p *profile.Profile) []conflictView {
	var out []conflictView
	for _, c := range p.Conflicts {
		v := conflictView{Kind: c.Kind, Since: c.Since, With: []string{}}
		for _, other := range c.With {
			if other != p.ID && !slices.Contains(p.Absorbed, other) {
				v.With = append(v.With, other)
			}
		}
		if c.Kind == profile.ConflictShared {
			v.Identity = c.Identity.String()
		} else if len(v.With) == 0 {
			continue
		}
		out = append(out, v)
	}
	return out
}

// subject is a customer with the rules and the moment it is seen at.
type subject struct {
	p     *profile.Profile
	rules *ruleset.Version
	now   event.Time
	warm  []ruleset.Warm
}

// subjectOf reads the customer, the rules in force in its shard and the moment
// as of which it is shown: its shard's stream time, or its own clock where an
// open import holds its timers back.
func (a *API) subjectOf(ctx context.Context, id string) (*subject, error) {
	p, err := a.find(ctx, id)
	if err != nil {
		return nil, err
	}
	pos, err := a.shards.Of(p.ID).Read(ctx)
	if err != nil {
		return nil, err
	}
	s := &subject{p: p, now: max(pos.Stream, p.Clock)}
	if p.Import != "" {
		s.now = p.Clock
	}
	if s.rules, err = a.sets.At(pos.Rules); err != nil {
		return nil, err
	}
	for _, w := range s.rules.WarmingAt(s.now) {
		if p.FirstSeen < w.Since { // who came later lacks nothing
			s.warm = append(s.warm, w)
		}
	}
	return s, nil
}

func (a *API) profile(w http.ResponseWriter, r *http.Request) error {
	s, err := a.subjectOf(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	v, err := a.view(r.Context(), who(r), s)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, v)
}

func (a *API) view(ctx context.Context, by principal, s *subject) (*profileView, error) {
	p := s.p
	v := &profileView{
		Profile: p.ID, Identities: identities(p), Traits: map[string]any{}, TraitSources: map[string]traitSource{},
		Tags: s.tags(), Measures: map[string]any{}, Inexact: []string{}, Warming: filled(s.warm),
		Stage: stageView{p.Stage, p.StageSince}, Owner: p.Owner(), Owners: filled(p.Staff()), Channels: filled(p.Channels),
		Stores: filled(p.Stores), Known: p.Known(), Stale: p.Stale, Merging: p.Merging != nil, Parting: p.Awaits != "", Refused: p.Refused,
		Suppressed: p.Suppressed, Internal: p.Internal, Merged: p.Absorbed, Conflicts: conflicts(p),
		FirstSeen: p.FirstSeen, LastSeen: p.LastSeen, RulesVersion: s.rules.Version, AsOf: s.now,
	}
	for name, t := range p.Traits {
		v.Traits[name], v.TraitSources[name] = t.Value, traitSource{t.Source, t.Time}
	}
	if err := a.openValues(ctx, by, v.Traits); err != nil {
		return nil, err
	}
	for _, m := range s.rules.Measures {
		v.Measures[m.Name] = m.Value(p, s.now).JSON()
		if !m.Exact(p) {
			v.Inexact = append(v.Inexact, m.Name)
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(p.Manual)) {
		m := p.Manual[tag]
		v.Manual = append(v.Manual, manualView{tag, m.On, m.At, m.By})
	}
	return v, nil
}

func identities(p *profile.Profile) []string {
	out := make([]string, len(p.Identities))
	for i, id := range p.Identities {
		out[i] = id.String()
	}
	return out
}

func (s *subject) tags() []tagView {
	out := []tagView{}
	for _, t := range s.p.TagStates() {
		out = append(out, tagView{
			Tag: t.Tag, Group: t.Group, Value: t.Value, Since: t.Since, ExpiresAt: t.ExpiresAt, Rule: t.Rule,
			RuleVersion: t.RuleVersion, Origin: t.Origin, Evidence: filled(t.Evidence), Warming: s.rules.Reads(t.Tag, s.warm),
		})
	}
	return out
}

// filled is never nil, so that lists are lists on the wire.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
