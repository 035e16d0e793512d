package apply_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// ladderRules have many rules on the same measures, names that people and channels
// give as well, and scores whose points take away.
const ladderRules = `
measures:
  opens: {count: [open, read], within: 3h}
  all: {count: [open, read, pay]}
  paid: {sum: pay, of: event.amount, within: 4h}
  heat: {score: {open: 5, pay: 8, refund: -6}, half_life: 2h}
  since: {time_since: pay}
  least: {min: pay, of: event.amount}
tags:
  O1: {when: opens >= 1}
  O2: {when: 2 < opens}
  O3: {when: opens == 3}
  O4: {when: opens != 1}
  L2: {when: all >= 2}
  L4: {when: all >= 4, group: g}
  P3: {when: paid >= 3}
  P7: {when: paid < 7}
  H4: {when: heat > 4}
  H5: {when: heat >= 5}
  H12: {when: 12 <= heat}
  N: {when: heat < 0}
  S1: {when: since < "1h"}
  S3: {when: since >= "3h"}
  M: {when: least <= 2}
  Both: {when: tag("O2") and not tag("P7")}
`

// What is remembered of levels and of what is due saves work and changes nothing: with
// it, and with all of it forgotten before each step, the same comes out.
func TestLevelsChangeNothing(t *testing.T) {
	for _, text := range []string{ladderRules, applytest.Rules, applytest.LanguageRules, windowRules} {
		s := compile(t, text)
		rapid.Check(t, func(t *rapid.T) {
			p, q := profile.New("p1"), profile.New("p1")
			for _, f := range arrivals(applytest.Draw(t, t0, 1)) {
				e := f.Event()
				tag := s.Tags[rapid.IntRange(0, len(s.Tags)-1).Draw(t, "tag")].Name
				switch rapid.IntRange(0, 9).Draw(t, "by") {
				case 0:
					e.Tags = []string{tag}
				case 1:
					e.Type, e.Properties = "tag.add", event.Fields{"tag": tag}
				case 2:
					e.Type, e.Properties = "tag.remove", event.Fields{"tag": tag}
				case 3:
					e.Type, e.Properties = "tag.release", event.Fields{"tag": tag}
				}
				in := apply.Input{Event: e, Place: f.Received, Fresh: time.Hour, Late: 24 * time.Hour}
				want := apply.Advance(s, p, f.Received, 0, time.Hour)
				q.ForgetLevels()
				require.Equal(t, want, apply.Advance(s, q, f.Received, 0, time.Hour))
				did := apply.Event(s, p, in)
				q.ForgetLevels()
				again := apply.Event(s, q, in)
				require.Equal(t, did.Changes, again.Changes)
				require.Equal(t, did.Alerts, again.Alerts)
				q.ForgetLevels()
				require.Equal(t, apply.NextDue(s, p, did.Memo), apply.NextDue(s, q, nil))
			}
			one, err := p.Encode()
			require.NoError(t, err)
			two, err := q.Encode()
			require.NoError(t, err)
			require.Equal(t, one, two)
		})
	}
}
