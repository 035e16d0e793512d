package profile_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

func TestConflictsAreKeptOnceWithTheirFirstMoment(t *testing.T) {
	unique := func(other string, at event.Time) profile.Conflict {
		return profile.Conflict{Kind: profile.ConflictUnique, Since: at, With: []string{other}}
	}
	shared := func(value string, at event.Time, with ...string) profile.Conflict {
		return profile.Conflict{Kind: profile.ConflictShared, Identity: event.Identity{Namespace: "anonymous_id", Value: value}, Since: at, With: with}
	}
	p := profile.New("p-1")
	require.True(t, p.NoteConflict(unique("p-2", 5)))
	require.False(t, p.NoteConflict(unique("p-2", 3)))
	require.True(t, p.NoteConflict(unique("p-3", 5)))
	require.True(t, p.NoteConflict(shared("a", 7, "p-1", "p-8")))
	require.False(t, p.NoteConflict(shared("a", 9, "p-1", "p-7")))
	require.True(t, p.NoteConflict(shared("b", 9)))
	require.Equal(t, []profile.Conflict{unique("p-2", 3), unique("p-3", 5), shared("a", 7, "p-7", "p-8"), {
		Kind: profile.ConflictShared, Identity: event.Identity{Namespace: "anonymous_id", Value: "b"}, Since: 9, With: nil,
	}}, p.Conflicts)
	require.True(t, p.Refuses("p-3"))
	require.False(t, p.Refuses("p-8"), "who had the same device may be one for another reason")

	for other := range 20 { // none of what people decided is forgotten
		require.True(t, p.NoteConflict(profile.Parted(fmt.Sprint("p-parted", other), 5)))
	}
	require.True(t, p.Refuses("p-parted0"))
	require.Equal(t, 22, len(p.Apart()))
	p.Conflicts = p.Conflicts[:4]

	state, err := p.Encode()
	require.NoError(t, err)
	again, err := profile.Decode(state)
	require.NoError(t, err)
	require.Equal(t, p.Conflicts, again.Conflicts)

	winner := profile.New("p-0")
	winner.NoteConflict(shared("a", 8, "p-1", "p-6"))
	winner.Absorb(p, "m", profile.Keeping{Shape: func(string) (profile.Shape, bool) { return profile.Shape{}, false }})
	require.Equal(t, shared("a", 7, "p-1", "p-6", "p-7", "p-8"), winner.Conflicts[0])
	require.Len(t, winner.Conflicts, 4)
}

func TestOfEachKindOfConflictTheNewestAreKept(t *testing.T) {
	p := profile.New("p-1")
	p.NoteConflict(profile.Conflict{Kind: profile.ConflictShared, Since: 1})
	for n := range 40 {
		p.NoteConflict(profile.Conflict{Kind: profile.ConflictUnique, Since: event.Time(n), With: []string{fmt.Sprint("o-", n)}})
	}
	require.Len(t, p.Conflicts, 17)
	require.Equal(t, profile.ConflictShared, p.Conflicts[0].Kind, "one kind does not push the other out")
	require.Equal(t, []string{"o-39"}, p.Conflicts[16].With)
	require.False(t, p.Refuses("o-23"))
	require.True(t, p.Refuses("o-24"))
}
