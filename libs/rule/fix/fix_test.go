package fix_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/fix"
)

const wrong = `# 高意向：谁值得联系（意向）
measures：
  近7天打开次数: {count：[link.open，file.open]，within: 7d}   # 次数：按客户
  意向分：{score: {link.open：5，form.submit：20}, half_life: 3d}
tags:
	高意向：
		group：意向
		when: （近7天打开次数 ≥ 3 且 not absent(“link.open”，“1d”)）或 意向分 ＞ 60
		lasts: 7d
		alert: {title: “你好，{{name}}”, to: owner}
`

const right = `# 高意向：谁值得联系（意向）
measures:
  近7天打开次数: {count: [link.open, file.open], within: 7d}   # 次数：按客户
  意向分: {score: {link.open: 5, form.submit: 20}, half_life: 3d}
tags:
  高意向:
    group: 意向
    when: (近7天打开次数 >= 3 and not absent("link.open", "1d")) or 意向分 > 60
    lasts: 7d
    alert: {title: "你好，{{name}}", to: owner}
`

func TestSignsAreRewrittenAndNothingElse(t *testing.T) {
	in := strings.Replace(wrong, "“你好，{{name}}”", `"你好，{{name}}"`, 1)
	res, err := fix.Set(map[string]string{"r.yaml": in})
	require.NoError(t, err)
	require.Equal(t, right, res.Files["r.yaml"])
	require.Empty(t, res.Left)
	require.Equal(t, fix.Line{
		File: "r.yaml", Number: 7, Before: "\t\tgroup：意向", After: "    group: 意向", Replaced: 3, FirstColumn: 1,
	}, res.Lines[4])
	again, err := fix.Set(res.Files)
	require.NoError(t, err)
	require.Empty(t, again.Files)
}

func TestAFileThatCompilesIsNeverChanged(t *testing.T) {
	odd := "keywords:\n  k: {words: [价格，多少钱]}\ntags:\n  A: {event: x.y, alert: {title: '：，（）“”≥且'}}\n"
	broken := "tags:\n  B：{event: x.y}\n"
	res, err := fix.Set(map[string]string{"odd.yaml": odd})
	require.NoError(t, err)
	require.Empty(t, res.Files)
	res, err = fix.Set(map[string]string{"odd.yaml": odd, "broken.yaml": broken})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"broken.yaml": "tags:\n  B: {event: x.y}\n"}, res.Files)
	require.Empty(t, res.Left)

	paths, err := filepath.Glob("../../../deploy/examples/*/rules/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	files := map[string]map[string]string{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.yaml") {
			continue
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		dir := filepath.Dir(path)
		if files[dir] == nil {
			files[dir] = map[string]string{}
		}
		files[dir][filepath.Base(path)] = string(b)
	}
	for _, set := range files {
		res, err := fix.Set(set)
		require.NoError(t, err)
		require.Empty(t, res.Files)
	}
}

// Whatever a keyboard did to the signs of a good set is undone.
func TestAGoodSetComesBack(t *testing.T) {
	for _, pair := range [][2]string{{": ", "："}, {"(", "（"}, {")", "）"}, {">=", "≥"}, {" and ", " 且 "}, {" or ", " 或 "}, {`"link.open"`, "“link.open”"}} {
		res, err := fix.Set(map[string]string{"r.yaml": strings.ReplaceAll(right, pair[0], pair[1])})
		require.NoError(t, err)
		require.Empty(t, res.Left, "%q: %s", pair[1], res.Files["r.yaml"])
		_, err = rule.Compile(1, res.Files)
		require.NoError(t, err)
	}
}

// Digits of numbers are straightened; those of names and texts stay.
func TestFullWidthDigitsOfNumbersAreRewritten(t *testing.T) {
	const in = "measures:\n  近７天: {count: a}\ntags:\n  A: {when: '近７天 >= １０ and traits.level == \"３级\"'}\n  B:\n    when: 近７天 in [１，2３] or 近７天 * ０．５ ＞ 1\n    group: ３ 组\n"
	const want = "measures:\n  近７天: {count: a}\ntags:\n  A: {when: '近７天 >= 10 and traits.level == \"３级\"'}\n  B:\n    when: 近７天 in [1, 23] or 近７天 * 0.5 > 1\n    group: ３ 组\n"
	res, err := fix.Set(map[string]string{"r.yaml": in})
	require.NoError(t, err)
	require.Empty(t, res.Left)
	require.Equal(t, want, res.Files["r.yaml"])
	require.Equal(t, []int{2, 7}, []int{res.Lines[0].Replaced, res.Lines[1].Replaced})
	again, err := fix.Set(res.Files)
	require.NoError(t, err)
	require.Empty(t, again.Files)
}

// What cannot be fixed is named with its place.
func TestWhatIsLeftIsTold(t *testing.T) {
	res, err := fix.Set(map[string]string{"r.yaml": "tags:\n  A：{when: 打开 ≥ 3}\n"})
	require.NoError(t, err)
	require.Equal(t, "tags:\n  A: {when: 打开 >= 3}\n", res.Files["r.yaml"])
	require.Len(t, res.Left, 1)
	require.Contains(t, res.Left[0].Message, "unknown name")
}

// A file in another encoding is refused and stays as it is: its bytes have no signs.
func TestFilesThatAreNoTextStay(t *testing.T) {
	r, err := fix.Set(map[string]string{"r.yaml": "tags：\n  A\xff：{when: known}\n"})
	require.NoError(t, err)
	require.Empty(t, r.Files)
	require.ErrorContains(t, r.Left, "r.yaml:2:4: 文件不是 UTF-8 编码")
}

func FuzzSet(f *testing.F) {
	f.Add(wrong)
	f.Fuzz(func(t *testing.T, text string) {
		res, err := fix.Set(map[string]string{"r.yaml": text})
		require.NoError(t, err)
		if len(res.Files) == 0 {
			return
		}
		again, err := fix.Set(res.Files)
		require.NoError(t, err)
		require.Empty(t, again.Files, "%q", res.Files["r.yaml"])
	})
}
