package profile

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

// An event that has arrived is known again however many came since, and none that has
// not is taken for one.
func TestRememberIsAsLookedThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, other, at := New("p"), New("o"), event.Time(1_700_000_000_000)
		space := rapid.Uint64Range(50, 20_000).Draw(t, "ids")
		pause := event.Time(rapid.IntRange(0, 60_000).Draw(t, "pause"))
		for n := range rapid.IntRange(1, 9000).Draw(t, "events") {
			at += pause
			hash := (uint64(n)*0x9e3779b97f4a7c15>>7)%space + 1<<40
			known := slices.ContainsFunc(p.Seen, func(s SeenID) bool { return s.Hash == hash })
			require.Equal(t, !known, p.Remember(hash, at))
			if n%997 == 996 { // who puts another memory into the profile need not know of the bits
				strange := SeenID{Hash: uint64(n) + 1<<50, At: at}
				p.Seen = append(slices.Clone(p.Seen[1:]), strange)
				require.False(t, p.Remember(strange.Hash, at))
			}
			if n%1999 == 1998 {
				other.Seen = []SeenID{{Hash: uint64(n), At: at}, {Hash: uint64(n) + 1, At: at}}
				p.absorbMemory(other)
				require.False(t, p.Remember(uint64(n), at))
			}
		}
		require.LessOrEqual(t, len(p.Seen), MaxSeen)
	})
}
