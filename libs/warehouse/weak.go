package warehouse

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/telemetry"
)

// The windows that migrations give every table.
const (
	demandedBlocks  = 10_000
	demandedSeconds = 30 * 24 * 60 * 60 // of a Replicated table
)

// blocks and seconds find a window in the text that makes a table.
var (
	blocks  = regexp.MustCompile(`replicated_deduplication_window = (\d+)`)
	seconds = regexp.MustCompile(`replicated_deduplication_window_seconds = (\d+)`)
)

func (w *Warehouse) weaknesses(ctx context.Context) ([]telemetry.Words, error) {
	out, err := w.weakTables(ctx)
	if err != nil {
		return nil, err
	}
	var async string
	if err := w.Scalar(ctx, "SELECT value FROM system.settings WHERE name = 'async_insert'", &async); err != nil {
		return nil, err
	}
	if async == "1" {
		user := w.cfg.User
		out = append(out, telemetry.Words{
			Zh: fmt.Sprintf("ClickHouse：用户 %s 的 async_insert 默认开启，其他程序的写入可能在确认后、落盘前丢失；归档服务自己的写入已关闭它。请执行 ALTER USER %s SETTINGS async_insert = 0，或在配置文件的 profile 里设为 0", user, user),
			En: fmt.Sprintf("ClickHouse: async_insert is on by default for the user %s, what other programs insert may be acknowledged before it is on disk; the archiver turns it off for its own inserts. Run ALTER USER %s SETTINGS async_insert = 0, or set it to 0 in the profile", user, user),
		})
	}
	return out, nil
}

func (w *Warehouse) weakTables(ctx context.Context) ([]telemetry.Words, error) {
	rows, err := w.Query(ctx, w.in(`SELECT name, engine LIKE 'Replicated%', create_table_query FROM system.tables
WHERE database = '${db}' AND engine LIKE '%MergeTree' AND name != 'schema_versions' ORDER BY name`))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	plain, replicated := []string{}, []string{}
	for rows.Next() {
		var name, text string
		var copied uint8
		if err := rows.Scan(&name, &copied, &text); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		switch {
		case copied == 1 && (below(blocks, text, demandedBlocks) || below(seconds, text, demandedSeconds)):
			replicated = append(replicated, name)
		case copied == 0 && below(blocks, text, demandedBlocks):
			plain = append(plain, name)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var out []telemetry.Words
	if len(plain) > 0 {
		out = append(out, w.weakWindow(plain, window))
	}
	if len(replicated) > 0 {
		out = append(out, w.weakWindow(replicated, windowCluster))
	}
	return out, nil
}

// below says that a window is smaller than demanded, or not there.
func below(window *regexp.Regexp, text string, demanded int) bool {
	m := window.FindStringSubmatch(text)
	if m == nil {
		return true
	}
	n, err := strconv.Atoi(m[1])
	return err == nil && n < demanded // more digits than an int holds are enough
}

func (w *Warehouse) weakWindow(tables []string, demanded string) telemetry.Words {
	of := strings.Join(tables, ", ")
	on := ""
	if w.cfg.Cluster != "" {
		on = " ON CLUSTER " + w.cfg.Cluster
	}
	cure := fmt.Sprintf("ALTER TABLE %s.%s%s MODIFY SETTING %s", w.cfg.Database, tables[0], on, demanded)
	return telemetry.Words{
		Zh: "ClickHouse：去重窗口太小或没有（表 " + of + "），答复丢失后重试的一批会在表里出现两次，直到合并；视图仍只数一次。请对每个表执行：" + cure,
		En: "ClickHouse: the deduplication window is too small or missing (tables " + of + "), a batch repeated after a lost answer stands twice in the table until parts merge; views count each event once all the same. For each table run: " + cure,
	}
}
