package keyword

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// sentence is a message with the lists that a sales person would mark.
type sentence struct {
	text, speaker string
	lists         []string
	why           string
}

func sentences(t testing.TB) []sentence {
	t.Helper()
	b, err := os.ReadFile("testdata/sentences.tsv")
	require.NoError(t, err)
	var out []sentence
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, cells, 4, line)
		s := sentence{text: cells[0], speaker: cells[1], why: cells[3]}
		if cells[2] != "-" {
			s.lists = strings.Split(cells[2], ",")
		}
		out = append(out, s)
	}
	return out
}

func sentenceLists(t testing.TB) []List {
	t.Helper()
	b, err := os.ReadFile("testdata/lists.yaml")
	require.NoError(t, err)
	var rows []struct {
		Name, From   string
		Words, Exact []string
		UnlessIn     []string `yaml:"unless_in"`
		NotAfter     []string `yaml:"not_after"`
	}
	require.NoError(t, yaml.UnmarshalWithOptions(b, &rows, yaml.Strict()))
	var out []List
	for _, r := range rows {
		out = append(out, List{Name: r.Name, Words: r.Words, Exact: r.Exact, UnlessIn: r.UnlessIn, NotAfter: r.NotAfter, From: r.From})
	}
	return out
}

func TestSentencesAreJudgedAsASalesPersonWould(t *testing.T) {
	all := sentences(t)
	lists := sentenceLists(t)
	require.Len(t, all, 60)
	require.Len(t, lists, 5)
	d := Compile(lists)
	right := 0
	for _, s := range all {
		var got []string
		for _, f := range d.Match(s.text, s.speaker) {
			got = append(got, f.List)
		}
		if strings.Join(got, ",") == strings.Join(s.lists, ",") {
			right++
			continue
		}
		t.Logf("missed: %s (%s): marked %v, a sales person marks %v: %s", s.text, s.speaker, got, s.lists, s.why)
	}
	t.Logf("%d of %d right", right, len(all))
	require.GreaterOrEqual(t, right, 57)
}
