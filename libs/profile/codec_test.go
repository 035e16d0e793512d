package profile

import (
	"fmt"
	"math"
	"testing"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

func drawEvidence(t *rapid.T) event.Evidence {
	id := rapid.SampledFrom([]string{
		"", "e1", "7f1c2b3a-0000-4aaa-8bbb-1234567890ab", "7F1C2B3A-0000-4AAA-8BBB-1234567890AB", "7f1c2b3a00004aaa8bbb1234567890ab----", "微信消息",
	}).Draw(t, "id")
	ev := event.Evidence{EventID: id, Type: rapid.SampledFrom([]string{"open", "pay"}).Draw(t, "type"), Time: drawTime(t), Source: rapid.SampledFrom([]string{"", "web"}).Draw(t, "source")}
	if rapid.Bool().Draw(t, "more") {
		ev.ObjectTitle, ev.Matched = "春季新品", []string{"价格", "多少钱"}
	}
	return ev
}

func drawTime(t *rapid.T) event.Time {
	return event.Time(rapid.SampledFrom([]int64{1, -5, 1_790_000_000_000, math.MaxInt64 / 4}).Draw(t, "time"))
}

func drawDecimal(t *rapid.T) decimal.Decimal {
	text := rapid.SampledFrom([]string{"1", "-1", "0", "0.50", "-2.50", "9999999999999999999", "-0.9999999999999999999", "999999999999999999.9", "9223372036854775808"}).Draw(t, "n")
	return decimal.MustParse(text)
}

func drawProfile(t *rapid.T) *Profile {
	p := New("p1")
	p.FirstSeen, p.Clock, p.Rules, p.Stage = 1, lawsClock, 7, "新"
	p.AddIdentity(event.Identity{Namespace: "user_id", Value: "u"})
	for range rapid.IntRange(0, 3).Draw(t, "recent") {
		p.Recent = append(p.Recent, drawEvidence(t))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "tags") {
		tag := &Tag{Group: "意向", Since: drawTime(t), Expires: event.Time(rapid.SampledFrom([]int64{0, 5}).Draw(t, "expires")), Rule: "r", Version: 3}
		for range rapid.IntRange(0, 2).Draw(t, "evidence") {
			tag.Evidence = append(tag.Evidence, drawEvidence(t))
		}
		if p.Tags == nil {
			p.Tags = map[string]*Tag{}
		}
		p.Tags[fmt.Sprint("标签", i)] = tag
	}
	for _, name := range sortedKeys(shapes()) {
		s := shapes()[name]
		f := p.FoldOf(rapid.SampledFrom([]string{"00ff00ff00", "00FF00FF00", name}).Draw(t, "key"))
		for _, fact := range drawFacts(t, rapid.SampledFrom([]uint64{1, math.MaxUint64 - 20}).Draw(t, "from")) {
			if s.Steps == nil && rapid.IntRange(0, 3).Draw(t, "named") == 0 { // it stands as evidence, and for its own time
				p.Recent = append(p.Recent, event.Evidence{EventID: "e1", Time: fact.T, Source: "web"})
				fact.H, fact.S = IDHash("web", "e1"), fact.T.String()
			}
			if s.Steps == nil && rapid.Bool().Draw(t, "other") {
				fact.N = drawDecimal(t)
			}
			f.Add(s, fact, lawsClock)
			p.NoteMatch("rule", fact, 0)
			p.Remember(fact.H, lawsClock)
		}
		f.More = rapid.Bool().Draw(t, "full")
		if f.Hours = nil; rapid.Bool().Draw(t, "hours") {
			f.Hours = []Hour{{T: 5, N: drawDecimal(t)}, {T: 7_200_000}}
		}
	}
	p.Remember(99, lawsClock+1)
	return p
}

// Whatever a profile holds comes back, and equal profiles give equal bytes.
func TestStoredFormComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawProfile(rt)
		b, err := p.Encode()
		require.NoError(rt, err)
		again, err := Decode(b)
		require.NoError(rt, err)
		require.Equal(rt, p, again)
		second, err := again.Encode()
		require.NoError(rt, err)
		require.Equal(rt, b, second)
		for n := range b { // cut off anywhere it is refused, not misread into a panic
			_, err := Decode(b[:n])
			require.Error(rt, err)
		}
	})
}

// States of versions before the compact form are CBOR as a whole.
func TestOlderStoredFormIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawProfile(rt)
		for _, f := range p.Folds { // a zero had no digits behind the point in it
			if f.Sum.IsZero() {
				f.Sum = decimal.Decimal{}
			}
		}
		b, err := encMode.Marshal(p)
		require.NoError(rt, err)
		again, err := Decode(b)
		require.NoError(rt, err)
		require.Equal(rt, p, again)
	})
}
