package apply

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
)

// Part makes of a customer's history up to an unmerge the pasts of the two that
// it has been since: stays keeps the profile's id, left is the new one. upTo is
// the place in time of the unmerge; what stood before it in the log counts.
func Part(s *rule.Set, id string, u *event.Unmerge, arrivals []event.Arrival, upTo event.Time) (stays, left *profile.Profile) {
	for _, a := range arrivals {
		upTo = max(upTo, a.Event.Time)
	}
	here, there, _ := u.Part(arrivals, len(arrivals))
	return Replay(s, id, here, upTo).Profile, Replay(s, u.Into, there, upTo).Profile
}
