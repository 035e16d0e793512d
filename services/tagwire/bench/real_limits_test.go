//go:build real && soak

package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

const (
	realBegin = "<!-- bench real: written by ./scripts/bench --real --write -->"
	realEnd   = "<!-- /bench real -->"
)

// markdown is the report of real parts.
func (r *realBench) markdown() string {
	text := r.report.head()
	if *only == "" {
		text += fmt.Sprintf("%d shards, %d customers, 100 rules. Load end to end: %d events/s for %s.\n\n", realShards, *profiles, *pace, *length)
	}
	if !*noWhole && *only == "" {
		text += r.report.latency()
	}
	if !r.LatencyOnly {
		text += r.report.throughput() + r.costsTable()
	}
	return text + r.sharesTable()
}

// limits are what the parts alone do with the bytes of the last round.
func (r *realBench) limits(ctx context.Context) error {
	if err := r.parts.Stream.EnsureTopics(ctx, []schemas.Topic{{
		Name: ceilingTopic, Partitions: r.parts.Config.RawPartitions, Retention: time.Hour, MaxMessages: 2 << 20,
	}}); err != nil {
		return err
	}
	stored, err := r.profiles(ctx)
	if err != nil {
		return err
	}
	lists, err := r.historyRows(ctx)
	if err != nil {
		return err
	}
	to, err := r.secondHistory(ctx)
	if err != nil {
		return err
	}
	for round := range r.Rounds {
		r.say("上限 / ceilings, round %d of %d", round+1, r.Rounds)
		if err := errors.Join(
			r.shared("kafka-go alone", func() error { return r.kafka(ctx) }),
			r.shared("commit scripts alone", func() error { return r.commits(ctx, stored) }), r.pipelined(ctx, stored),
			r.shared("clickhouse-go alone", func() error { return r.insertAll(ctx, to, round, lists) }),
		); err != nil {
			return err
		}
		r.worked("kafka-go alone", int64(len(r.raw)))
		for _, l := range lists {
			r.worked("clickhouse-go alone", int64(len(l.rows)))
		}
	}
	return to.Close()
}

// rowsOf is what one round wrote to one table.
type rowsOf struct {
	table   string
	columns []string
	rows    [][]any
}

// historyRows reads rows of each table in the mixture that the archiver writes:
// the events of a round, and as many others as they made, snapshots above all.
func (r *realBench) historyRows(ctx context.Context) ([]rowsOf, error) {
	left := int(r.perEvent*float64(r.Events)) - r.Events
	most := map[string]int{"events": r.Events, "alerts": left / 100, "tag_changes": left / 20, "stage_changes": left / 100, "profiles": left}
	var out []rowsOf
	for _, table := range []string{"events", "alerts", "tag_changes", "stage_changes", "profiles"} {
		columns, rows, err := r.rows(ctx, table, max(most[table], 1))
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", table, err)
		}
		out = append(out, rowsOf{table, columns, rows})
		if table != "events" {
			most["profiles"] -= len(rows)
		}
	}
	return out, nil
}

// secondHistory is the same schema, with all its views, in a database of its own.
func (r *realBench) secondHistory(ctx context.Context) (*warehouse.Warehouse, error) {
	c := r.conf.ClickHouse
	w, err := warehouse.New(warehouse.Config{
		Addrs: strings.Split(c.Addr, ","), User: c.User, Password: c.Password.Reveal(), Database: "bench_history", BIDatabase: "bench_bi",
	}, zap.NewNop())
	if err != nil {
		return nil, err
	}
	return w, w.Migrate(ctx, nil)
}

// insertAll is the native insert of clickhouse-go into the archiver's tables.
func (r *realBench) insertAll(ctx context.Context, to *warehouse.Warehouse, round int, lists []rowsOf) error {
	total, begun := 0, time.Now()
	for _, l := range lists {
		for from := 0; from < len(l.rows); from += insertRows {
			part := l.rows[from:min(from+insertRows, len(l.rows))]
			if err := to.Insert(ctx, warehouse.Insert{Table: l.table, Columns: l.columns, Rows: part, Token: fmt.Sprintf("bench-%d-%d", round, from)}); err != nil {
				return err
			}
			total += len(part)
		}
	}
	r.report.add(rowHistory, float64(total)/time.Since(begun).Seconds())
	return nil
}
