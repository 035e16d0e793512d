package api

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

func TestConflictsAreShown(t *testing.T) {
	p := profile.New("p-1")
	p.Absorbed = []string{"p-2", "p-4"}
	phone := event.Identity{Namespace: "phone", Value: "0123"}
	for _, c := range []profile.Conflict{
		{Kind: profile.ConflictUnique, Since: 1000, With: []string{"p-9"}},
		{Kind: profile.ConflictShared, Identity: phone, Since: 2000, With: []string{"p-1", "p-2", "p-3"}},
		{Kind: profile.ConflictShared, Identity: phone, Since: 3000, With: []string{"p-5"}},
		{Kind: profile.ConflictUnique, Since: 4000, With: []string{"p-4"}},
	} {
		p.NoteConflict(c)
	}
	b, err := json.Marshal(conflicts(p))
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"kind": "unique", "since": "1970-01-01T00:00:01.000Z", "with": ["p-9"]},
		{"kind": "shared", "identity": "phone:0123", "since": "1970-01-01T00:00:02.000Z", "with": ["p-3", "p-5"]}
	]`, string(b), "whom it has become one with is left out")
	require.Empty(t, conflicts(profile.New("p-1")))
}
