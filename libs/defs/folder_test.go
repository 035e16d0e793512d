package defs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
)

const rulesText = "# 意向\nzone: Asia/Shanghai\ntags:\n  高意向: {when: 'x >= 3'}\n"

// fill writes some of each that matters to folders.
func fill(t *testing.T, s *defs.Store) {
	t.Helper()
	put(t, s, defs.KindSource, "shop1", wecom, defs.ExpectNone)
	put(t, s, defs.KindSource, "shop-1", wecom, defs.ExpectNone)
	put(t, s, defs.KindStore, "门店1", `{"name":"一号店: 南京路","lat":31.2,"lng":121.5,"tags":["123","true"]}`, defs.ExpectNone)
	put(t, s, defs.KindRoute, "r1", `{"match":{"severity":["high"]},"channels":[{"kind":"robot","name":"销售群","url":"https://x.cn/?key=k"}]}`, defs.ExpectNone)
	put(t, s, defs.KindLink, "quote", `{"url":"https://x.cn/a","title":"${NOT_A_SECRET}","expires_at":"2027-01-01T00:00:00Z","points":5}`, defs.ExpectNone)
	rules, err := json.Marshal(defs.Rules{Files: map[string]string{"rules.yaml": rulesText, "more/tags.yaml": "tags: {}\n"}})
	require.NoError(t, err)
	put(t, s, defs.KindRules, defs.RulesID, string(rules), defs.ExpectNone)
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(b)
}

func write(t *testing.T, text string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
}

// command runs `tagwire defs` and gives what it prints.
func command(t *testing.T, s *defs.Store, secrets map[string]string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := s.Command(t.Context(), defs.CommandOptions{Args: args, Out: &out, Author: "import", Lookup: func(name string) (string, bool) {
		v, ok := secrets[name]
		return v, ok
	}})
	return out.String(), err
}

func TestExportAndImport(t *testing.T) {
	s := open(t, streamtest.Start(t))
	fill(t, s)
	dir := t.TempDir()
	exported, err := s.Export(dir)
	require.NoError(t, err)
	require.Equal(t, []string{
		"link/quote.yaml", "route/r1.yaml", "rules/more/tags.yaml", "rules/rules.yaml", "source/shop-1.yaml", "source/shop1.yaml", "store/门店1.yaml",
	}, exported.Files)
	require.Equal(t, rulesText, read(t, dir, "rules", "rules.yaml"))
	require.Equal(t, "kind: wecom\ncorp_id: ww1\ntoken: ${TAGWIRE_SECRET_SOURCE_SHOP1_TOKEN}\nencoding_aes_key: ${TAGWIRE_SECRET_SOURCE_SHOP1_ENCODING_AES_KEY}\n",
		read(t, dir, "source", "shop1.yaml"))
	require.Len(t, exported.Secrets, 5)
	for _, name := range exported.Files {
		require.NotContains(t, read(t, dir, filepath.FromSlash(name)), "the-token")
	}

	// Onto itself: nothing, with no secret given.
	out, err := command(t, s, nil, "import", dir)
	require.NoError(t, err)
	require.Contains(t, out, "0 created, 0 updated, 6 unchanged, 0 in conflict, 0 invalid: written")
	d, _ := s.Get(defs.KindSource, "shop1")
	require.EqualValues(t, 1, d.Version)

	// Onto an empty deployment: everything, but not without its secrets.
	other := open(t, streamtest.Start(t))
	out, err = command(t, other, nil, "import", dir)
	require.ErrorIs(t, err, defs.ErrInvalid)
	require.Contains(t, out, "set the variable TAGWIRE_SECRET_SOURCE_SHOP1_TOKEN")
	require.Contains(t, out, "not written")
	require.Empty(t, other.List(defs.KindStore), "nothing is written of a folder that is not whole")

	secrets := map[string]string{}
	for _, name := range exported.Secrets {
		secrets[name] = "https://x.cn/?key=k"
	}
	secrets["TAGWIRE_SECRET_SOURCE_SHOP1_TOKEN"] = "the-token"
	secrets["TAGWIRE_SECRET_SOURCE_SHOP1_ENCODING_AES_KEY"] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	for _, name := range exported.Secrets { // the hash in the name of shop-1 is not spelled here
		if len(name) > len("TAGWIRE_SECRET_SOURCE_SHOP_1_ENCODING_AES_KEY") && name[len(name)-4:] == "_KEY" {
			secrets[name] = secrets["TAGWIRE_SECRET_SOURCE_SHOP1_ENCODING_AES_KEY"]
		}
	}
	out, err = command(t, other, secrets, "import", dir, "--dry-run")
	require.NoError(t, err)
	require.Contains(t, out, "6 created")
	require.Contains(t, out, "nothing was")
	require.Empty(t, other.List(defs.KindStore))
	out, err = command(t, other, secrets, "import", dir)
	require.NoError(t, err, out)
	for _, kind := range []string{defs.KindStore, defs.KindLink, defs.KindRoute, defs.KindRules} {
		require.Equal(t, bodies(s, kind), bodies(other, kind))
	}
	d, _ = other.Get(defs.KindSource, "shop1")
	require.JSONEq(t, wecom, string(d.Body))
	out, err = command(t, other, secrets, "import", dir)
	require.NoError(t, err)
	require.Contains(t, out, "0 created, 0 updated, 6 unchanged")

	// The other exports the same folder.
	dir2 := t.TempDir()
	again, err := other.Export(dir2)
	require.NoError(t, err)
	require.Equal(t, exported.Files, again.Files)
	for _, name := range exported.Files {
		require.Equal(t, read(t, dir, name), read(t, dir2, name))
	}
}

