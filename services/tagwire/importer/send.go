package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/schemas"
)

// Place is where to send. It is asked for again after every failure: the server
// may come back elsewhere.
type Place struct {
	URL, Key string
	Instance string                                     // another one is another start of the server: the former is dead
	History  func(ctx context.Context) (History, error) // nil: history cannot be asked
}

// Notice is told to people while an import waits.
type Notice struct{ Zh, En string }

const (
	requestTimeout = 90 * time.Second
	firstBackoff   = 200 * time.Millisecond
	maxBackoff     = 3 * time.Second
	// lateWrite is how long after an answer that is not 200, or none, the collector
	// may still append what it was given: its produce request has not ended yet.
	lateWrite = 15 * time.Second
)

// sender brings batches to the collector, each exactly once as far as history
// can tell.
type sender struct {
	name    string
	place   func(context.Context) (Place, error)
	client  *http.Client
	notice  func(Notice)
	history History // nil: not open
	late    time.Duration
}

// outcome of a batch: refusals by index of the events given.
type outcome struct {
	accepted, had int
	refused       map[int]*Refusal
}

// deliver sends events in order until each is acknowledged, refused or known to
// be in history.
func (s *sender) deliver(ctx context.Context, events []*Event) (outcome, error) {
	out := outcome{refused: map[int]*Refusal{}}
	pending := make([]int, len(events))
	for i := range pending {
		pending[i] = i
	}
	for backoff := firstBackoff; len(pending) > 0; backoff = min(2*backoff, maxBackoff) {
		p, err := s.place(ctx)
		if err != nil {
			return out, err
		}
		a := s.post(ctx, p, pick(events, pending))
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		switch a.kind {
		case answered:
			for _, r := range a.verdict.Rejected {
				if r.Index >= 0 && r.Index < len(pending) {
					out.refused[pending[r.Index]] = &Refusal{r.Reason, r.Detail}
				}
			}
			out.accepted += a.verdict.Accepted
			return out, nil
		case refused:
			return out, a.err
		case tooLarge:
			return s.halves(ctx, events, pending, out)
		case untouched:
			if err := sleep(ctx, max(a.wait, backoff)); err != nil {
				return out, err
			}
		case doubtful:
			s.notice(Notice{"没有收到答复，正在核对后重发：" + a.err.Error(), "no answer, checking what arrived before sending again: " + a.err.Error()})
			if err := s.settle(ctx, p, max(a.wait, backoff)); err != nil {
				return out, err
			}
			have, err := s.ask(ctx, pick(events, pending), true)
			if err != nil {
				return out, err
			}
			rest := pending[:0]
			for _, i := range pending {
				if have[events[i].ID] {
					out.had++
				} else {
					rest = append(rest, i)
				}
			}
			pending = rest
		}
	}
	return out, nil
}

func pick(events []*Event, which []int) []*Event {
	out := make([]*Event, len(which))
	for n, i := range which {
		out[n] = events[i]
	}
	return out
}

