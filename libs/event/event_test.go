package event

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProfileIDsSortByAge(t *testing.T) {
	ids := []string{ProfileID(1000, 3, 9, 0), ProfileID(1001, 0, 0, 0), ProfileID(1001, 0, 1, 0), ProfileID(1001, 0, 1, 1), ProfileID(1700000000000, 3, 1<<40, 2)}
	for i := 1; i < len(ids); i++ {
		require.True(t, Older(ids[i-1], ids[i]), "%v", ids)
	}
	require.Equal(t, ids[0], ProfileID(1000, 3, 9, 0), "a retry makes the same id")
}

func TestShardsAreEven(t *testing.T) {
	var n [8]int
	for i := range 8000 {
		n[Shard(ProfileID(1700000000000+Time(i), 1, int64(i), 0), 8)]++
	}
	for _, c := range n {
		require.InDelta(t, 1000, c, 150)
	}
}

func TestTimesOfClients(t *testing.T) {
	for text, want := range map[string]Time{
		"2026-01-02T03:04:05.678Z": 1767323045678, "2026-01-02T11:04:05.678+08:00": 1767323045678, "2026-01-02T03:04:05.678901": 1767323045678, "": 0,
	} {
		got, err := ParseTime(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	_, err := ParseTime("yesterday")
	require.ErrorIs(t, err, ErrTime)
}

func TestDerivedIDsKeepPartsApart(t *testing.T) {
	require.NotEqual(t, DeriveID("a", "bc"), DeriveID("ab", "c"))
	require.Equal(t, DeriveID("a", "bc"), DeriveID("a", "bc"))
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"event_id":"e","type":"link.open","time":"2026-01-02T03:04:05.678Z","identities":["user_id:u"],"amount":"1.5"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		again, err := e.Encode()
		require.NoError(t, err)
		_, err = Decode(again)
		require.NoError(t, err, "%s", again)
	})
}
