package demo

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/trial"
)

const example = "../../../deploy/examples/wecom-shop"

// read is every YAML file below a folder.
func read(t *testing.T, files fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		b, err := fs.ReadFile(files, name)
		out[name] = string(b)
		return err
	}))
	return out
}

func TestPackIsTheExample(t *testing.T) {
	inside, err := fs.Sub(packed, "pack")
	require.NoError(t, err)
	require.Equal(t, read(t, os.DirFS(example)), read(t, inside), "run go generate in services/tagwire/demo")
}

func TestPackCompilesAndIsAsLargeAsItSays(t *testing.T) {
	p, set := compiled(t)
	alerts := 0
	for _, tag := range set.Tags {
		alerts += len(tag.Alerts)
	}
	require.Len(t, set.Keywords, 9)
	require.Len(t, set.Measures, 41)
	require.Len(t, set.Tags, 82)
	require.Equal(t, 27, alerts)
	var stages []string
	for _, s := range set.Stages {
		stages = append(stages, s.Name)
	}
	require.Equal(t, []string{"潜在", "新", "活跃", "忠诚", "流失"}, stages)
	require.Len(t, p.bodies["staff"], 30)
	require.Len(t, p.bodies["store"], 6)
}

// TestEveryRuleSaysWhatItServes keeps the rows of the acceptance list beside the
// rules.
func TestEveryRuleSaysWhatItServes(t *testing.T) {
	p, set := compiled(t)
	var names []string
	for _, k := range set.Keywords {
		names = append(names, k.Name)
	}
	for _, m := range set.Measures {
		names = append(names, m.Name)
	}
	for _, tag := range set.Tags {
		names = append(names, tag.Name)
	}
	all := "\n" + strings.Join(slices.Collect(maps.Values(p.rules)), "\n")
	for _, name := range names {
		require.Regexp(t, `(?m)^  `+regexp.QuoteMeta(name)+`:.*# (行 rows?|row) \d`, all)
	}
}

func compiled(t *testing.T) (*pack, *rule.Set) {
	t.Helper()
	p, err := readPack()
	require.NoError(t, err)
	set, err := rule.Compile(1, p.rules)
	require.NoError(t, err)
	return p, set
}

func TestRulesTestsPass(t *testing.T) {
	_, set := compiled(t)
	tests := map[string]string{}
	for name, text := range read(t, os.DirFS(filepath.Join(example, "rules"))) {
		if strings.HasSuffix(name, "_test.yaml") {
			tests[name] = text
		}
	}
	report, err := trial.Run(set, tests)
	require.NoError(t, err)
	require.Zero(t, report.Failed, "%+v", report.Tests)
	require.GreaterOrEqual(t, report.Passed, 45)
}
