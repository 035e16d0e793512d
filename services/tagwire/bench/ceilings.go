package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// rawRecord is a record of `raw` as the collector wrote it.
type rawRecord struct {
	partition  int
	key, value []byte
}

const (
	ceilingTopic = "bench"
	ceilingTable = "bench_events"
	generation   = 999_999 // of the benchmark's own keys in Redis
	perCommit    = 100     // profiles
	insertRows   = 50_000
)

// ceilings are what the parts alone do with the bytes of the last round, while
// the roles have nothing to do.
func (b *bench) ceilings(ctx context.Context) error {
	if err := b.parts.Stream.EnsureTopics(ctx, []schemas.Topic{{
		Name: ceilingTopic, Partitions: b.parts.Config.RawPartitions, Retention: time.Hour, MaxMessages: 2 << 20,
	}}); err != nil {
		return err
	}
	profiles, err := b.profiles(ctx)
	if err != nil {
		return err
	}
	columns, rows, err := b.rows(ctx, "events", b.Events)
	if err != nil {
		return err
	}
	for round := range b.Rounds {
		b.say("上限 / ceilings, round %d of %d", round+1, b.Rounds)
		err := errors.Join(b.kafka(ctx), b.commits(ctx, profiles), b.pipelined(ctx, profiles), b.inserts(ctx, round, columns, rows))
		if err != nil {
			return err
		}
	}
	return nil
}

// kafka is the Writer of kafka-go, acks=all, as the collector sets it.
func (b *bench) kafka(ctx context.Context) error {
	w := b.parts.Stream.NewWriter(ceilingTopic, kafka.BalancerFunc(func(m kafka.Message, _ ...int) int { return m.Partition }))
	var wait sync.WaitGroup
	errs := make(chan error, senders)
	begun := time.Now()
	share := (len(b.raw) + senders - 1) / senders
	for s := range senders {
		mine := b.raw[min(s*share, len(b.raw)):min((s+1)*share, len(b.raw))]
		wait.Go(func() {
			for len(mine) > 0 {
				n := min(1000, len(mine))
				msgs := make([]kafka.Message, n)
				for i, r := range mine[:n] {
					msgs[i] = kafka.Message{Partition: r.partition, Key: r.key, Value: r.value}
				}
				if err := w.WriteMessages(ctx, msgs...); err != nil {
					errs <- fmt.Errorf("write to kafka: %w", err)
					return
				}
				mine = mine[n:]
			}
		})
	}
	wait.Wait()
	b.report.add(rowKafka, float64(len(b.raw))/time.Since(begun).Seconds())
	close(errs)
	return errors.Join(<-errs, w.Close())
}

// profiles are the stored fields of profiles of each shard, as the tagger wrote
// them.
func (b *bench) profiles(ctx context.Context) ([][]shard.Write, error) {
	out := make([][]shard.Write, b.parts.Config.Shards)
	for s := range out {
		sh := shard.New(b.parts.Redis, 1, s)
		iter := b.parts.Redis.Scan(ctx, 0, sh.ProfilePattern(), 1000).Iterator()
		for iter.Next(ctx) && len(out[s]) < 2000 {
			h, err := b.parts.Redis.HGetAll(ctx, iter.Val()).Result()
			if err != nil {
				return nil, fmt.Errorf("read a profile: %w", err)
			}
			w := shard.Write{ID: sh.IDOf(iter.Val()), State: []byte(h["state"]), Tags: []byte(h["tags"]), Traits: []byte(h["traits"])}
			out[s] = append(out[s], w)
		}
		if err := iter.Err(); err != nil {
			return nil, fmt.Errorf("scan profiles: %w", err)
		}
	}
	return out, nil
}

// byShard does something for each shard at once and counts profiles a second.
func (b *bench) byShard(row string, profiles [][]shard.Write, do func(s int, list []shard.Write) error) error {
	var wait sync.WaitGroup
	errs := make([]error, len(profiles))
	n := 0
	begun := time.Now()
	for s, list := range profiles {
		n += len(list)
		wait.Go(func() { errs[s] = do(s, list) })
	}
	wait.Wait()
	b.report.add(row, float64(n)/time.Since(begun).Seconds())
	return errors.Join(errs...)
}

