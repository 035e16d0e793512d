package keyword

import (
	"testing"

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

func FuzzMatch(f *testing.F) {
	d := prices()
	f.Add("不要，那个多少钱\x00", "customer")
	f.Fuzz(func(_ *testing.T, text, from string) { d.Match(text, from) })
}
