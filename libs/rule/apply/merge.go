package apply

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
)

// Merge makes the loser's state part of the winner, once per merge id, and
// judges everything again. The loser may be the winner's own past, which comes
// back after an unmerge; until it is there nothing is judged.
func Merge(s *rule.Set, winner, loser *profile.Profile, mergeID string) Result {
	res := Result{}
	had := make(map[string]bool, len(winner.Tags))
	if loser.ID != winner.ID { // who waited for the past has been told of no tag
		for name := range winner.Tags {
			had[name] = true
		}
	}
	if !winner.Absorb(loser, mergeID, profile.Keeping{Shape: s.Shape, Traits: s.Traits}) {
		res.Duplicate = true
		return res
	}
	res.Changed = true
	j := &judge{set: s, p: winner, res: &res, at: winner.Clock, cause: mergeID, reason: ReasonMerge, late: true, all: true}
	joined := append([]string{loser.ID}, loser.Absorbed...)
	if loser.ID == winner.ID {
		j.reason, joined = ReasonUnmerge, nil
	}
	for _, gone := range joined {
		c := j.change(event.OpMerged, "merged:"+gone)
		c.Other = gone
		res.Changes = append(res.Changes, c)
	}
	if winner.Awaits != "" || winner.Clock == 0 {
		return res
	}
	refused := winner.Refused || winner.Suppressed
	for _, t := range winner.TagStates() { // what the loser's removal took out of the counts comes in here
		switch {
		case had[t.Tag]:
		case refused && t.Origin != "manual":
			delete(winner.Tags, t.Tag) // nobody has been told of it here
		default:
			j.note(t.Tag, winner.Tags[t.Tag], event.OpApplied, nil)
		}
	}
	if refused {
		j.forget()
		return res
	}
	j.expire()
	j.rules()
	return res
}
