package event

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/schemas"
)

// What the schema calls an event is one, with nothing lost.
func TestTheSchemaAndTheTypeAgree(t *testing.T) {
	dir, err := schemas.EventExamples()
	require.NoError(t, err)
	seen := 0
	require.NoError(t, fs.WalkDir(dir, "valid", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		seen++
		b, err := fs.ReadFile(dir, path)
		require.NoError(t, err)
		e, err := Decode(b)
		require.NoError(t, err, path)
		again, err := e.Encode()
		require.NoError(t, err)
		require.JSONEq(t, string(b), string(again), path)
		return nil
	}))
	require.Positive(t, seen)
}