// halves sends a batch that the server finds too large in two.
func (s *sender) halves(ctx context.Context, events []*Event, pending []int, out outcome) (outcome, error) {
	if len(pending) == 1 {
		out.refused[pending[0]] = refuse(schemas.ReasonTooLarge, "the server takes no event of this size")
		return out, nil
	}
	for _, part := range [][]int{pending[:len(pending)/2], pending[len(pending)/2:]} {
		o, err := s.deliver(ctx, pick(events, part))
		out.accepted, out.had = out.accepted+o.accepted, out.had+o.had
		for n, why := range o.refused {
			out.refused[part[n]] = why
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// settle waits until nothing that was sent to p can still be on its way.
func (s *sender) settle(ctx context.Context, p Place, wait time.Duration) error {
	if err := sleep(ctx, wait); err != nil || p.History == nil {
		return err
	}
	for until := time.Now().Add(s.late - wait); time.Now().Before(until); {
		now, err := s.place(ctx)
		if err != nil || now.Instance != p.Instance {
			return err
		}
		if err := sleep(ctx, pollInterval); err != nil {
			return err
		}
	}
	return nil
}

// ask says which of the events history holds, once it has caught up if that is
// wanted; nothing where it cannot be asked.
func (s *sender) ask(ctx context.Context, events []*Event, caughtUp bool) (map[string]bool, error) {
	if len(events) == 0 {
		return nil, nil
	}
	var have map[string]bool
	err := s.withHistory(ctx, func(h History) error {
		var err error
		if caughtUp {
			err = h.CaughtUp(ctx)
		}
		if err == nil {
			have, err = h.Have(ctx, events)
		}
		return err
	})
	return have, err
}

// withHistory does something with history, opened anew after each failure, until
// it succeeds. Where there is none nothing is done.
func (s *sender) withHistory(ctx context.Context, do func(History) error) error {
	for backoff := firstBackoff; ; backoff = min(2*backoff, maxBackoff) {
		p, err := s.place(ctx)
		if err != nil {
			return err
		}
		if p.History == nil {
			return nil
		}
		if s.history == nil {
			s.history, err = p.History(ctx)
		}
		if err == nil {
			err = do(s.history)
		}
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		s.notice(Notice{"暂时查不到历史，稍后再试：" + err.Error(), "history does not answer yet, trying again: " + err.Error()})
		s.close()
		if err := sleep(ctx, backoff); err != nil {
			return err
		}
	}
}

func (s *sender) close() {
	if s.history != nil {
		_ = s.history.Close() // nothing is written through it that is not acknowledged
		s.history = nil
	}
}

type answerKind int

const (
	answered  answerKind = iota // 200 with verdicts
	refused                     // it will never be taken
	tooLarge                    // 413
	untouched                   // not taken for sure: the same again later
	doubtful                    // it may have been taken
)

type answer struct {
	kind    answerKind
	wait    time.Duration
	verdict struct {
		Accepted int `json:"accepted"`
		Rejected []struct {
			Index  int            `json:"index"`
			Reason schemas.Reason `json:"reason"`
			Detail string         `json:"detail"`
		} `json:"rejected"`
	}
	err error
}

func (s *sender) post(ctx context.Context, p Place, events []*Event) answer {
	body, err := pack(s.name, events)
	if err != nil {
		return answer{kind: refused, err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(p.URL, "/")+"/v1/import", bytes.NewReader(body))
	if err != nil {
		return answer{kind: refused, err: fmt.Errorf("make the request: %w", err)}
	}
	req.SetBasicAuth(p.Key, "")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", "gzip")
	res, err := s.client.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return answer{kind: untouched, err: err}
		}
		return answer{kind: doubtful, err: err}
	}
	defer func() { _ = res.Body.Close() }() // read to its end or given up
	return read(res)
}

func read(res *http.Response) answer {
	b, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	a := answer{wait: retryAfter(res.Header.Get("Retry-After"))}
	var says struct {
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal(b, &says) // other servers answer otherwise
	if says.Detail == "" {
		says.Detail = strings.TrimSpace(string(b[:min(len(b), 200)]))
	}
	a.err = fmt.Errorf("%s: %s", res.Status, says.Detail)
	switch {
	case res.StatusCode == http.StatusOK && err == nil:
		if err := json.Unmarshal(b, &a.verdict); err != nil {
			a.kind, a.err = doubtful, fmt.Errorf("read the answer: %w", err)
		}
	case res.StatusCode == http.StatusTooManyRequests:
		a.kind = untouched
	case res.StatusCode == http.StatusRequestEntityTooLarge:
		a.kind = tooLarge
	case res.StatusCode == http.StatusUnauthorized:
		a.kind = refused
		a.err = fmt.Errorf("写入密钥不对，请用 --key 给出 / the write key is not accepted, give one by --key: %w", a.err)
	case res.StatusCode >= 400 && res.StatusCode < 500 && res.StatusCode != http.StatusRequestTimeout:
		a.kind = refused
		a.err = fmt.Errorf("服务器拒绝了这一批 / the server refuses the batch: %w", a.err)
	default:
		a.kind = doubtful
	}
	return a
}

func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(0, time.Until(t)), time.Hour)
	}
	return 0
}

// pack is a batch as /v1/import takes it.
func pack(name string, events []*Event) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	ctx, err := json.Marshal(map[string]any{"import": name, "backfill": true})
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	var b bytes.Buffer
	b.WriteString(`{"context":`)
	b.Write(ctx)
	b.WriteString(`,"batch":[`)
	for i, e := range events {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(e.JSON)
	}
	b.WriteString(`]}`)
	if _, err := z.Write(b.Bytes()); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return out.Bytes(), nil
}
