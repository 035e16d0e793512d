package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.EventSchema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("event.schema.json", doc))
	s, err := c.Compile("event.schema.json")
	require.NoError(t, err)
	return s
}

func TestExamplesOfEvents(t *testing.T) {
	s := compile(t)
	dir, err := schemas.EventExamples()
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
		e, err := event.Decode(b)
		require.NoError(t, err, path)
		again, err := e.Encode()
		require.NoError(t, err)
		require.JSONEq(t, string(b), string(again), "the schema and the Go type agree on %s", path)
		return nil
	}))
	require.Positive(t, seen["valid"])
	require.Positive(t, seen["invalid"])
}

func TestAliases(t *testing.T) {
	a, err := schemas.LoadAliases()
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
