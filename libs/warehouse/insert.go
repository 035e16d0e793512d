package warehouse

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Insert is rows for one table. The same token stands for the same rows, for
// ever: a repeated insert adds nothing.
type Insert struct {
	Table   string
	Columns []string
	Rows    [][]any // in the order of Columns, each value of the column's Go type
	Token   string
}

// MaxRows is how many rows one insert may have: they must fit one block, or a
// repetition could be cut into other blocks.
const MaxRows = 500_000

// insertSettings are written out in full: their defaults changed between
// versions of ClickHouse.
func insertSettings() clickhouse.Settings {
	return clickhouse.Settings{
		"async_insert":       0,
		"insert_deduplicate": 1,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
		"max_insert_block_size":                              1_048_449,
		"min_insert_block_size_rows":                         1_048_449,
		"min_insert_block_size_bytes":                        1 << 30,
		"max_partitions_per_insert_block":                    MaxPartitions,
		"throw_on_max_partitions_per_insert_block":           1,
		"max_execution_time":                                 int(readTimeout.Seconds()),
	}
}

// MaxPartitions is how many partitions of one table an insert may touch.
const MaxPartitions = 100

// Insert writes the rows or answers an error; after an error it is unknown
// whether they were written, and the same Insert is to be tried again.
func (w *Warehouse) Insert(ctx context.Context, in Insert) error {
	if len(in.Rows) == 0 {
		return nil
	}
	if len(in.Rows) > MaxRows {
		return fmt.Errorf("insert into %s: %d rows, at most %d", in.Table, len(in.Rows), MaxRows)
	}
	settings := maps.Clone(w.settings)
	settings["insert_deduplication_token"] = in.Token
	if w.explicit.Load() {
		settings["deduplicate_insert"] = "enable"
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings))
	batch, err := w.conn.PrepareBatch(ctx, fmt.Sprintf("INSERT INTO %s.%s (`%s`)", w.cfg.Database, in.Table, strings.Join(in.Columns, "`, `")))
	if err != nil {
		return fmt.Errorf("insert into %s: %w", in.Table, err)
	}
	for n, row := range in.Rows {
		if err := batch.Append(row...); err != nil {
			_ = batch.Abort() // the first error tells
			return fmt.Errorf("insert into %s, row %d: %w", in.Table, n, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert into %s: %w", in.Table, err)
	}
	return nil
}
