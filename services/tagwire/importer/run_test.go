package importer

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
)

// site is a collector with the history behind it, as far as an import sees them:
// it keeps what it took and fails as it is told.
type site struct {
	t     testing.TB
	srv   *httptest.Server
	mu    sync.Mutex
	taken []string       // ids in the order of arrival
	count map[string]int // how often each was taken
	marks []event.Control
	asked int
	fail  func(n int, take func()) (code int, after string) // of the n-th request; 0: fine
	n     int
	max   int // events a request may hold; 0: any
	cut   bool
}

func newSite(t testing.TB) *site {
	s := &site{t: t, count: map[string]int{}}
	s.srv = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.srv.Close)
	return s
}

type sent struct {
	Context struct {
		Import   string `json:"import"`
		Backfill bool   `json:"backfill"`
	} `json:"context"`
	Batch []struct {
		MessageID  string         `json:"messageId"`
		Properties map[string]any `json:"properties"`
	} `json:"batch"`
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		s.t.Error(err)
		return
	}
	var in sent
	if err := json.NewDecoder(z).Decode(&in); err != nil {
		s.t.Error(err)
	}
	if key, _, _ := r.BasicAuth(); key != "k" {
		http.Error(w, `{"detail":"no key"}`, http.StatusUnauthorized)
		return
	}
	if in.Context.Import != "t" || !in.Context.Backfill || r.URL.Path != "/v1/import" {
		s.t.Errorf("not an import: %+v %s", in.Context, r.URL.Path)
	}
	if s.max > 0 && len(in.Batch) > s.max {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	s.n++
	type rejection struct {
		Index  int    `json:"index"`
		Reason string `json:"reason"`
		Detail string `json:"detail"`
	}
	rejected := []rejection{}
	take := func() {
		for i, e := range in.Batch {
			if e.Properties["bad"] != nil {
				rejected = append(rejected, rejection{i, "wrong_type", "bad"})
				continue
			}
			s.taken = append(s.taken, e.MessageID)
			s.count[e.MessageID]++
		}
	}
	if s.fail != nil {
		if code, after := s.fail(s.n, take); code != 0 {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			if s.cut = code == -1; s.cut {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(code)
			return
		}
	}
	take()
	_ = json.NewEncoder(w).Encode(map[string]any{"accepted": len(in.Batch) - len(rejected), "rejected": rejected})
}

// CaughtUp, Have, Mark and Close are history's side.
func (s *site) CaughtUp(context.Context) error { return nil }

func (s *site) Have(_ context.Context, events []*Event) (map[string]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked += len(events)
	out := map[string]bool{}
	for _, e := range events {
		if s.count[e.ID] > 0 {
			out[e.ID] = true
		}
	}
	return out, nil
}

func (s *site) Mark(_ context.Context, c event.Control) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = append(s.marks, c)
	return nil
}

func (s *site) Close() error { return nil }

func (s *site) once(n int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Len(s.t, s.count, n)
	for id, times := range s.count {
		require.Equal(s.t, 1, times, id)
	}
}

// job is an import of n rows; two of each three are equal.
func (s *site) job(n int) Options {
	s.t.Helper()
	var b strings.Builder
	b.WriteString("id,date,bad\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,2026-03-05,\n", i/3*3+i%3/2)
	}
	m, err := ParseMap("m", []byte(minimal+"name: t\nproperties: {bad: $.bad}\n"))
	require.NoError(s.t, err)
	file := write(s.t, "rows.csv", []byte(b.String()))
	return Options{
		File: file, Map: m, StatePath: filepath.Join(filepath.Dir(file), "imports", "t.json"), Rejects: file + ".rejected.jsonl",
		Place: func(context.Context) (Place, error) {
			return Place{URL: s.srv.URL, Key: "k", Instance: "1", History: func(context.Context) (History, error) { return s, nil }}, nil
		},
		Client: s.srv.Client(), Progress: func(int64, int64) {}, Notice: func(Notice) {}, LateWrite: time.Millisecond,
	}
}

func TestRowsArriveOnceAndInOrder(t *testing.T) {
	s := newSite(t)
	o := s.job(7000)
	res, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, []int64{7000, 7000, 0, 0}, []int64{res.Rows, res.Sent, res.Had, res.Rejected})
	s.once(7000)
	require.Equal(t, []event.Control{{Name: "import.start", Import: "t"}, {Name: "import.end", Import: "t"}}, s.marks)
	c, err := NewConverter(o.Map)
	require.NoError(t, err)
	_, all := rows(t, o.File, o.Map)
	for i, r := range all {
		e, why := c.Event(r)
		require.Nil(t, why)
		require.Equal(t, e.ID, s.taken[i])
	}
	res, err = Run(t.Context(), o) // again
	require.NoError(t, err)
	require.Equal(t, []int64{7000, 0, 7000}, []int64{res.Rows, res.Sent, res.Had})
	require.NoError(t, os.Remove(o.StatePath)) // and from another machine
	res, err = Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, []int64{7000, 0, 7000}, []int64{res.Rows, res.Sent, res.Had})
	s.once(7000)
	require.Len(t, s.marks, 2, "nothing was sent, so nothing is marked")
}

