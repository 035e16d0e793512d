package archive

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/schemas"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// rig is a log and a warehouse of a test's own.
type rig struct {
	t     testing.TB
	kafka *streamtest.Kafka
	w     *warehouse.Warehouse
}

func newRig(t testing.TB) *rig {
	return &rig{t: t, kafka: streamtest.StartKafka(t), w: warehousetest.Start(t)}
}

// archiver makes one more archiver with a client of its own.
func (r *rig) archiver(change func(*Archiver)) *Archiver {
	a, err := New(Options{Stream: r.kafka.Connect(r.t), Warehouse: r.w, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Linger: 20 * time.Millisecond})
	require.NoError(r.t, err)
	if change != nil {
		change(a)
	}
	return a
}

// run starts an archiver; stop ends it and waits.
func (r *rig) run(a *Archiver) (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		err := <-done
		if err != nil && !errors.Is(err, context.Canceled) {
			r.t.Errorf("archiver: %v", err)
		}
	}
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) publish(topic string, partition int, records ...any) {
	r.t.Helper()
	var msgs []stream.Message
	for _, rec := range records {
		value, ok := rec.([]byte)
		if !ok {
			var err error
			value, err = event.EncodeJSON(rec)
			require.NoError(r.t, err)
		}
		msgs = append(msgs, stream.Message{Value: value})
	}
	_, err := r.kafka.Publish(r.t.Context(), topic, partition, msgs)
	require.NoError(r.t, err)
}

// archived waits until everything published so far is in history.
func (r *rig) archived() {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.whole() }, patience, 20*time.Millisecond)
}

func (r *rig) whole() bool {
	for _, topic := range Topics() {
		n, err := r.kafka.Partitions(r.t.Context(), topic)
		if err != nil {
			return false
		}
		ends, err := r.kafka.Ranges(r.t.Context(), topic, n)
		if err != nil {
			return false
		}
		marks, err := r.w.Archived(r.t.Context(), topic)
		if err != nil {
			return false
		}
		for p, e := range ends {
			if marks[p].Next < e.End {
				return false
			}
		}
	}
	return true
}

func (r *rig) table(query string) []string {
	r.t.Helper()
	return warehousetest.Table(r.t, r.w, r.named(query))
}

func (r *rig) count(query string) int {
	r.t.Helper()
	return int(warehousetest.Count(r.t, r.w, r.named(query)))
}

// named puts the names of the databases for db. and bi.
func (r *rig) named(query string) string {
	return named(query, r.w.Database(), r.w.BIDatabase())
}

var noon = event.At(time.Date(2026, 3, 10, 4, 0, 0, 0, time.UTC)) // 12:00 in Shanghai

// sample is the n-th event of a profile.
func sample(profile string, n int, change func(*event.Event)) *event.Record {
	e := &event.Event{
		EventID: fmt.Sprintf("%s-%d", profile, n), Type: "link.open", Time: noon.Add(time.Duration(n) * time.Minute), Source: "web",
		Identities: []event.Identity{{Namespace: "user_id", Value: profile}},
	}
	e.ReceivedAt = e.Time.Add(time.Second)
	if change != nil {
		change(e)
	}
	return &event.Record{Kind: event.KindEvent, Source: "raw.1/0", Number: int64(n) * 16, Place: e.ReceivedAt, Profile: profile, Event: e, Raw: fmt.Sprintf("raw.1/0/%d", n)}
}

func (r *rig) publishEvents(partition, from, to int) {
	var list []any
	for n := from; n < to; n++ {
		list = append(list, sample(fmt.Sprintf("p%d", partition), n, nil))
	}
	r.publish(schemas.TopicEvents, partition, list...)
}
