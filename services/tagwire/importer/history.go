package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// History is what an import asks and tells the parts behind the collector.
type History interface {
	// CaughtUp returns when everything accepted before the call is in history.
	CaughtUp(ctx context.Context) error
	// Have gives the ids of those events that are in history.
	Have(ctx context.Context, events []*Event) (map[string]bool, error)
	// Mark writes the start or the end of an import into every raw partition.
	Mark(ctx context.Context, c event.Control) error
	Close() error
}

// Parts are the clients of a [History].
type Parts struct {
	Stream    *stream.Client
	Redis     redis.UniversalClient
	Warehouse *warehouse.Warehouse
	Source    string // of the write key; empty: any
	OnClose   func() error
}

// History makes one of the parts.
func (p Parts) History() History { return &history{p} }

type history struct{ p Parts }

const pollInterval = 100 * time.Millisecond

// CaughtUp takes the ends of raw, waits until the resolvers have published that
// far, then takes the ends of events and waits until they are archived.
func (h *history) CaughtUp(ctx context.Context) error {
	ends, err := h.ends(ctx, schemas.TopicRaw)
	if err != nil {
		return err
	}
	err = poll(ctx, func() (bool, error) {
		for r, end := range ends {
			pos, err := rawplan.New(h.p.Redis, r).Read(ctx)
			if err != nil || pos.Done < end {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the resolvers: %w", err)
	}
	if ends, err = h.ends(ctx, schemas.TopicEvents); err != nil {
		return err
	}
	err = poll(ctx, func() (bool, error) {
		marks, err := h.p.Warehouse.Archived(ctx, schemas.TopicEvents)
		if err != nil {
			return false, err
		}
		for p, end := range ends {
			if marks[p].Next < end {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the archiver: %w", err)
	}
	return nil
}

func (h *history) ends(ctx context.Context, topic string) ([]int64, error) {
	n, err := h.p.Stream.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	ranges, err := h.p.Stream.Ranges(ctx, topic, n)
	if err != nil {
		return nil, err
	}
	out := make([]int64, n)
	for i, r := range ranges {
		out[i] = r.End
	}
	return out, nil
}

func poll(ctx context.Context, ready func() (bool, error)) error {
	for {
		ok, err := ready()
		if ok || err != nil {
			return err
		}
		if err := sleep(ctx, pollInterval); err != nil {
			return err
		}
	}
}

// idsPerQuery keeps a query below ClickHouse's limit of 256 KB.
const idsPerQuery = 1500

// Have asks by all columns of the key, so that little is read.
func (h *history) Have(ctx context.Context, events []*Event) (map[string]bool, error) {
	out := map[string]bool{}
	for len(events) > 0 {
		n := min(idsPerQuery, len(events))
		if err := h.have(ctx, events[:n], out); err != nil {
			return nil, err
		}
		events = events[n:]
	}
	return out, nil
}

func (h *history) have(ctx context.Context, events []*Event, out map[string]bool) error {
	types, ids := map[string]bool{}, make([]string, 0, len(events))
	from, to := events[0].Time, events[0].Time
	for _, e := range events {
		types[quote(e.Type)] = true
		ids = append(ids, quote(e.ID))
		from, to = min(from, e.Time), max(to, e.Time)
	}
	in := make([]string, 0, len(types))
	for t := range types {
		in = append(in, t)
	}
	// The day is that of the stamp as sent, in UTC+8: a day more on both sides
	// covers every zone.
	query := fmt.Sprintf("SELECT DISTINCT event_id FROM %s.events WHERE type IN (%s) AND sent_day BETWEEN toDate32('%s') AND toDate32('%s') AND event_id IN (%s)",
		h.p.Warehouse.Database(), strings.Join(in, ","), from.Add(-24*time.Hour).Std().Format(time.DateOnly),
		to.Add(48*time.Hour).Std().Format(time.DateOnly), strings.Join(ids, ","))
	if h.p.Source != "" {
		query += " AND source = " + quote(h.p.Source)
	}
	rows, err := h.p.Warehouse.Query(ctx, query)
	if err != nil {
		return fmt.Errorf("ask history for ids: %w", err)
	}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return errors.Join(fmt.Errorf("ask history for ids: %w", err), rows.Close())
		}
		out[id] = true
	}
	return errors.Join(rows.Err(), rows.Close())
}

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// Mark writes into every raw partition; the resolvers pass it on to every shard.
func (h *history) Mark(ctx context.Context, c event.Control) error {
	n, err := h.p.Stream.Partitions(ctx, schemas.TopicRaw)
	if err != nil {
		return err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode %s: %w", c.Name, err)
	}
	all := map[int][]stream.Message{}
	for p := range n {
		all[p] = []stream.Message{{Value: b, Headers: []kafka.Header{{Key: "kind", Value: []byte("import")}}}}
	}
	return h.p.Stream.PublishAll(ctx, schemas.TopicRaw, all)
}

// Close drops the connections.
func (h *history) Close() error {
	if h.p.OnClose == nil {
		return nil
	}
	return h.p.OnClose()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
