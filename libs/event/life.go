package event

import (
	"cmp"
	"slices"
	"strings"
)

// Place names an entry of the log.
type Place struct {
	Topic     string
	Partition int
	Offset    int64
}

// Arrival is an interaction as it came in: its record and where that stands in
// the log.
type Arrival struct {
	Record
	Log Place
}

// Join says that a profile became part of another at a moment: the clock of the
// winner when it did.
type Join struct {
	Gone, Winner string
	At           Time
}

// Life is what is kept of one customer as merged today: the interactions of the
// profile and of all that were merged into it, each once, in order of arrival.
type Life struct {
	Profile  string // the profile that all belong to today
	Joins    []Join
	Arrivals []Arrival
}

// Head is the profile that another one of the life belonged to at a moment:
// merges after it had not happened.
func (l *Life) Head(profile string, at Time) string {
	for range len(l.Joins) + 1 { // each step is a merge, and none comes twice
		i := slices.IndexFunc(l.Joins, func(j Join) bool { return j.Gone == profile && j.At <= at })
		if i < 0 {
			break
		}
		profile = l.Joins[i].Winner
	}
	return profile
}

// Holder is the profile that had an identity at a moment; the life's own when
// nobody had it yet.
func (l *Life) Holder(id Identity, at Time) string {
	for i := range l.Arrivals {
		a := &l.Arrivals[i]
		if a.Event.Time <= at && slices.Contains(a.Own, id) {
			return l.Head(a.Profile, at)
		}
	}
	return l.Head(l.Profile, at)
}

// Of are the interactions of the customer that a profile was at a moment, as
// far as they have arrived by today, in order of arrival; and the profiles
// merged into it by then, sorted.
func (l *Life) Of(profile string, at Time) (own []Arrival, absorbed []string) {
	own, _ = l.parted(profile, at, "")
	for _, j := range l.Joins {
		if j.Gone != profile && l.Head(j.Gone, at) == profile {
			absorbed = append(absorbed, j.Gone)
		}
	}
	slices.Sort(absorbed)
	return own, slices.Compact(absorbed)
}

// Before are the interactions that an unmerge of holder parts: those of the
// customer that stand before it, without what earlier ones took away; and its place
// in time. Between partitions of the log history knows no order but the place in
// time; so what holder had applied by then, where it is known, counts too. false: the
// life has no such event.
func (l *Life) Before(u *Unmerge, holder string, applied func(*Event) bool) (own []Arrival, place Time, ok bool) {
	for i := range l.Arrivals {
		a := &l.Arrivals[i]
		if a.Event.Type != TypeUnmerge || a.Event.EventID != u.EventID {
			continue
		}
		own, n := l.parted(holder, l.joined(a.Profile, holder, max(a.Place, a.Event.Time)), u.EventID)
		if n < 0 {
			return nil, 0, false
		}
		past := slices.Clip(own[:n])
		for _, later := range own[n+1:] {
			if applied != nil && applied(later.Event) {
				past = append(past, later)
			}
		}
		return past, a.Place, true
	}
	return nil, 0, false
}

// joined is at, or the later moment at which a profile had become part of holder.
func (l *Life) joined(profile, holder string, at Time) Time {
	for range len(l.Joins) {
		i := slices.IndexFunc(l.Joins, func(j Join) bool { return j.Gone == profile })
		if profile == holder || i < 0 {
			break
		}
		profile, at = l.Joins[i].Winner, max(at, l.Joins[i].At)
	}
	return at
}

// parted are a profile's interactions by a moment without those that unmerges
// have taken away, up to the unmerge named stop, which stands at index n; n < 0:
// there is none.
func (l *Life) parted(profile string, at Time, stop string) (own []Arrival, n int) {
	for _, a := range l.Arrivals {
		if l.Head(a.Profile, at) == profile {
			own = append(own, a)
		}
	}
	for n := 0; n < len(own); n++ {
		u := own[n].Event.Unmerge()
		switch {
		case u == nil || own[n].Event.Time > at:
		case u.EventID == stop:
			return own, n
		default:
			own, _, n = u.Part(own, n)
		}
	}
	return own, -1
}

// Part parts interactions of the customer whom the identities left at index n of
// them: what the surest of its identities names goes with that one, later only what
// still came as one of its own. A refusal that may have been either's counts for both.
// at is the index of that place among those that stay.
func (u *Unmerge) Part(all []Arrival, n int) (stays, left []Arrival, at int) {
	both := u.Both(all[:n])
	for i, a := range all {
		if i == n {
			at = len(stays)
		}
		names := a.Own
		if i < n {
			names = slices.Concat(a.Own, a.Event.Identities)
		}
		moved := u.Moves(Surest(names))
		if c, ok := both[i]; ok {
			second := a
			second.Event = c.Event
			left = append(left, second)
		}
		a.Own = u.Keep(a.Own, moved)
		if moved {
			left = append(left, a)
		} else {
			stays = append(stays, a)
		}
	}
	if n == len(all) {
		at = len(stays)
	}
	return stays, left, at
}

// InOrder puts interactions into their order of arrival and drops those that
// came before. Within a partition the log gives the order, between partitions
// the place in time.
func InOrder(all []Arrival) []Arrival {
	slices.SortFunc(all, func(a, b Arrival) int {
		return cmp.Or(strings.Compare(a.Log.Topic, b.Log.Topic), cmp.Compare(a.Log.Partition, b.Log.Partition), cmp.Compare(a.Log.Offset, b.Log.Offset))
	})
	queues := partitions(all)
	type key struct{ source, id string }
	seen := make(map[key]bool, len(all))
	out := make([]Arrival, 0, len(all))
	for len(queues) > 0 {
		first := 0
		for i := range queues {
			if queues[i][0].Place < queues[first][0].Place {
				first = i
			}
		}
		a := queues[first][0]
		if queues[first] = queues[first][1:]; len(queues[first]) == 0 {
			queues = slices.Delete(queues, first, first+1)
		}
		if k := (key{a.Event.Source, a.Event.EventID}); !seen[k] {
			seen[k] = true
			out = append(out, a)
		}
	}
	return out
}

// partitions cuts sorted interactions by the partition they stand in.
func partitions(all []Arrival) [][]Arrival {
	var out [][]Arrival
	for start, i := 0, 1; i <= len(all); i++ {
		if i == len(all) || all[i].Log.Topic != all[start].Log.Topic || all[i].Log.Partition != all[start].Log.Partition {
			out = append(out, all[start:i])
			start = i
		}
	}
	return out
}
