package rule_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/schemas"
)

func rulesSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.RulesSchema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("rules.schema.json", doc))
	s, err := c.Compile("rules.schema.json")
	require.NoError(t, err)
	return s
}

// fits validates YAML as an editor does.
func fits(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	b, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err, text)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	require.NoError(t, err)
	return s.Validate(v)
}

func TestTheSchemaTakesEveryRuleFileThatThereIs(t *testing.T) {
	s := rulesSchema(t)
	n := 0
	paths, err := filepath.Glob("../../deploy/examples/*/rules/*.yaml")
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.yaml") {
			continue
		}
		n++
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, fits(t, s, string(b)), path)
	}
	require.Positive(t, n)
	for _, lang := range []string{"zh", "en"} {
		guides, err := filepath.Glob("../../docs/guides/" + lang + "/*.md")
		require.NoError(t, err)
		for _, path := range guides {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, m := range block.FindAllStringSubmatch(string(b), -1) {
				n++
				require.NoError(t, fits(t, s, m[1]), path)
			}
		}
	}
	require.Greater(t, n, 10)
}

func TestTheSchemaRefusesWhatTheCompilerRefuses(t *testing.T) {
	s := rulesSchema(t)
	for _, text := range []string{
		"colour: red\n", "tags:\n  A: {whem: x}\n", "measures:\n  n: {count: a, within: 7 days}\n", "stages:\n  - {when: known}\n",
		"tags:\n  A: {event: a, alert: {to: nobody}}\n", "tags:\n  A: {event: a, times: {at_least: 2}}\n", "keywords:\n  k: {words: [a], from: both}\n",
		"tags:\n  A: {choose: [{tag: x}]}\n", "population: some\n",
		"groups:\n  g: {count_by: [shop]}\n", "groups:\n  g: {count_by: [store, store]}\n", "groups:\n  g: {color: url(x)}\n", "groups:\n  g: {order: first}\n",
		"traits:\n  x: {merge: latest}\n", "traits:\n  x: {merge: rank}\n", "traits:\n  x: {merge: max, sources: [crm]}\n", "traits:\n  x: {}\n",
	} {
		require.Error(t, fits(t, s, text), text)
		_, err := rule.Compile(1, map[string]string{"r.yaml": text})
		require.Error(t, err, text)
	}
}

// part is an object of the schema.
type part struct {
	Title, Description   string
	AdditionalProperties any
	Properties           map[string]struct{ Title, Description string }
}

func TestTheSchemaHasTheCompilersKeys(t *testing.T) {
	var s struct {
		part
		Defs map[string]part `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(schemas.RulesSchema(), &s))
	s.Defs["set"] = s.part
	for _, name := range rule.Parts() {
		p, ok := s.Defs[name]
		require.True(t, ok, name)
		require.Equal(t, false, p.AdditionalProperties, name)
		var keys []string
		for key, says := range p.Properties {
			keys = append(keys, key)
			require.Regexp(t, `\p{Han}`, says.Title, "%s.%s", name, key)
			require.Regexp(t, `\p{Han}[^。]*。.*[A-Za-z]`, says.Description, "%s.%s", name, key)
		}
		slices.Sort(keys)
		want := slices.Clone(rule.Keys(name))
		slices.Sort(want)
		require.Equal(t, want, keys, name)
	}
	for name, p := range s.Defs {
		if len(p.Properties) > 0 {
			require.Contains(t, rule.Parts(), name)
		}
	}
}
