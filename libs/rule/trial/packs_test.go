package trial_test

import (
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

const (
	examples = "../../../deploy/examples"

	fewestTags   = 25
	fewestAlerts = 8
)

// notPacks are examples that show something else than a branch's rules.
func notPacks() []string { return []string{"cdnow"} }

// rowsOf are the acceptance rows that a pack must show: each beside a rule and by
// a test.
func rowsOf() map[string][]string {
	return map[string][]string{
		"retail":        strings.Fields("8 14 36 37 52 60 61 62 63 64 65 66 67 68 74 87 95 96 108 113"),
		"manufacturing": strings.Fields("79 82 83 94"),
		"finance":       strings.Fields("59 74 82 83 87 94 96 108"),
		"wecom-shop":    strings.Fields("4 5 6 7 9 10 11 12 13 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 38 39"),
	}
}

// pack is a folder of deploy/examples with rules.
type pack struct {
	name         string
	rules, tests map[string]string // file → text
}

func packs(t *testing.T) []pack {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(examples, "*", "rules"))
	require.NoError(t, err)
	var out []pack
	for _, dir := range dirs {
		p := pack{name: filepath.Base(filepath.Dir(dir)), rules: map[string]string{}, tests: map[string]string{}}
		if slices.Contains(notPacks(), p.name) {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		require.NoError(t, err)
		for _, f := range files {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			into := p.rules
			if strings.HasSuffix(f, "_test.yaml") {
				into = p.tests
			}
			into[filepath.Base(f)] = string(text)
		}
		out = append(out, p)
	}
	return out
}

// TestPacks holds the rule packs that people copy to what is said of them: they
// compile, are as large as promised, have a lifecycle, and each acceptance row
// named beside a rule has a test of that name that passes, and the other way round.
func TestPacks(t *testing.T) {
	all := packs(t)
	require.NotEmpty(t, all)
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			set, err := rule.Compile(1, p.rules)
			require.NoError(t, err)
			alerts := 0
			for _, tag := range set.Tags {
				require.NotEmpty(t, tag.Group, "the tag %s has no group", tag.Name)
				alerts += len(tag.Alerts)
			}
			require.GreaterOrEqual(t, len(set.Tags), fewestTags, "tags")
			require.GreaterOrEqual(t, alerts, fewestAlerts, "alerts")
			require.GreaterOrEqual(t, len(set.Stages), 2, "stages of the lifecycle")

			report, err := trial.Run(set, p.tests)
			require.NoError(t, err)
			for _, r := range report.Tests {
				require.True(t, r.OK, "%s: %+v", r.Test, r.Failures)
			}
			require.NotZero(t, report.Passed)
			tested := rowsTested(report)
			require.Equal(t, rowsNamed(p.rules), tested, "rows beside a rule, and rows with a test `row N: …`")
			for _, row := range rowsOf()[p.name] {
				require.Contains(t, tested, row, "row %s of the acceptance list", row)
			}
		})
	}
	for name := range rowsOf() {
		require.True(t, slices.ContainsFunc(all, func(p pack) bool { return p.name == name }), "there is no pack %s", name)
	}
}

var (
	besideRule = regexp.MustCompile(`(?m)#\s*row (\d+):\s*\S`)
	inTestName = regexp.MustCompile(`^row (\d+):\s*\S`)
)

// rowsNamed are the rows of comments `# row 66: …` in the rules, sorted.
func rowsNamed(rules map[string]string) []string {
	rows := map[string]bool{}
	for _, text := range rules {
		for _, m := range besideRule.FindAllStringSubmatch(text, -1) {
			rows[m[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(rows))
}

// rowsTested are the rows of tests named `row 66: …`, sorted.
func rowsTested(report trial.Report) []string {
	rows := map[string]bool{}
	for _, r := range report.Tests {
		if m := inTestName.FindStringSubmatch(r.Test); m != nil {
			rows[m[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(rows))
}
