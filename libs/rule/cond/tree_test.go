package cond_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// words gives every name the value of a table; calls hold.
type words map[string]cond.Value

func (w words) Name(name string, path []string) (cond.Node, error) {
	for _, p := range path {
		name += "." + p
	}
	v, ok := w[name]
	if !ok {
		return nil, errors.New("unknown name " + name)
	}
	return cond.Func(func(*cond.Moment) cond.Value { return v }), nil
}

func (w words) Call(string, []cond.Value) (cond.Node, error) {
	return cond.Func(func(*cond.Moment) cond.Value { return cond.BoolOf(true) }), nil
}

func TestATreeShowsEachPartWithItsValue(t *testing.T) {
	w := words{"打开次数": cond.IntOf(4), "聊天": cond.IntOf(1), "意向分": cond.ScoreOf(12.5), "trait.city": cond.TextOf("苏州"), "空": {}}
	f := func(text, want string) {
		t.Helper()
		tree, err := cond.CompileTree(text, w)
		require.NoError(t, err)
		b, err := json.Marshal(tree.At(&cond.Moment{Now: 1, Profile: profile.New("p")}))
		require.NoError(t, err)
		require.JSONEq(t, want, string(b), string(b))
	}
	f(`打开次数 >= 3`, `{"op":">=","text":"打开次数 >= 3","holds":true,"left":{"text":"打开次数","value":4},"right":{"value":3}}`)
	f(`(打开次数 >= 3 and 聊天 >= 2 and absent("a", "1d")) or 意向分 >= 60`, `{"op":"or","text":"(打开次数 >= 3 and 聊天 >= 2 and absent(\"a\", \"1d\")) or 意向分 >= 60","holds":false,"children":[
		{"op":"and","text":"打开次数 >= 3 and 聊天 >= 2 and absent(\"a\", \"1d\")","holds":false,"children":[
			{"op":">=","text":"打开次数 >= 3","holds":true,"left":{"text":"打开次数","value":4},"right":{"value":3}},
			{"op":">=","text":"聊天 >= 2","holds":false,"left":{"text":"聊天","value":1},"right":{"value":2}},
			{"op":"call","text":"absent(\"a\", \"1d\")","holds":true}]},
		{"op":">=","text":"意向分 >= 60","holds":false,"left":{"text":"意向分","value":12.5},"right":{"value":60}}]}`)
	f(`not (trait.city in ["苏州", "上海"])`, `{"op":"not","text":"not (trait.city in [\"苏州\", \"上海\"])","holds":false,"children":[
		{"op":"in","text":"trait.city in [\"苏州\", \"上海\"]","holds":true,"left":{"text":"trait.city","value":"苏州"},"right":{"value":["苏州","上海"]}}]}`)
	f(`(打开次数 - 聊天) * 2 > -1`, `{"op":">","text":"(打开次数 - 聊天) * 2 > -1","holds":true,"left":{"op":"*","text":"(打开次数 - 聊天) * 2","value":6,
		"left":{"op":"-","text":"打开次数 - 聊天","value":3,"left":{"text":"打开次数","value":4},"right":{"text":"聊天","value":1}},"right":{"value":2}},"right":{"value":-1}}`)
	f(`空 > 1`, `{"op":">","text":"空 > 1","holds":false,"left":{"text":"空"},"right":{"value":1}}`)
	f(`keyword("a") ? 打开次数 > 1 : false`, `{"op":"if","text":"keyword(\"a\") ? 打开次数 > 1 : false","holds":true,"children":[
		{"op":"call","text":"keyword(\"a\")","holds":true},
		{"op":">","text":"打开次数 > 1","holds":true,"left":{"text":"打开次数","value":4},"right":{"value":1}},
		{"op":"value","text":"false","holds":false}]}`)
}

func TestATreeRefusesWhatTheConditionRefuses(t *testing.T) {
	for _, text := range []string{"没有 > 1", "打开次数 ≥ 1", "打开次数 >", "1 | 2"} {
		_, want := cond.Compile(text, words{"打开次数": cond.IntOf(4)})
		_, got := cond.CompileTree(text, words{"打开次数": cond.IntOf(4)})
		require.Error(t, got, text)
		require.Equal(t, want, got)
	}
}
