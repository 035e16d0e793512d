package archive

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/stream"
)

func TestASetIsReadBackAsItWasFrozen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := set{topic: rapid.StringMatching(`[a-z]{1,9}\.[1-9]`).Draw(t, "topic")}
		for range rapid.IntRange(1, 64).Draw(t, "spans") {
			lo := rapid.Int64Range(0, 1<<50).Draw(t, "lo")
			s.spans = append(s.spans, span{rapid.IntRange(0, 999).Draw(t, "partition"), lo, lo + rapid.Int64Range(1, 1<<30).Draw(t, "length")})
		}
		got, err := parseSet(s.text())
		if err != nil {
			t.Fatal(err)
		}
		require.Equal(t, s, got)
	})
}

func TestTextsThatAreNoSetAreRefused(t *testing.T) {
	for _, text := range []string{"", "1", "1|", "1|events.1|", "2|events.1|0:0+1", "1|events.1|0:0+0", "1|events.1|0:0", "1|events.1|-1:0+1", "1|events.1|0:5+-1", "1||0:0+1", "1|events.1|0:0+1,", "p1:0-5"} {
		_, err := parseSet(text)
		require.ErrorIs(t, err, errSet, text)
	}
}

func FuzzParseSet(f *testing.F) {
	f.Add("1|events.1|0:0+1,63:2gosa7pa2gv+1")
	f.Add("1|raw.1|1:zz+zz")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSet(text)
		if err != nil {
			return
		}
		again, err := parseSet(s.text())
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}

func TestASetOfManyPartitionsFitsTheMetadata(t *testing.T) {
	b := newBatch("changes.1")
	opened := 0
	for p := range 1000 {
		if !b.open(p, 1<<40+int64(p)) {
			break
		}
		b.close(1<<40 + int64(p) + 50_000)
		opened++
	}
	require.GreaterOrEqual(t, opened, 64, "a whole cluster's shards fit one set")
	require.LessOrEqual(t, len(b.set.text()), 4096)
	require.False(t, strings.HasSuffix(b.set.text(), ","))
}

func TestTokensTellApartWhatDiffers(t *testing.T) {
	s := set{topic: "events.1", spans: []span{{0, 0, 2}}}
	token := func(s set, table string, values ...string) string {
		d := newDigest()
		for n, v := range values {
			d.add(0, stream.Record{Offset: int64(n), Value: []byte(v)})
		}
		return d.token(s, table)
	}
	first := token(s, "events", "a", "bc")
	require.Equal(t, first, token(s, "events", "a", "bc"))
	for name, other := range map[string]string{
		"table": token(s, "alerts", "a", "bc"), "log made anew": token(s, "events", "x", "yz"), "same bytes, cut elsewhere": token(s, "events", "ab", "c"),
		"range": token(set{topic: "events.1", spans: []span{{0, 0, 3}}}, "events", "a", "bc"), "topic": token(set{topic: "events.2", spans: s.spans}, "events", "a", "bc"),
	} {
		require.NotEqual(t, first, other, name)
	}
}