// commits are the tagger's own scripts, on keys of the benchmark.
func (b *bench) commits(ctx context.Context, profiles [][]shard.Write) error {
	defer b.clear(context.WithoutCancel(ctx), profiles)
	return b.byShard(rowCommit, profiles, func(s int, list []shard.Write) error {
		sh := shard.New(b.parts.Redis, generation, s)
		pos, _, err := sh.TakeOver(ctx)
		if err != nil {
			return err
		}
		if err := sh.Begin(ctx, pos); err != nil {
			return err
		}
		for len(list) > 0 {
			n := min(perCommit, len(list))
			if err := sh.Commit(ctx, shard.Batch{Pos: pos, Profiles: list[:n], Counts: map[string]int64{`["bench"]`: 1}}); err != nil {
				return err
			}
			pos.Commit++
			list = list[n:]
		}
		return nil
	})
}

// pipelined is SET of the same bytes.
func (b *bench) pipelined(ctx context.Context, profiles [][]shard.Write) error {
	defer b.clear(context.WithoutCancel(ctx), profiles)
	return b.byShard(rowSet, profiles, func(s int, list []shard.Write) error {
		sh := shard.New(b.parts.Redis, generation, s)
		for len(list) > 0 {
			n := min(perCommit, len(list))
			pipe := b.parts.Redis.Pipeline()
			for _, w := range list[:n] {
				pipe.Set(ctx, sh.ProfileKey(w.ID), w.State, 0)
			}
			if _, err := pipe.Exec(ctx); err != nil {
				return fmt.Errorf("set in a pipeline: %w", err)
			}
			list = list[n:]
		}
		return nil
	})
}

func (b *bench) clear(ctx context.Context, profiles [][]shard.Write) {
	for s, list := range profiles {
		sh := shard.New(b.parts.Redis, generation, s)
		pipe := b.parts.Redis.Pipeline()
		pipe.Del(ctx, sh.PosKey())
		for _, w := range list {
			pipe.Del(ctx, sh.ProfileKey(w.ID))
		}
		_, _ = pipe.Exec(ctx) // the deployment is thrown away anyway
	}
}

// rows reads rows of a table as Go values.
func (b *bench) rows(ctx context.Context, table string, limit int) (columns []string, rows [][]any, err error) {
	w := b.parts.Warehouse
	res, err := w.Query(ctx, fmt.Sprintf("SELECT * FROM %s.%s LIMIT %d", w.Database(), table, limit))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, res.Close()) }()
	types := res.ColumnTypes()
	for res.Next() {
		row, dest := make([]any, len(types)), make([]any, len(types))
		for i, t := range types {
			dest[i] = reflect.New(t.ScanType()).Interface()
		}
		if err := res.Scan(dest...); err != nil {
			return nil, nil, fmt.Errorf("read rows: %w", err)
		}
		for i := range dest {
			row[i] = reflect.ValueOf(dest[i]).Elem().Interface()
		}
		rows = append(rows, row)
	}
	return res.Columns(), rows, res.Err()
}

// inserts is the native insert of clickhouse-go into a table like `events`.
func (b *bench) inserts(ctx context.Context, round int, columns []string, rows [][]any) error {
	w := b.parts.Warehouse
	if err := w.Exec(ctx, fmt.Sprintf("CREATE TABLE %s.%s AS %s.events", w.Database(), ceilingTable, w.Database())); err != nil {
		return err
	}
	begun := time.Now()
	for from := 0; from < len(rows); from += insertRows {
		part := rows[from:min(from+insertRows, len(rows))]
		if err := w.Insert(ctx, warehouse.Insert{Table: ceilingTable, Columns: columns, Rows: part, Token: fmt.Sprintf("bench-%d-%d", round, from)}); err != nil {
			return err
		}
	}
	b.report.add(rowInsert, float64(len(rows))/math.Max(time.Since(begun).Seconds(), 1e-9))
	return w.Exec(ctx, fmt.Sprintf("DROP TABLE %s.%s SYNC", w.Database(), ceilingTable))
}
