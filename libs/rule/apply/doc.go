// Package apply is the one function that decides tags: what an event, a moment
// or a merge makes of a profile under a rule set.
//
// It is core: no I/O, no clock, no logging; equal inputs give equal outputs. The
// tagger, rule tests, dry-runs and rebuilds all call it. A profile's timers are
// fired by [Advance] before its next record; [Event] folds an interaction in and
// judges what it can affect; [Merge] and [Activate] judge everything.
//
// State tags, measures and stages are judged at the profile's clock and do not
// depend on the order of arrival; event tags are judged at their event's time.
package apply
