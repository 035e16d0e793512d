package explain_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/explain"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares the sentences of a set with a file.
func golden(t *testing.T, name string, files map[string]string) {
	t.Helper()
	_, err := rule.Compile(1, files)
	require.NoError(t, err)
	said, err := explain.Set(files)
	require.NoError(t, err)
	var b strings.Builder
	for _, s := range said {
		fmt.Fprintf(&b, "%s %s:%d\n%s\n%s\n\n", s.Kind, s.File, s.Line, s.Zh, s.En)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String())
}

func TestTheDesignsRulesInWords(t *testing.T) {
	b, err := os.ReadFile("testdata/design.yaml")
	require.NoError(t, err)
	golden(t, "design", map[string]string{"design.yaml": string(b)})
}

func TestTheShopsRulesInWords(t *testing.T) {
	files := map[string]string{}
	found, err := filepath.Glob("../../../deploy/examples/wecom-shop/rules/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for _, path := range found {
		if strings.HasSuffix(path, "_test.yaml") {
			continue
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		files[filepath.Base(path)] = string(b)
	}
	golden(t, "wecom-shop", files)
}

func TestConditionsInWords(t *testing.T) {
	f := func(when, zh, en string) {
		t.Helper()
		said, err := explain.Set(map[string]string{"r.yaml": "measures:\n  n: {count: a}\n  m: {sum: a, of: event.amount}\ntags:\n  T:\n    when: |-\n      " + when + "\n"})
		require.NoError(t, err)
		last := said[len(said)-1]
		require.Equal(t, "T："+zh+"时打上，条件不再成立就取消。", strings.Replace(last.Zh, " 时打上", "时打上", 1))
		require.Equal(t, "T: given while "+en+"; taken off when the condition ends.", last.En)
	}
	f(`n >= 1`, "n至少 1 次", "n is at least 1 time")
	f(`m > 2.5`, "m大于 2.5", "m is more than 2.5")
	f(`(n < 2 or m <= 3) and not tag("VIP")`, "（n少于 2 次；或者m不高于 3），并且没有标签「VIP」", "(n is fewer than 2 times, or m is at most 3) and the tag “VIP” is not held")
	f(`not (traits.city in ["苏州", "上海"])`, "属性 city不是 苏州、上海 之一", "the trait city is none of 苏州, 上海")
	f(`not (n > 1 and m > 1)`, "并非（n多于 1 次，并且m大于 1）", "not (n is more than 1 time and m is more than 1)")
	f(`not absent("order.pay", "90d")`, "最近 90 天内有过“付款”", "there was “order paid” within the last 90 days")
	f(`first("x.y")`, "第一次“x.y”", "it is the first “x.y”")
	f(`soon("x")`, `soon("x") 成立`, `soon("x") holds`)
	f(`len(owners) == 2`, "服务员工的个数是 2", "the number of the staff who serve is 2")
	f(`m / n > 10 and known`, "m除以n大于 10，并且身份已知", "m divided by n is more than 10 and the customer is known")
	f(`stage != "忠诚"`, "阶段不是 忠诚", "the stage is not 忠诚")
}
