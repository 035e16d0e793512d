package profile

import (
	"cmp"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
)

// Keeping is what the rules in force say of what a profile keeps.
type Keeping struct {
	Shape  func(key string) (Shape, bool) // of folds; false: no measure reads it
	Traits TraitRules
}

// Absorb makes another customer's state part of this one's, once per merge id:
// windows, sets and remembered ids as sets, lifetime totals by adding. Tags come
// along; the caller has the rules judge them again. false: this merge has been
// applied already.
func (p *Profile) Absorb(o *Profile, mergeID string, by Keeping) bool {
	if slices.Contains(p.Merges, mergeID) {
		return false
	}
	p.Merges = append(p.Merges, mergeID)
	for _, id := range o.Identities {
		p.AddIdentity(id)
	}
	for name, t := range o.Traits {
		p.SetTrait(name, t, by.Traits)
	}
	if p.FirstSeen == 0 || o.FirstSeen != 0 && o.FirstSeen < p.FirstSeen {
		p.FirstSeen = o.FirstSeen
	}
	p.LastSeen, p.Clock, p.Newest = max(p.LastSeen, o.LastSeen), max(p.Clock, o.Clock), max(p.Newest, o.Newest)
	p.absorbFolds(o, by.Shape)
	p.absorbTags(o)
	p.absorbMemory(o)
	for name, c := range o.Owners {
		p.Meet(name, c)
	}
	for _, c := range o.Channels {
		p.Channels = AddTo(p.Channels, c)
	}
	for _, s := range o.Stores {
		p.Stores = AddTo(p.Stores, s)
	}
	if o.ID != p.ID { // its own past comes back after an unmerge
		p.Absorbed = AddTo(p.Absorbed, o.ID)
	}
	for _, a := range o.Absorbed {
		p.Absorbed = AddTo(p.Absorbed, a)
	}
	for _, c := range o.Conflicts {
		p.NoteConflict(c)
	}
	for id, into := range o.Split {
		p.Leave(id, into)
	}
	p.Stale = p.Stale || o.Stale
	p.Refused = p.Refused || o.Refused
	p.Suppressed = p.Suppressed || o.Suppressed
	p.Internal = p.Internal || o.Internal
	p.Import = cmp.Or(p.Import, o.Import)
	return true
}

func (p *Profile) absorbFolds(o *Profile, shape func(string) (Shape, bool)) {
	for key, f := range o.Folds {
		s, ok := shape(key)
		if !ok {
			continue // no measure of the rules in force reads it
		}
		p.FoldOf(key).Merge(s, f, p.Clock)
	}
}

func (p *Profile) absorbTags(o *Profile) {
	for name, t := range o.Tags {
		mine, ok := p.Tags[name]
		if !ok {
			if p.Tags == nil {
				p.Tags = map[string]*Tag{}
			}
			p.Tags[name] = t
			continue
		}
		mine.Since = min(mine.Since, t.Since)
		if mine.Expires != 0 {
			if t.Expires == 0 {
				mine.Expires = 0
			} else {
				mine.Expires = max(mine.Expires, t.Expires)
			}
		}
	}
	for name, m := range o.Manual {
		if mine, ok := p.Manual[name]; !ok || mine.At < m.At {
			p.SetManual(name, m)
		}
	}
	for rule, at := range o.Alerted {
		p.NoteAlert(rule, at)
	}
	for rule, at := range o.Given {
		p.NoteGiven(rule, at)
	}
}

// absorbMemory unites arrived ids, evidence and occurrences.
func (p *Profile) absorbMemory(o *Profile) {
	p.Seen, p.arrivals = append(p.Seen, o.Seen...), arrivals{}
	slices.SortStableFunc(p.Seen, func(a, b SeenID) int { return cmp.Compare(a.At, b.At) })
	if over := len(p.Seen) - MaxSeen; over > 0 {
		p.Seen = slices.Delete(p.Seen, 0, over)
	}
	for _, ev := range o.Recent {
		if !slices.ContainsFunc(p.Recent, func(r event.Evidence) bool { return r.EventID == ev.EventID && r.Time == ev.Time }) {
			p.Witness(ev)
		}
	}
	for rule, facts := range o.Matches {
		for _, f := range facts {
			p.NoteMatch(rule, f, 0)
		}
	}
}

// FoldOf is the fold of a key, made when missing.
func (p *Profile) FoldOf(key string) *Fold {
	f, ok := p.Folds[key]
	if !ok {
		f = &Fold{}
		if p.Folds == nil {
			p.Folds = map[string]*Fold{}
		}
		p.Folds[key] = f
	}
	return f
}

// Meet notes a contact with a member of staff.
func (p *Profile) Meet(staff string, c Contact) {
	if staff == "" {
		return
	}
	if p.Owners == nil {
		p.Owners = map[string]Contact{}
	}
	old := p.Owners[staff]
	p.Owners[staff] = Contact{Since: max(old.Since, c.Since), TwoWay: max(old.TwoWay, c.TwoWay), Left: max(old.Left, c.Left)}
}

// SetManual notes what a person decided about a tag.
func (p *Profile) SetManual(tag string, m Manual) {
	if p.Manual == nil {
		p.Manual = map[string]Manual{}
	}
	p.Manual[tag] = m
}

// NoteAlert notes when a rule alerted last.
func (p *Profile) NoteAlert(rule string, at event.Time) {
	if p.Alerted == nil {
		p.Alerted = map[string]event.Time{}
	}
	p.Alerted[rule] = max(p.Alerted[rule], at)
}

// NoteGiven notes the newest period (its begin, in ms) in which a rule that gives
// once a period gave its tag.
func (p *Profile) NoteGiven(rule string, at event.Time) {
	if p.Given == nil {
		p.Given = map[string]event.Time{}
	}
	p.Given[rule] = max(p.Given[rule], at)
}

// NoteMatch keeps an occurrence of an event tag, once: the newest MaxFacts, none
// from before floor.
func (p *Profile) NoteMatch(rule string, f Fact, floor event.Time) {
	facts := p.Matches[rule]
	i, found := slices.BinarySearchFunc(facts, f, CompareFact)
	if found {
		return
	}
	if p.Matches == nil {
		p.Matches = map[string][]Fact{}
	}
	facts = slices.Insert(facts, i, f)
	drop := max(0, len(facts)-MaxFacts)
	for drop < len(facts) && facts[drop].T < floor {
		drop++
	}
	p.Matches[rule] = slices.Delete(facts, 0, drop)
}

// Tombstone is what a profile leaves that was merged into winner: a forwarding
// mark for ever.
func (p *Profile) Tombstone(winner string) *Profile {
	return &Profile{ID: p.ID, Winner: winner, Clock: p.Clock, Rules: p.Rules, Merges: p.Merges}
}
