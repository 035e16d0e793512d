package archtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/archtest"
)

func check(t *testing.T, root string) []archtest.Finding {
	t.Helper()
	tree, err := archtest.Load(root)
	require.NoError(t, err)
	found, err := tree.Check()
	require.NoError(t, err)
	return found
}

// A tree that was not read keeps every rule.
func TestTheRepositoryIsRead(t *testing.T) {
	tree, err := archtest.Load("../..")
	require.NoError(t, err)
	require.Greater(t, tree.Files(), 500)
}

func TestTheRepositoryKeepsItsRules(t *testing.T) {
	for _, f := range check(t, "../..") {
		t.Error(f)
	}
}

// unpack writes the parts of a txtar text into a folder; the part named want
// is given back instead.
func unpack(t *testing.T, text string) (root string, want []string) {
	t.Helper()
	root = t.TempDir()
	parts := strings.Split("\n"+text, "\n-- ")
	for _, part := range parts[1:] {
		name, body, ok := strings.Cut(part, " --\n")
		require.True(t, ok, part)
		if name == "want" {
			want = strings.Split(strings.TrimSpace(body), "\n")
			continue
		}
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(body+"\n"), 0o600))
	}
	return root, want
}

func TestEveryRuleCanFail(t *testing.T) {
	text, err := os.ReadFile("testdata/bad.txtar")
	require.NoError(t, err)
	root, want := unpack(t, string(text))
	found := slices.DeleteFunc(check(t, root), func(f archtest.Finding) bool {
		return strings.HasSuffix(f.Message, " is missing") // 131 coverage rows
	})
	for _, line := range want {
		fields := strings.SplitN(line, " ", 3)
		i := slices.IndexFunc(found, func(f archtest.Finding) bool {
			return f.Place == fields[0] && f.Rule == fields[1] && strings.Contains(f.Message, fields[2])
		})
		if assert.GreaterOrEqual(t, i, 0, "not found: %s", line) {
			found = slices.Delete(found, i, i+1)
		}
	}
	assert.Empty(t, found, "found beyond what is wanted")
}

func TestMissingCoverageRowsAreFound(t *testing.T) {
	text, err := os.ReadFile("testdata/bad.txtar")
	require.NoError(t, err)
	root, _ := unpack(t, string(text))
	missing := 0
	for _, f := range check(t, root) {
		if f.Rule == "coverage" && strings.HasSuffix(f.Message, " is missing") {
			missing++
		}
	}
	assert.Equal(t, 135-4, missing)
}

func TestLongFilesAndFunctionsAreFound(t *testing.T) {
	var b strings.Builder
	b.WriteString("-- go.mod --\nmodule example.com/shop\n\ngo 1.26.0\n-- docs/coverage.md --\n")
	for row := range 135 {
		fmt.Fprintf(&b, "| %d | x | open | open |\n", row+1)
	}
	b.WriteString("-- libs/rule/rule.go --\n// Package rule is longer than anybody would like to read it.\npackage rule\n\nfunc Long() {\n")
	b.WriteString(strings.Repeat("\t_ = 1\n", 400))
	b.WriteString("}\n")
	root, _ := unpack(t, b.String())
	var got []string
	for _, f := range check(t, root) {
		got = append(got, f.String())
	}
	require.Len(t, got, 2)
	assert.Contains(t, got[0], "libs/rule/rule.go: 406 lines; split it below 400 [filelength]")
	assert.Contains(t, got[1], "libs/rule/rule.go:4: Long has 402 lines")
}
