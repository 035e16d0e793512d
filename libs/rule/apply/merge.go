package apply

import (
	"maps"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
)

// Merge makes the loser's state part of the winner, once per merge id, and
// judges everything again. A winner that waits for its own past is not judged
// until that is there.
func Merge(s *rule.Set, winner, loser *profile.Profile, mergeID string) Result {
	res := Result{}
	had := winner.Tags
	winner.Tags = maps.Clone(had)
	if !winner.Absorb(loser, mergeID, profile.Keeping{Shape: s.Shape, Traits: s.Traits}) {
		res.Duplicate = true
		return res
	}
	res.Changed = true
	j := &judge{set: s, p: winner, res: &res, at: winner.Clock, cause: mergeID, reason: ReasonMerge, late: true, all: true}
	for _, gone := range append([]string{loser.ID}, loser.Absorbed...) {
		c := j.change(event.OpMerged, "merged:"+gone)
		c.Other = gone
		res.Changes = append(res.Changes, c)
	}
	if winner.Awaits == "" {
		j.joined(had)
	}
	return res
}

// joined judges a customer of two, of whom had the tags are known that it has been
// told to hold.
func (j *judge) joined(had map[string]*profile.Tag) {
	p := j.p
	refused := p.Refused || p.Suppressed
	for _, t := range p.TagStates() { // what the loser's removal took out of the counts comes in here
		switch {
		case had[t.Tag] != nil:
		case refused && t.Origin != "manual":
			delete(p.Tags, t.Tag) // nobody has been told of it here
		default:
			j.note(t.Tag, p.Tags[t.Tag], event.OpApplied, nil)
		}
	}
	if refused {
		j.forget()
		return
	}
	j.expire()
	j.rules()
}

// Return gives a customer its own past, once, after an unmerge: what the past makes
// of it, to which it has nothing to add but who merged into it meanwhile. Told is
// what differs from what it was before.
func Return(s *rule.Set, p, past *profile.Profile, mergeID string) Result {
	res := Result{}
	since := p.FirstSeen // it has waited since then
	if !p.Absorb(past, mergeID, profile.Keeping{Shape: s.Shape, Traits: s.Traits}) {
		res.Duplicate = true
		return res
	}
	res.Changed = true
	was := p.Was
	p.Was.Tags, p.Was.Stage = nil, ""
	p.Stage, p.StageSince = past.Stage, past.StageSince
	if p.Clock == 0 {
		return res // nothing has happened yet
	}
	j := &judge{set: s, p: p, res: &res, at: max(p.Clock, since), cause: mergeID, reason: ReasonUnmerge, late: true, all: true}
	names := slices.Sorted(maps.Keys(was.Tags))
	for _, name := range names {
		if p.Tags[name] == nil {
			j.note(name, was.Tags[name], event.OpRemoved, nil)
		}
	}
	j.joined(was.Tags)
	for _, name := range names { // held as before, but since another moment
		t := p.Tags[name]
		told := slices.ContainsFunc(res.Changes, func(c event.Change) bool { return c.Tag == name })
		if t != nil && !told && (t.Since != was.Tags[name].Since || t.Expires != was.Tags[name].Expires) {
			j.note(name, t, event.OpRenewed, nil)
		}
	}
	j.stageWas(was.Stage)
	return res
}

// stageWas tells of the stage as seen from the one before the unmerge, whatever the
// past went through. Who has refused is told of none.
func (j *judge) stageWas(before string) {
	p := j.p
	j.res.Changes = slices.DeleteFunc(j.res.Changes, func(c event.Change) bool { return c.Op == event.OpEntered })
	if p.Stage == before || p.Refused || p.Suppressed {
		return
	}
	c := j.change(event.OpEntered, "stage:"+p.Stage)
	c.Stage, c.FromStage, c.Rule, c.RuleVersion = p.Stage, before, "stages", j.set.Version
	j.res.Changes = append(j.res.Changes, c)
}
