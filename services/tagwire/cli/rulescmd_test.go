package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule/lint"
)

// ruleFolder writes one rule file and gives the folder.
func ruleFolder(t *testing.T, text string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "rules.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return dir, file
}

const plainRules = `measures:
  打开: {count: link.open, within: 7d}
tags:
  常打开: {when: 打开 >= 3, lasts: 7d, alert: {severity: high}}
`

func TestRulesExplain(t *testing.T) {
	dir, _ := ruleFolder(t, plainRules)
	code, out, errs := run("rules", "explain", dir, "--lang", "zh")
	require.Zero(t, code, errs)
	require.Equal(t, "[指标 measure] 打开：最近 7 天内“打开链接”的次数。\n[标签 tag] 常打开：打开至少 3 次时打上，条件不再成立后保留 7 天；打上时提醒负责人（高）。\n[提醒 alert] 常打开：打上时提醒负责人，级别高。\n", out)
	code, out, _ = run("rules", "explain", dir)
	require.Zero(t, code)
	require.Contains(t, out, "given while 打开 is at least 3 times; kept for 7 days")
	code, out, _ = run("rules", "explain", "--json", dir)
	require.Zero(t, code)
	var said struct {
		OK    bool
		Rules []struct{ Kind, Name, Zh, En string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &said))
	require.True(t, said.OK)
	require.Len(t, said.Rules, 3)

	bad, _ := ruleFolder(t, "tags:\n  A: {when: 没有 > 1}\n")
	code, _, errs = run("rules", "explain", bad)
	require.Equal(t, 1, code)
	require.Contains(t, errs, `rules.yaml:2:13: 不认识的名字 "没有"`)
	require.Contains(t, errs, ` / unknown name "没有"`)
	code, _, errs = run("rules", "explain", bad, "--lang", "fr")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "usage")
}

func TestRulesFix(t *testing.T) {
	wrong := "measures:\n  打开: {count：link.open}\ntags:\n\t常打开：\n\t\twhen: 打开 ≥ 3   # 三次：不多\n"
	right := "measures:\n  打开: {count: link.open}\ntags:\n  常打开:\n    when: 打开 >= 3   # 三次：不多\n"
	dir, file := ruleFolder(t, wrong)
	code, _, errs := run("rules", "check", dir)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "rules.yaml:2:13: 全角或中文符号 '：'：请输入 :")
	code, out, errs := run("rules", "fix", dir, "--dry-run")
	require.Zero(t, code, errs)
	require.Contains(t, out, file+":5\n- →\t→\twhen: 打开 ≥ 3   # 三次：不多\n+     when: 打开 >= 3   # 三次：不多\n")
	require.Contains(t, out, "nothing written")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, wrong, string(b))
	code, _, errs = run("rules", "fix", dir)
	require.Zero(t, code, errs)
	b, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, right, string(b))
	code, out, _ = run("rules", "fix", dir)
	require.Zero(t, code)
	require.Contains(t, out, "no sign to change")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no other file is left behind")

	dir, _ = ruleFolder(t, "tags:\n  A：{when: 没有 ≥ 1}\n")
	code, out, errs = run("rules", "fix", "--json", dir)
	require.Equal(t, 1, code, errs)
	require.Contains(t, out, `"ok":false`)
	require.Contains(t, out, "unknown name")
}

func TestRulesLint(t *testing.T) {
	dir, _ := ruleFolder(t, plainRules)
	code, out, errs := run("rules", "lint", dir)
	require.Zero(t, code, errs)
	require.Contains(t, out, "warnings 0, 提示 notes 0")
	worse, file := ruleFolder(t, plainRules+"  总是: {when: 打开 >= 0}\n")
	code, out, _ = run("rules", "lint", worse)
	require.Equal(t, 1, code)
	require.Contains(t, out, file+":5:14: 「总是」的条件总是成立")
	code, out, _ = run("rules", "lint", worse, "--json")
	require.Equal(t, 1, code)
	var rep struct {
		OK       bool
		Findings []lint.Finding
	}
	require.NoError(t, json.Unmarshal([]byte(out), &rep))
	require.Len(t, rep.Findings, 1)
	require.Equal(t, "constant_condition", rep.Findings[0].Check)
}

func TestRulesSchema(t *testing.T) {
	code, out, errs := run("rules", "schema")
	require.Zero(t, code, errs)
	require.True(t, json.Valid([]byte(out)))
	require.Contains(t, out, "2020-12")
}
