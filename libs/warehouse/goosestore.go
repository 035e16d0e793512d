package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3/database"
)

// versions keeps the migrations that were applied. Rows are only added: taking
// a migration back adds a row that says so, which works without mutations and
// on a cluster; the newest row of a version counts.
type versions struct {
	table  string
	create string
}

var _ database.Store = versions{}

func newVersions(cfg Config) versions {
	return versions{
		table: cfg.Database + ".schema_versions",
		create: expand(`CREATE TABLE IF NOT EXISTS ${db}.schema_versions${on_cluster}
(
    version Int64 COMMENT '迁移版本 / Migration version',
    applied Bool COMMENT '是否已应用 / Whether it is applied',
    at      DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT '时间 / When'
)
ENGINE = ${replicated}MergeTree
ORDER BY (version, at)
COMMENT '已应用的迁移 / Migrations that were applied'`, cfg),
	}
}

// Tablename names the table of versions.
func (v versions) Tablename() string { return v.table }

// CreateVersionTable makes the table.
func (v versions) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	if _, err := db.ExecContext(ctx, v.create); err != nil {
		return fmt.Errorf("create %s: %w", v.table, err)
	}
	return nil
}

// Insert notes that a migration was applied.
func (v versions) Insert(ctx context.Context, db database.DBTxConn, req database.InsertRequest) error {
	return v.note(ctx, db, req.Version, true)
}

// Delete notes that a migration was taken back.
func (v versions) Delete(ctx context.Context, db database.DBTxConn, version int64) error {
	return v.note(ctx, db, version, false)
}

func (v versions) note(ctx context.Context, db database.DBTxConn, version int64, applied bool) error {
	q := fmt.Sprintf("INSERT INTO %s (version, applied) SETTINGS async_insert = 0 SELECT toInt64(%d), %t", v.table, version, applied)
	if _, err := db.ExecContext(ctx, q); err != nil {
		return fmt.Errorf("note migration %d: %w", version, err)
	}
	return nil
}

// GetMigration tells when a migration was applied.
func (v versions) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult, error) {
	q := fmt.Sprintf("SELECT at, applied FROM %s WHERE version = %d ORDER BY at DESC LIMIT 1", v.table, version)
	var res database.GetMigrationResult
	err := db.QueryRowContext(ctx, q).Scan(&res.Timestamp, &res.IsApplied)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("migration %d: %w", version, database.ErrVersionNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read migration %d: %w", version, err)
	}
	return &res, nil
}

// GetLatestVersion is the highest migration applied.
func (v versions) GetLatestVersion(ctx context.Context, db database.DBTxConn) (int64, error) {
	list, err := v.ListMigrations(ctx, db)
	if err != nil {
		return 0, err
	}
	if len(list) == 0 {
		return 0, fmt.Errorf("%s: %w", v.table, database.ErrVersionNotFound)
	}
	return list[0].Version, nil
}

// ListMigrations are the migrations applied, the highest first.
func (v versions) ListMigrations(ctx context.Context, db database.DBTxConn) ([]*database.ListMigrationsResult, error) {
	q := fmt.Sprintf("SELECT version FROM %s GROUP BY version HAVING argMax(applied, at) ORDER BY version DESC", v.table)
	rows, err := db.QueryContext(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var out []*database.ListMigrationsResult
	for rows.Next() {
		r := &database.ListMigrationsResult{IsApplied: true}
		if err := rows.Scan(&r.Version); err != nil {
			return nil, fmt.Errorf("list migrations: %w", err)
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	return out, nil
}
