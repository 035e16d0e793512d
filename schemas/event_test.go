package schemas

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(EventSchema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("event.schema.json", doc))
	s, err := c.Compile("event.schema.json")
	require.NoError(t, err)
	return s
}

func TestExamplesOfEvents(t *testing.T) {
	s := compile(t)
	dir, err := EventExamples()
	require.NoError(t, err)
	seen := map[string]int{}
	require.NoError(t, fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dir, path)
		require.NoError(t, err)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		require.NoError(t, err)
		kind, _, _ := strings.Cut(path, "/")
		seen[kind]++
		if kind == "invalid" {
			require.Error(t, s.Validate(v), path)
			return nil
		}
		require.NoError(t, s.Validate(v), path)
		return nil
	}))
	require.Positive(t, seen["valid"])
	require.Positive(t, seen["invalid"])
}

func TestAliases(t *testing.T) {
	a, err := LoadAliases()
	require.NoError(t, err)
	for name, want := range map[string][2]string{
		"Order Completed": {"order.pay", ""}, "completed order": {"order.pay", ""}, " Product  Added ": {"cart.add", ""},
		"Message Received": {"chat.message", "staff"}, "Live Chat Message Sent": {"chat.message", "customer"},
		"Email Link Clicked": {"email.click", ""}, "Trial Started": {"contract.start", ""},
	} {
		typ, from, ok := a.Canonical(name)
		require.True(t, ok, name)
		require.Equal(t, want, [2]string{typ, from}, name)
	}
	_, _, ok := a.Canonical("看过资料")
	require.False(t, ok, "a name that is not in the table passes as it is")
	for name, alias := range a {
		require.Regexp(t, `^[a-z]+\.[a-z_]+$`, alias.Type, name)
		b, err := json.Marshal(alias)
		require.NoError(t, err)
		require.NotEmpty(t, b)
	}
}
