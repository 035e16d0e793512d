package checks_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/dns" // so that the configuration may name it
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func alerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse(read(t, "deploy/prometheus/alerts.yml"), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	var out []rulefmt.Rule
	for _, g := range groups.Groups {
		out = append(out, g.Rules...)
	}
	require.NotEmpty(t, out)
	return out
}

func TestPrometheusTakesItsConfiguration(t *testing.T) {
	c, err := promconfig.Load(string(read(t, "deploy/prometheus/prometheus.yml")), nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"alerts.yml"}, c.RuleFiles)
	assert.Less(t, time.Duration(c.GlobalConfig.ScrapeInterval), time.Minute, "rules look at five minutes")
}

func TestAlertsAskOnlyForWhatExists(t *testing.T) {
	all := known(t)
	for _, r := range alerts(t) {
		fits(t, r.Alert, r.Expr, all)
	}
}

const runbooks = "https://github.com/tagwire/tagwire/blob/main/"

func TestAlertsSayWhatToDo(t *testing.T) {
	han := regexp.MustCompile(`\p{Han}`)
	pages := map[string]string{}
	for _, r := range alerts(t) {
		assert.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], "%s: severity", r.Alert)
		assert.Regexp(t, han, r.Annotations["summary_zh"], "%s: summary_zh", r.Alert)
		assert.NotEmpty(t, r.Annotations["summary_en"], "%s: summary_en", r.Alert)
		assert.NotRegexp(t, han, r.Annotations["summary_en"], "%s: summary_en", r.Alert)
		link, ok := strings.CutPrefix(r.Annotations["runbook_url"], runbooks)
		require.True(t, ok, "%s: runbook_url %s", r.Alert, r.Annotations["runbook_url"])
		path, anchor, _ := strings.Cut(link, "#")
		require.Contains(t, anchors(string(read(t, path))), anchor, "%s: %s has no such heading", r.Alert, path)
		pages[filepath.Base(path)] = r.Alert
	}
	for _, path := range runbookFiles(t) {
		name := filepath.Base(path)
		assert.True(t, pages[name] != "" || name == "README.md", "%s belongs to no alert", name)
		if name != "README.md" {
			wholeRunbook(t, path)
		}
	}
}

func runbookFiles(t *testing.T) []string {
	files, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// wholeRunbook: each page answers the same questions in both languages.
func wholeRunbook(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	all := anchors(string(text))
	for _, want := range []string{
		"中文", "含义", "用户会注意到什么", "怎么看", "怎么做", "何时算结束",
		"english", "what-it-means", "what-people-notice", "how-to-look", "what-to-do", "when-it-is-over",
	} {
		assert.Contains(t, all, want, "%s lacks the heading", filepath.Base(path))
	}
}

var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

// anchors are the headings of a page as links name them.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		out = append(out, strings.ReplaceAll(strings.ToLower(strings.TrimSpace(m[1])), " ", "-"))
	}
	return out
}

// Commands in runbooks are those that the program has.
func TestRunbooksNameCommandsThatExist(t *testing.T) {
	source := string(read(t, "services/tagwire/cli/main.go"))
	used := regexp.MustCompile("(?:`|exec [a-z]+ )tagwire ([a-z]+)")
	for _, path := range runbookFiles(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, m := range used.FindAllStringSubmatch(string(text), -1) {
			assert.Contains(t, source, `"`+m[1]+`":`, "%s: tagwire %s", filepath.Base(path), m[1])
		}
	}
}