// TestFailuresOfTheServer: answers that are lost, whether or not the rows were
// taken, double nothing and lose nothing.
func TestFailuresOfTheServer(t *testing.T) {
	for name, fail := range map[string]func(n int, take func()) (int, string){
		"429":                       func(n int, _ func()) (int, string) { return choose(n == 2, 429), "0" },
		"503 and nothing taken":     func(n int, _ func()) (int, string) { return choose(n == 2 || n == 3, 503), "0" },
		"503 and yet taken":         func(n int, take func()) (int, string) { return chooseTaking(n == 2, 503, take), "" },
		"cut before it was taken":   func(n int, _ func()) (int, string) { return choose(n == 1, -1), "" },
		"cut after it was taken":    func(n int, take func()) (int, string) { return chooseTaking(n == 1 || n == 3, -1, take), "" },
		"502 of a proxy, and taken": func(n int, take func()) (int, string) { return chooseTaking(n == 2, 502, take), "" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.fail = fail
			res, err := Run(t.Context(), s.job(6000))
			require.NoError(t, err)
			require.EqualValues(t, 6000, res.Sent+res.Had)
			s.once(6000)
		})
	}
}

func choose(now bool, code int) int {
	if now {
		return code
	}
	return 0
}

func chooseTaking(now bool, code int, take func()) int {
	if now {
		take()
	}
	return choose(now, code)
}

// TestStoppedAnywhereGoesOn ends the import at each request in turn, after the
// rows were taken and before it hears of it.
func TestStoppedAnywhereGoesOn(t *testing.T) {
	for stop := 1; stop <= 3; stop++ {
		s := newSite(t)
		o := s.job(6000)
		ctx, cancel := context.WithCancel(t.Context())
		s.fail = func(n int, take func()) (int, string) {
			if n == stop {
				take()
				cancel()
				return -1, ""
			}
			return 0, ""
		}
		_, err := Run(ctx, o)
		require.ErrorIs(t, err, context.Canceled)
		res, err := Run(t.Context(), o)
		require.NoError(t, err)
		require.EqualValues(t, (stop-1)*2500, res.Resumed)
		s.once(6000)
		require.LessOrEqual(t, s.asked, 6000+2*maxSample)
		cancel()
	}
}

func TestAFileThatGrewIsSentFromItsChange(t *testing.T) {
	s := newSite(t)
	o := s.job(3000)
	_, err := Run(t.Context(), o)
	require.NoError(t, err)
	b, err := os.ReadFile(o.File)
	require.NoError(t, err)
	text := strings.Replace(string(b), "id,date,bad\n", "id,date,bad\n777777,2026-03-05,\n", 1) + "888888,2026-03-05,\n"
	require.NoError(t, os.WriteFile(o.File, []byte(text), 0o600))
	res, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, []int64{3002, 2, 3000}, []int64{res.Rows, res.Sent, res.Had})
	s.once(3002)
}

func TestWithoutHistory(t *testing.T) {
	s := newSite(t)
	o := s.job(3000)
	o.Place = func(context.Context) (Place, error) { return Place{URL: s.srv.URL + "/", Key: "k"}, nil }
	_, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Empty(t, s.marks)
	res, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.EqualValues(t, 3000, res.Had, "the progress says that all was done")
	s.once(3000)
}

func TestRejectedRowsAreWrittenDown(t *testing.T) {
	s := newSite(t)
	o := s.job(3)
	require.NoError(t, os.WriteFile(o.File, []byte("id,date,bad\n1,2026-03-05,\n2,2026-03-05,yes\n,2026-03-05,\n3,soon,\n4,2026-03-05,,,5\n6,2026-03-05,\n"), 0o600))
	for range 2 {
		res, err := Run(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, []int64{6, 4}, []int64{res.Rows, res.Rejected})
		require.Equal(t, o.Rejects, res.Rejects)
		b, err := os.ReadFile(o.Rejects)
		require.NoError(t, err)
		var got []string
		for line := range strings.Lines(string(b)) {
			var r Rejected
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			got = append(got, fmt.Sprintf("%d:%d %s", r.Row, r.Line, r.Reason))
		}
		require.ElementsMatch(t, []string{"2:3 wrong_type", "3:4 no_identity", "4:5 bad_time", "5:6 malformed_json"}, got)
	}
	s.once(2)
}

func TestTooLargeBatchesAreHalved(t *testing.T) {
	s := newSite(t)
	s.max = 700
	res, err := Run(t.Context(), s.job(6000))
	require.NoError(t, err)
	require.EqualValues(t, 6000, res.Sent)
	s.once(6000)
}

func TestWhatStopsAnImport(t *testing.T) {
	s := newSite(t)
	o := s.job(10)
	o.Place = func(context.Context) (Place, error) { return Place{URL: s.srv.URL, Key: "wrong"}, nil }
	_, err := Run(t.Context(), o)
	require.ErrorContains(t, err, "write key")
	o.Place = func(context.Context) (Place, error) { return Place{}, errors.New("nowhere") }
	_, err = Run(t.Context(), o)
	require.ErrorContains(t, err, "nowhere")
	o = s.job(10)
	o.Map, err = ParseMap("m", []byte(minimal+"name: t\namount: $.price\n"))
	require.NoError(t, err)
	_, err = Run(t.Context(), o)
	require.ErrorContains(t, err, `the file has no columns ["price"]`)
	s.fail = func(int, func()) (int, string) { return 400, "" }
	_, err = Run(t.Context(), s.job(10))
	require.ErrorContains(t, err, "refuses the batch")
	require.Empty(t, s.count)
}
