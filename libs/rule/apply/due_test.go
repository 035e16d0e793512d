package apply_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// everyDue is NextDue by asking every rule.
func everyDue(s *rule.Set, p *profile.Profile) (due event.Time) {
	for _, t := range p.Tags {
		due = cond.Earliest(due, t.Expires)
	}
	m := &cond.Moment{Now: p.Clock, Profile: p}
	for _, t := range s.Tags {
		if !t.Uses.Timed || t.Events != nil {
			continue
		}
		if t.When != nil {
			due = cond.Earliest(due, t.When.Next(m))
		}
		for _, c := range t.Choose {
			due = cond.Earliest(due, c.When.Next(m))
		}
	}
	for _, st := range s.Stages {
		if st.When != nil && st.Uses.Timed {
			due = cond.Earliest(due, st.When.Next(m))
		}
	}
	return due
}

// windowRules compare windows in every way.
const windowRules = `
measures:
  opens: {count: [open, read], within: 3h}
  paid: {sum: pay, of: event.amount, within: 4h}
  net: {sum: pay, minus: refund, of: event.amount, within: 2h}
tags:
  A: {when: opens >= 2}
  B: {when: opens < 3, lasts: 1h}
  C: {when: paid > 6}
  D: {when: 9 > paid}
  E: {when: paid == 5 or opens == 1}
  F: {when: net >= 3}
`

// The rules that are not asked have nothing due.
func TestDueIsThatOfAllRules(t *testing.T) {
	for _, text := range []string{applytest.Rules, applytest.LanguageRules, windowRules} {
		s := compile(t, text)
		rapid.Check(t, func(t *rapid.T) {
			p := profile.New("p1")
			for _, f := range arrivals(applytest.Draw(t, t0, 1)) {
				deliver(s, p, f)
				require.Equal(t, everyDue(s, p), apply.NextDue(s, p, nil))
				ahead := p.Clock
				p.Clock = p.Clock.Add(-time.Hour) // facts lie ahead of the clock
				require.Equal(t, everyDue(s, p), apply.NextDue(s, p, nil))
				p.Clock = ahead
			}
		})
	}
}
