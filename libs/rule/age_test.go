package rule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// TestAgePassesALimitOnABirthday: for any comparison the next moment named is the
// first day on which its answer changes.
func TestAgePassesALimitOnABirthday(t *testing.T) {
	for _, op := range []string{">= 30", "> 30", "< 30", "<= 29.5", "== 30", "!= 30", ">= 0", "< 0", ">= 1000", "> -1", "== nil"} {
		set, err := Compile(1, map[string]string{"r.yaml": "tags: {a: {when: 'age(\"birthday\") " + op + "'}}"})
		require.NoError(t, err)
		for _, birth := range []string{"1996-05-12", "1996-02-29", "1995-12-31", "2030-01-01", "05-12"} {
			p := profile.New("p")
			p.Traits = map[string]event.Trait{"birthday": {Value: birth}}
			m := &cond.Moment{Now: event.At(time.Date(2025, 1, 1, 12, 0, 0, 0, set.Zone)), Profile: p}
			holds := func(at event.Time) bool {
				return set.Tags[0].When.Eval(&cond.Moment{Now: at, Profile: p}).True()
			}
			var want event.Time
			for day := time.Date(2025, 1, 2, 0, 0, 0, 0, set.Zone); day.Year() < 2062 && want == 0; day = day.AddDate(0, 0, 1) {
				if holds(event.At(day)) != holds(m.Now) {
					want = event.At(day)
				}
			}
			require.Equal(t, want.String(), set.Tags[0].When.Next(m).String(), "%s of %s", op, birth)
		}
	}
}
