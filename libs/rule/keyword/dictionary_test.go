package keyword

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

func prices() *Dictionary {
	return Compile([]List{
		{Name: "询价", Words: []string{"价格", "多少钱", "报价", "怎么卖"}, UnlessIn: []string{"价格合理", "报价单已收到"}, NotAfter: []string{"不要", "不买", "别"}, From: "customer"},
		{Name: "结束", Exact: []string{"好的", "收到"}},
	})
}

func TestMatchFoldsWidthCaseScriptAndSigns(t *testing.T) {
	d := prices()
	yes := func(text, word string) {
		t.Helper()
		require.Equal(t, []Found{{"询价", []string{word}}}, d.Match(text, "customer"), text)
	}
	no := func(text string) { t.Helper(); require.Empty(t, d.Match(text, "customer"), text) }
	yes("这个多少钱", "多少钱")
	yes("報價呢？", "报价")
	yes("价 格", "价格")
	yes("价-格多少", "价格")
	yes("价格太高不买了", "价格")   // the negation stands after
	yes("不要，那个多少钱", "多少钱") // across a clause
	yes("不要红色的那一个，多少钱", "多少钱")
	no("不要报价")
	no("价格合理")
	no("报价单已收到，谢谢")
	no("价，格")
	no("")
	no("在吗")
	require.Empty(t, d.Match("多少钱", "staff"), "the list listens to customers only")
}

func TestExactIsTheWholeMessage(t *testing.T) {
	d := prices()
	require.Equal(t, []Found{{"结束", []string{"好的"}}}, d.Match("好的！", "customer"))
	require.Empty(t, d.Match("好的呀", "customer"))
}

func TestCheckNamesAWordThatCannotMatch(t *testing.T) {
	bad, ok := Check(List{Words: []string{"价格", "！！"}})
	require.False(t, ok)
	require.Equal(t, "！！", bad)
}

func TestANegationReachesSixCharacters(t *testing.T) {
	d := prices()
	require.Empty(t, d.Match("不要红色的那一款价格", "customer"))
	require.Empty(t, d.Match("不要 红色 的那 一款 价格", "customer"), "spaces are no characters")
	require.NotEmpty(t, d.Match("不要红色的那一款的价格", "customer"))
	for _, sign := range []string{"，", "。", "！", "？", "；", "：", ",", "!", "?", ";", ":", "\n"} {
		require.NotEmpty(t, d.Match("不要"+sign+"多少钱", "customer"), sign)
	}
}

func TestAWordMayHoldTheEndOfAClause(t *testing.T) {
	d := Compile([]List{{Name: "招呼", Words: []string{"在吗，亲"}, Exact: []string{"好的，谢谢"}}})
	for _, text := range []string{"在吗，亲", "你好在吗?亲", "在吗亲", "在吗！！亲", "好的，谢谢", "好的! 谢谢～"} {
		require.NotEmpty(t, d.Match(text, "customer"), text)
	}
	require.Empty(t, d.Match("亲，在吗", "customer"))
}

func TestTraditionalCharactersFoldOnceAndForAll(t *testing.T) {
	require.NotEmpty(t, simplified)
	for from, to := range simplified {
		require.Equal(t, Fold(string(to)), Fold(string(from)), "%c and %c", from, to)
	}
}

func FuzzMatch(f *testing.F) {
	d := prices()
	words := []string{"价格", "多少钱", "报价", "vip价", "Price", "退货，退款"}
	plain := Compile([]List{{Name: "l", Words: words}})
	disguise := disguises()
	for _, s := range sentences(f) {
		f.Add(s.text, "在吗", uint8(len(s.text)), uint64(len(s.why))*0x9e3779b97f4a7c15)
	}
	f.Add("不要，那个多少钱\x00", "\xff\xe4", uint8(4), uint64(0xffffffffffffffff))
	f.Add("é́", "́", uint8(5), uint64(0x123456789abcdef))
	f.Fuzz(func(t *testing.T, before, behind string, n uint8, how uint64) {
		d.Match(before, "customer")
		d.Match(before+behind, behind)
		word := words[int(n)%len(words)]
		text := before + "。" + disguise(word, how) + "。" + behind
		found := plain.Match(text, "")
		require.Len(t, found, 1, "%q", text)
		require.Contains(t, found[0].Words, word, "%q", text)
	})
}

// disguises writes a word in another script, width and case, with signs inside;
// each character takes five bits of how.
func disguises() func(word string, how uint64) string {
	old := map[rune]rune{}
	for from, to := range simplified {
		if was, ok := old[to]; !ok || from < was {
			old[to] = from
		}
	}
	signs := []string{"", " ", "\u3000", "·", "-", "\u200b", "～", "、"}
	return func(word string, how uint64) string {
		var b strings.Builder
		for _, r := range word {
			if t, ok := old[r]; ok && how&1 != 0 {
				r = t
			}
			if how&2 != 0 {
				r = unicode.ToUpper(r)
			}
			if how&1 != 0 && r > ' ' && r <= '~' {
				r += '！' - '!'
			}
			b.WriteRune(r)
			b.WriteString(signs[how>>2&7])
			how = how>>5 | how<<59
		}
		return b.String()
	}
}
