package profile

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
)

func TestRememberForgetsAfterADayAndKeepsTheNewest(t *testing.T) {
	p := New("p")
	require.True(t, p.Remember(1, 1000))
	require.False(t, p.Remember(1, 1000))
	require.False(t, p.Remember(1, event.Time(1000).Add(Horizon)))
	require.True(t, p.Remember(2, event.Time(1001).Add(Horizon)))
	require.True(t, p.Remember(1, event.Time(1002).Add(Horizon)), "older than a day")
	for i := range MaxSeen + 10 {
		p.Remember(uint64(100+i), event.Time(2000).Add(Horizon))
	}
	require.LessOrEqual(t, len(p.Seen), MaxSeen)
}

func TestCountKeysKeepTheAnonymousApart(t *testing.T) {
	p := New("p")
	require.Empty(t, p.CountKeys(nil), "nothing is known of it")
	p.FirstSeen, p.Tags, p.Stage = 1, map[string]*Tag{"A": {Since: 1}}, "新"
	p.AddIdentity(event.Identity{Namespace: "anonymous_id", Value: "a"})
	require.Equal(t, []string{`["","population","anonymous"]`, `["","stage.anonymous","新"]`, `["A","population","anonymous"]`}, p.CountKeys(nil))
	p.AddIdentity(event.Identity{Namespace: "user_id", Value: "u"})
	require.Equal(t, []string{`["","stage","新"]`, `[""]`, `["A"]`}, p.CountKeys(nil))
	p.Internal = true
	require.Empty(t, p.CountKeys(nil))
}

func TestOwnerIsTheLastTwoWayContactElseTheNewest(t *testing.T) {
	p := New("p")
	p.Meet("zhang", Contact{Since: 10})
	p.Meet("li", Contact{Since: 20})
	require.Equal(t, "li", p.Owner())
	p.Meet("zhang", Contact{TwoWay: 15})
	require.Equal(t, "zhang", p.Owner())
	p.Meet("zhang", Contact{Left: 30})
	require.Equal(t, "li", p.Owner())
	require.Equal(t, []string{"li"}, p.Staff())
}

func TestWindowsKeepTheirNewestThousand(t *testing.T) {
	f, s := &Fold{}, Shape{Keep: 2 * Horizon}
	for i := range 5000 {
		f.Add(s, Fact{T: event.Time(1000 + i), H: uint64(i)}, event.Time(1000+i))
	}
	require.Equal(t, int64(MaxFacts), f.CountAt(View{Lo: -1, Hi: 6000}))
	require.True(t, f.More)
	require.LessOrEqual(t, len(f.Facts), 2*MaxFacts)
}

func FuzzDecode(f *testing.F) {
	p := New("p")
	p.FirstSeen = 5
	p.SetTrait("city", event.Trait{Value: map[string]any{"a": []any{1.5, "x"}}, Time: 3}, nil)
	p.FoldOf("k").Add(Shape{}, Fact{T: 1, H: 2}, 1)
	b, err := p.Encode()
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b)
		if err != nil {
			return
		}
		_, err = p.Encode()
		require.NoError(t, err, fmt.Sprintf("%+v", p))
	})
}

// The short way of CountField writes what encoding/json writes.
func FuzzCountField(f *testing.F) {
	for _, s := range []string{"", "高意向", `a"b\c`, "<&>", "\u2028", "\xff", "\x00\t\x7f", "近7天:打开"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		want, err := json.Marshal([]string{a, b, a})
		require.NoError(t, err)
		require.Equal(t, string(want), CountField(a, b, a))
	})
}