func TestExportedRulesAreUnchangedHoweverTheyWereActivated(t *testing.T) {
	s := open(t, streamtest.Start(t))
	rules := defs.Rules{
		Files:   map[string]string{"rules.yaml": rulesText + "# \r\n\ttrailing  \n\n"},
		Warming: map[string]event.Time{"打开次数": 1_795_000_000_000}, NoHistory: true,
	}
	body, err := json.Marshal(rules)
	require.NoError(t, err)
	put(t, s, defs.KindRules, defs.RulesID, string(body), defs.ExpectNone)
	dir := t.TempDir()
	_, err = s.Export(dir)
	require.NoError(t, err)
	out, err := command(t, s, nil, "import", dir, "--dry-run")
	require.NoError(t, err)
	require.Contains(t, out, "0 updated, 1 unchanged")

	write(t, rulesText, dir, "rules", "rules.yaml")
	out, err = command(t, s, nil, "import", dir, "--dry-run")
	require.NoError(t, err)
	require.Contains(t, out, "1 updated, 0 unchanged")
}

func bodies(s *defs.Store, kind string) map[string]string {
	out := map[string]string{}
	for _, d := range s.List(kind) {
		out[d.ID] = string(d.Body)
	}
	return out
}

func TestImportPlansEachDefinition(t *testing.T) {
	s := open(t, streamtest.Start(t))
	fill(t, s)
	dir := t.TempDir()
	_, err := s.Export(dir)
	require.NoError(t, err)
	write(t, "name: 抖音\ntags: [渠道:抖音]\n", dir, "channel", "ch_7.yaml")
	write(t, "name: 二号店\n", dir, "store", "门店1.yaml")
	write(t, "kind: wecom\ncorp_id: ww2\ntoken: ${TAGWIRE_SECRET_SOURCE_SHOP1_TOKEN}\nencoding_aes_key: ${TAGWIRE_SECRET_SOURCE_SHOP1_ENCODING_AES_KEY}\n", dir, "source", "shop1.yaml")
	write(t, "a note", dir, "README.md")
	write(t, "x: 1", dir, ".git", "config.yaml")
	plan, err := s.Import(t.Context(), defs.ImportOptions{Dir: dir, Author: "git"})
	require.NoError(t, err)
	require.Equal(t, 1, plan.Count(defs.ActionCreate))
	require.Equal(t, 2, plan.Count(defs.ActionUpdate))
	require.Equal(t, 4, plan.Count(defs.ActionUnchanged))
	require.Equal(t, defs.KindRules, plan.Steps[len(plan.Steps)-1].Kind, "rules come last")
	d, _ := s.Get(defs.KindSource, "shop1")
	b, err := defs.Body[defs.Source](d)
	require.NoError(t, err)
	require.Equal(t, "ww2", b.CorpID)
	require.Equal(t, "the-token", b.Token, "a secret whose variable is not set stays")
	require.Equal(t, "git", d.Author)

	for name, text := range map[string]string{
		"store/bad.yaml": "name: [", "store/门店1.yml": "name: x", "planet/p.yaml": "x: 1", "store/empty.yaml": "", "store/sub/s.yaml": "name: x",
		"store/field.yaml": "titel: x",
	} {
		write(t, text, dir, filepath.FromSlash(name))
	}
	out, err := command(t, s, nil, "import", dir)
	require.ErrorIs(t, err, defs.ErrInvalid)
	for _, want := range []string{"store/bad.yaml is not YAML", "is in store/门店1.yaml and in store/门店1.yml", "unknown kind", "not an object", "titel: is not a field", "6 invalid"} {
		require.Contains(t, out, want)
	}
}

