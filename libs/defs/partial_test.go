package defs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
)

// An import that ends early says what stands and what does not.
func TestImportThatEndsEarlySaysWhatWasWritten(t *testing.T) {
	s := open(t, streamtest.Start(t))
	dir := t.TempDir()
	write(t, "name: 一店\n", dir, "store", "s1.yaml")
	write(t, "name: 二店\n", dir, "store", "s2.yaml")
	write(t, rulesText, dir, "rules", "rules.yaml")
	refused := errors.New("history is needed")
	importIt := func(asJSON bool, write func(context.Context, defs.Put) (defs.Def, error)) (string, error) {
		var out bytes.Buffer
		err := s.Command(t.Context(), defs.CommandOptions{
			Args: []string{"import", dir}, Out: &out, JSON: asJSON, Author: "import",
			Write: map[string]func(context.Context, defs.Put) (defs.Def, error){defs.KindRules: write},
		})
		return out.String(), err
	}
	out, err := importIt(true, func(context.Context, defs.Put) (defs.Def, error) { return defs.Def{}, refused })
	require.ErrorIs(t, err, refused)
	var plan defs.Plan
	require.NoError(t, json.Unmarshal([]byte(out), &plan))
	require.False(t, plan.Written)
	require.Len(t, plan.Steps, 3)
	failed := false
	for _, step := range plan.Steps {
		d, stands := s.Get(step.Kind, step.ID)
		assert.Equal(t, step.Written, stands && !d.Deleted, "%s/%s", step.Kind, step.ID)
		failed = failed || step.Kind == defs.KindRules && step.Action == defs.ActionFailed
	}
	require.True(t, failed)

	out, err = importIt(false, func(context.Context, defs.Put) (defs.Def, error) { return defs.Def{}, refused })
	require.ErrorIs(t, err, refused)
	require.Contains(t, out, "failed")
	require.Contains(t, out, "未写入 / not written")
	require.Contains(t, out, "written, ")
	require.Contains(t, out, "import again")
	require.NotContains(t, out, "invalid: written")

	out, err = importIt(false, s.Put)
	require.NoError(t, err)
	require.Contains(t, out, "0 invalid: written")
	require.NotContains(t, out, "not written")
}
