package importer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// The limits of a batch, below those of the collector.
const (
	batchEvents = 2500
	batchBytes  = 480 << 10
)

const markTimeout = 20 * time.Second

// Options of an import. All but LateWrite are needed.
type Options struct {
	File      string
	Map       *Map   // with a name
	StatePath string // where the progress is kept
	Rejects   string // where rejected rows are written
	Place     func(context.Context) (Place, error)
	Client    *http.Client
	Progress  func(done, total int64) // rows
	Notice    func(Notice)
	LateWrite time.Duration // how long a server that answered 503 may still write; 0: the default
}

// Result is what an import came to.
type Result struct {
	Name     string  `json:"name"`
	File     string  `json:"file"`
	Rows     int64   `json:"rows"`     // of the file
	Resumed  int64   `json:"resumed"`  // taken by an earlier, interrupted run
	Sent     int64   `json:"sent"`     // accepted now
	Had      int64   `json:"had"`      // in history already
	Rejected int64   `json:"rejected"` // with those of the earlier run
	Rejects  string  `json:"rejected_file,omitempty"`
	Seconds  float64 `json:"seconds"`
}

// scan is what a first pass over the file tells.
type scan struct {
	rows   int64
	sample []*Event // of the rows behind the resumed ones
	resume bool     // the state fits the file
}

// run is one import under way.
type run struct {
	o       Options
	s       *sender
	state   *State
	rejects *rejects
	first   scan
	askAll  bool // history holds some of the rows: ask for every batch
	doubt   bool // the next batch may have been sent by a run that was killed
	result  Result
}

// Run imports a file. After an error that is not ctx's the next Run goes on
// where this one ended, as after a kill.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.LateWrite == 0 {
		o.LateWrite = lateWrite
	}
	began := time.Now()
	r := &run{o: o, s: &sender{name: o.Map.Name, place: o.Place, client: o.Client, notice: o.Notice, late: o.LateWrite}}
	defer r.s.close()
	r.result = Result{Name: o.Map.Name, File: o.File}
	err := r.run(ctx)
	r.result.Seconds = time.Since(began).Seconds()
	return r.result, err
}

func (r *run) run(ctx context.Context) error {
	old, err := readState(r.o.StatePath)
	if err != nil {
		return err
	}
	if r.first, err = r.scan(old); err != nil {
		return err
	}
	r.result.Rows = r.first.rows
	if err := r.begin(ctx, old); err != nil {
		return err
	}
	if r.state.Done {
		r.result.Had, r.result.Rejected = r.state.Sent+r.state.Had, r.state.Rejected
		r.finish()
		return nil
	}
	if r.rejects, err = openRejects(r.o.Rejects, r.state.Rows); err != nil {
		return err
	}
	r.result.Resumed, r.result.Rejected = r.state.Rows, r.state.Rejected
	err = errors.Join(r.send(ctx), r.rejects.close())
	r.finish()
	return err
}

func (r *run) finish() {
	if r.result.Rejected > 0 {
		r.result.Rejects = r.o.Rejects
	}
}

// begin decides where to start and what has to be asked of history.
func (r *run) begin(ctx context.Context, old *State) error {
	p, err := r.o.Place(ctx)
	if err != nil {
		return err
	}
	r.state = &State{Name: r.o.Map.Name, File: r.o.File, Started: time.Now().UTC()}
	switch {
	case old != nil && r.first.resume && !old.Done:
		r.state, r.doubt = old, true
		r.o.Notice(Notice{fmt.Sprintf("接着上次继续，从第 %d 行起", old.Rows+1), fmt.Sprintf("going on at row %d, where the last run ended", old.Rows+1)})
		return nil
	case old != nil && r.first.resume && old.Done && p.History == nil:
		r.state = old
		return nil
	case p.History == nil:
		return nil
	}
	have, err := r.s.ask(ctx, r.first.sample, true)
	r.askAll = len(have) > 0 || old != nil && old.Done
	return err
}

// maxSample bounds how many ids history is asked for before anything is sent.
const maxSample = 2000

// scan reads the file once: how many rows, whether the state of an earlier run
// fits, and a sample of its events, spread over the file.
func (r *run) scan(old *State) (scan, error) {
	var out scan
	var p prefix
	stride := int64(1)
	err := r.each(func(row *Row, e *Event, why *Refusal) error {
		out.rows++
		p = p.next(row, e)
		if old != nil && out.rows == old.Rows {
			out.resume = p.String() == old.Prefix
		}
		if why == nil && (out.rows <= maxSample/2 || out.rows%stride == 0) {
			out.sample = append(out.sample, &Event{ID: e.ID, Type: e.Type, Time: e.Time})
			if len(out.sample) == maxSample { // keep the first half whole, every second of the rest
				keep := out.sample[:maxSample/2]
				for i := maxSample / 2; i < maxSample; i += 2 {
					keep = append(keep, out.sample[i])
				}
				out.sample, stride = keep, stride*2
			}
		}
		return nil
	})
	if old != nil && old.Rows == 0 {
		out.resume = true
	}
	return out, err
}

func (p prefix) next(row *Row, e *Event) prefix {
	id := fmt.Sprintf("row %d", row.Line)
	if e != nil {
		id = e.ID
	}
	return sha256.Sum256(append(p[:], id...))
}