func TestImportTellsConflicts(t *testing.T) {
	s := open(t, streamtest.Start(t))
	dir := t.TempDir()
	write(t, "name: a\n", dir, "store", "s1.yaml")
	write(t, "name: b\n", dir, "store", "s2.yaml")
	plan, err := s.Import(t.Context(), defs.ImportOptions{Dir: dir, Write: map[string]func(context.Context, defs.Put) (defs.Def, error){
		defs.KindStore: func(ctx context.Context, p defs.Put) (defs.Def, error) {
			if p.ID == "s1" { // somebody is quicker
				put(t, s, defs.KindStore, "s1", `{"name":"other"}`, defs.ExpectNone)
			}
			return s.Put(ctx, p)
		},
	}})
	require.ErrorIs(t, err, defs.ErrConflict)
	require.Equal(t, defs.ActionConflict, plan.Steps[0].Action)
	require.Equal(t, defs.ActionCreate, plan.Steps[1].Action)
	d, _ := s.Get(defs.KindStore, "s1")
	require.JSONEq(t, `{"name":"other"}`, string(d.Body))
}

func TestExportRemovesOnlyWhatItOnceWrote(t *testing.T) {
	s := open(t, streamtest.Start(t))
	put(t, s, defs.KindStore, "s1", `{"name":"a"}`, defs.ExpectNone)
	put(t, s, defs.KindStore, "s2", `{"name":"b"}`, defs.ExpectNone)
	dir := t.TempDir()
	write(t, "name: mine\n", dir, "store", "mine.yaml")
	out, err := s.Export(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"store/mine.yaml"}, out.Extra)
	_, err = s.Delete(t.Context(), defs.Put{Kind: defs.KindStore, ID: "s2", Expect: 1})
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "store", "mine.yaml")))
	text, err := command(t, s, nil, "export", dir)
	require.NoError(t, err)
	require.Contains(t, text, "removed, no longer defined: store/s2.yaml")
	require.FileExists(t, filepath.Join(dir, "store", "s1.yaml"))
	require.NoFileExists(t, filepath.Join(dir, "store", "s2.yaml"))
}

func TestCommandSaysHowItIsUsed(t *testing.T) {
	s := open(t, streamtest.Start(t))
	for _, args := range [][]string{{}, {"export"}, {"burn", "x"}, {"export", "a", "b"}, {"--force", "export", "x"}} {
		_, err := command(t, s, nil, args...)
		require.ErrorIs(t, err, defs.ErrUsage, "%v", args)
	}
	_, err := command(t, s, nil, "import", filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
