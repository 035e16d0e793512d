package warehouse

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/schemas"
)

// window is how many inserted blocks a table remembers by their tokens. On a
// cluster they also expire by time, which is set beyond any outage.
const (
	window        = "non_replicated_deduplication_window = 10000"
	windowCluster = "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 2592000"
)

// expand fills in the placeholders of migrations and queries.
func expand(text string, cfg Config) string {
	onCluster, replicated, win := "", "", window
	if cfg.Cluster != "" {
		onCluster, replicated, win = " ON CLUSTER '"+strings.ReplaceAll(cfg.Cluster, "'", "")+"'", "Replicated", windowCluster
	}
	return strings.NewReplacer("${db}", cfg.Database, "${bi}", cfg.BIDatabase,
		"${on_cluster}", onCluster, "${replicated}", replicated, "${window}", win).Replace(text)
}

// Migrate brings the schema up to what this program needs. Every statement may
// be repeated, so two programs that start at once do no harm; locker, when
// given, keeps them apart as well.
func (w *Warehouse) Migrate(ctx context.Context, locker lock.Locker) error {
	opt := options(w.cfg)
	db := clickhouse.OpenDB(opt)
	defer func() { _ = db.Close() }() // idle connections only
	if err := w.createDatabase(ctx); err != nil {
		return err
	}
	opts := []goose.ProviderOption{goose.WithStore(newVersions(w.cfg)), goose.WithDisableGlobalRegistry(true)}
	if locker != nil {
		opts = append(opts, goose.WithLocker(locker))
	}
	folder, err := schemas.ClickHouse()
	if err != nil {
		return fmt.Errorf("open migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, expanded{folder, w.cfg}, opts...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		w.log.Info("migrated", zap.String("file", r.Source.Path), zap.Duration("took", r.Duration), zap.Error(r.Error))
	}
	if err != nil {
		return fmt.Errorf("migrate %s: %w", w.cfg.Database, err)
	}
	return nil
}

func (w *Warehouse) createDatabase(ctx context.Context) error {
	return w.Exec(ctx, expand("CREATE DATABASE IF NOT EXISTS ${db}${on_cluster}", w.cfg))
}

// expanded is a folder of SQL files with the placeholders filled in.
type expanded struct {
	fs.FS
	cfg Config
}

// Open reads one file of the folder.
func (e expanded) Open(name string) (fs.File, error) {
	f, err := e.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	defer func() { _ = f.Close() }() // embedded: nothing to lose
	text, err := fs.ReadFile(e.FS, name)
	if err != nil {
		return nil, err
	}
	body := []byte(expand(string(text), e.cfg))
	return &sqlFile{Reader: bytes.NewReader(body), name: name, size: int64(len(body))}, nil
}

// sqlFile is an expanded file in memory; it is its own FileInfo.
type sqlFile struct {
	*bytes.Reader
	name string
	size int64
}

func (f *sqlFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *sqlFile) Close() error               { return nil }
func (f *sqlFile) Name() string               { return f.name }
func (f *sqlFile) Size() int64                { return f.size }
func (f *sqlFile) Mode() fs.FileMode          { return 0o444 }
func (f *sqlFile) ModTime() time.Time         { return time.Time{} }
func (f *sqlFile) IsDir() bool                { return false }
func (f *sqlFile) Sys() any                   { return nil }