// each reads the file and converts every row.
func (r *run) each(fn func(*Row, *Event, *Refusal) error) error {
	t, err := Open(r.o.File, r.o.Map)
	if err != nil {
		return err
	}
	c, err := NewConverter(r.o.Map)
	if err != nil {
		return errors.Join(err, t.Close())
	}
	if t.Format != FormatJSONLines {
		if lacks := r.o.Map.Lacks(t.Columns); len(lacks) > 0 {
			return errors.Join(fmt.Errorf("文件没有这些列：%q；它有 %q / the file has no columns %q; it has %q", lacks, t.Columns, lacks, t.Columns), t.Close())
		}
	}
	for {
		row, err := t.Next()
		if errors.Is(err, io.EOF) {
			return t.Close()
		}
		if err != nil {
			return errors.Join(err, t.Close())
		}
		e, why := c.Event(row)
		if err := fn(row, e, why); err != nil {
			return errors.Join(err, t.Close())
		}
	}
}

// batch is what goes out in one request, with the rows that were refused among
// them.
type batch struct {
	events   []*Event
	rows     []*Row
	rejected []Rejected
	bytes    int
	end      int64  // rows up to here
	prefix   string // hash of their ids
}

func (b *batch) full(next int) bool {
	return len(b.events) >= batchEvents || len(b.events) > 0 && b.bytes+next > batchBytes || len(b.rejected) >= batchEvents
}

// send reads ahead while a batch is on its way.
func (r *run) send(ctx context.Context) error {
	rctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, failed := make(chan *batch, 2), make(chan error, 1)
	from := r.state.Rows
	go func() {
		failed <- r.read(rctx, from, batches)
		close(batches)
	}()
	started, err := false, error(nil)
	for b := range batches {
		if err = r.take(ctx, b, &started); err != nil {
			break
		}
	}
	cancel()
	for range batches { // the reader hears that ctx has ended
	}
	if rerr := <-failed; err == nil {
		err = rerr
	}
	if err != nil {
		return err
	}
	if started {
		if err := r.mark(ctx, "import.end"); err != nil {
			return err
		}
	}
	r.state.Done = true
	return r.state.write(r.o.StatePath)
}

// read makes batches of the rows behind the first ones.
func (r *run) read(ctx context.Context, from int64, out chan<- *batch) error {
	b, n := &batch{}, int64(0)
	var p prefix
	hand := func() error {
		b.prefix = p.String()
		select {
		case out <- b:
			b = &batch{}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := r.each(func(row *Row, e *Event, why *Refusal) error {
		n++
		if n <= from {
			p = p.next(row, e)
			return nil
		}
		if e != nil && b.full(len(e.JSON)+1) || e == nil && b.full(0) {
			if err := hand(); err != nil {
				return err
			}
		}
		p, b.end = p.next(row, e), n
		if why != nil {
			b.rejected = append(b.rejected, rejection(row, e, why))
			return nil
		}
		b.events, b.rows, b.bytes = append(b.events, e), append(b.rows, row), b.bytes+len(e.JSON)+1
		return nil
	})
	if err != nil || b.end == 0 {
		return err
	}
	return hand()
}

func rejection(row *Row, e *Event, why *Refusal) Rejected {
	out := Rejected{Row: row.Number, Line: row.Line, Reason: string(why.Reason), Detail: why.Detail, Values: row.Values()}
	if e != nil {
		out.EventID = e.ID
	}
	return out
}

// take brings one batch to its end and notes it.
func (r *run) take(ctx context.Context, b *batch, started *bool) error {
	events, rows := b.events, b.rows
	had := 0
	if len(events) > 0 && (r.askAll || r.doubt) {
		have, err := r.s.ask(ctx, events, r.doubt)
		if err != nil {
			return err
		}
		events, rows = nil, nil
		for i, e := range b.events {
			if have[e.ID] {
				had++
				continue
			}
			events, rows = append(events, e), append(rows, b.rows[i])
		}
	}
	r.doubt = false
	var out outcome
	if len(events) > 0 {
		if !*started {
			if err := r.mark(ctx, "import.start"); err != nil {
				return err
			}
			*started = true
		}
		var err error
		if out, err = r.s.deliver(ctx, events); err != nil {
			return err
		}
	}
	for i := range events {
		if why := out.refused[i]; why != nil {
			b.rejected = append(b.rejected, rejection(rows[i], events[i], why))
		}
	}
	if err := r.rejects.add(b.rejected); err != nil {
		return err
	}
	had += out.had
	r.state.Rows, r.state.Prefix = b.end, b.prefix
	r.state.Sent, r.state.Had, r.state.Rejected = r.state.Sent+int64(out.accepted), r.state.Had+int64(had), r.state.Rejected+int64(len(b.rejected))
	r.result.Sent, r.result.Had, r.result.Rejected = r.result.Sent+int64(out.accepted), r.result.Had+int64(had), r.state.Rejected
	if err := r.state.write(r.o.StatePath); err != nil {
		return err
	}
	r.o.Progress(b.end, r.first.rows)
	return nil
}

func (r *run) mark(ctx context.Context, name string) error {
	return r.s.withHistory(ctx, func(h History) error {
		// A publisher repeats until it is told to end: a server that came back
		// elsewhere must be looked for again. A mark that is there twice is one.
		ctx, cancel := context.WithTimeout(ctx, markTimeout)
		defer cancel()
		return h.Mark(ctx, event.Control{Name: name, Import: r.o.Map.Name})
	})
}
