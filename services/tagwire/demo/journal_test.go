package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheJournalRemembersWhatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	first := started{Seed: 3, Customers: 4, PastDays: 5, Began: t0()}
	j, _, b, pending, err := openJournal(dir, first)
	require.NoError(t, err)
	require.Empty(t, pending)
	write := func(e entry) {
		t.Helper()
		require.NoError(t, j.write(e))
	}
	acts := []act{
		{ID: "a", Do: doAdd, Customer: 1, At: t0(), Staff: "lina"},
		{ID: "b", Do: doFill, Customer: 1, At: t0() + 1000},
		{ID: "c", Do: doOpen, Customer: 2, At: t0() + 2000},
		{ID: "d", Do: doEnter, Customer: 3, At: t0() + 3000},
		{ID: "e", Do: doSay, Customer: 3, At: t0() + 4000},
	}
	write(entry{Acts: []act{{ID: "p", Do: doOpen, Customer: 1, At: t0() - 1000, Past: true}}})
	for i := range acts {
		write(entry{Act: &acts[i]})
	}
	write(entry{Done: "a"})
	write(entry{Done: "b"})
	write(entry{Lost: "c"})
	write(entry{Gone: "d"}) // refused: neither counted nor sent again
	require.NoError(t, j.close())

	// The line of the last act is there, what became of it is not, and the last
	// line is torn.
	path := filepath.Join(dir, "demo-shop.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"done":"`)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	for range 2 { // opening begins it anew; that changes nothing
		var start started
		j, start, b, pending, err = openJournal(dir, started{Seed: 99, Customers: 9})
		require.NoError(t, err)
		require.NoError(t, j.close())
		require.Equal(t, first, start, "what it was begun with stays")
		require.Equal(t, acts[4:], pending)
		require.Equal(t, 1, b.Past)
		require.Equal(t, page{Added: true, Staff: []string{"lina"}, Facts: []fact{{t0() - 1000, doOpen}, {t0() + 1000, doFill}}}, b.Pages[1])
		require.Equal(t, page{Unsure: t0() + 2000}, b.Pages[2])
		require.Equal(t, page{}, b.Pages[3])
		require.Equal(t, unsure, func() verdict { b.Pages[2].Added = true; return b.verdict(2, t0()) }())
		b.Pages[2].Added = false
	}
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte(`{"start":{"seed":1,"customers":2},"book":{"pages":[{},{}]}}` + "\n" + `{"act":{"id":"a","do":"open","c":1,"at":"2026-03-02T02:00:00Z"}}` + "\n" + `{"done":"a"}` + "\n"))
	f.Add([]byte(`{"start":{},"book":{}}` + "\n" + `{"acts":[{"c":-1,"do":"add"},{"c":7,"do":"open"}]}` + "\n" + `{"act":{"c":9}}` + "\n" + `{"lost":""}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, b, pending, err := replay(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, a := range pending {
			require.Less(t, a.Customer, len(b.Pages))
		}
		for n := range b.Pages {
			b.verdict(n, t0())
		}
	})
}

func TestAJournalWithoutItsBeginningIsSaid(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "demo-shop.jsonl"), []byte("{\"done\":\"x\"}\n"), 0o600))
	_, _, _, _, err := openJournal(dir, started{Customers: 1})
	require.ErrorIs(t, err, errNoStart)
}
