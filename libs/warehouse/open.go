package warehouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/zap"
)

// Config says where ClickHouse is and what the databases are called.
type Config struct {
	Addrs      []string // native protocol, host:port
	User       string
	Password   string
	TLS        *tls.Config // nil: plain
	Database   string      // of tables; default tagwire
	BIDatabase string      // of views; default bi
	Cluster    string      // name for ON CLUSTER and Replicated tables; empty: one node
}

// Warehouse talks to one ClickHouse. Safe for concurrent use; Close once.
type Warehouse struct {
	cfg      Config
	log      *zap.Logger
	conn     driver.Conn
	settings clickhouse.Settings // of inserts, without the token
	explicit atomic.Bool         // the server has the newer setting that stands above them
}

const (
	dialTimeout = 5 * time.Second
	// readTimeout bounds an insert far below the time after which Kafka gives
	// the partitions to another archiver.
	readTimeout = 60 * time.Second
	connections = 16
)

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// New makes a warehouse; it dials on first use.
func New(cfg Config, log *zap.Logger) (*Warehouse, error) { return open(cfg, log, options(cfg)) }

// Probe makes a warehouse that has no patience: for the question whether
// ClickHouse answers at all, by Ping.
func Probe(cfg Config, log *zap.Logger) (*Warehouse, error) {
	o := options(cfg)
	o.DialTimeout, o.ReadTimeout, o.MaxOpenConns, o.MaxIdleConns = time.Second, time.Second, 4, 1
	return open(cfg, log, o)
}

func open(cfg Config, log *zap.Logger, o *clickhouse.Options) (*Warehouse, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("warehouse: Config.Addrs is empty")
	}
	if cfg.Database == "" {
		cfg.Database = "tagwire"
	}
	if cfg.BIDatabase == "" {
		cfg.BIDatabase = "bi"
	}
	for _, name := range []string{cfg.Database, cfg.BIDatabase} {
		if !plainName.MatchString(name) { // names are put into statements as they are
			return nil, fmt.Errorf("warehouse: database name %q: letters, digits and _ only", name)
		}
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		return nil, fmt.Errorf("open clickhouse %v: %w", cfg.Addrs, err)
	}
	return &Warehouse{cfg: cfg, log: log, conn: conn, settings: insertSettings()}, nil
}

func options(cfg Config) *clickhouse.Options {
	return &clickhouse.Options{
		Addr: cfg.Addrs, Auth: clickhouse.Auth{Username: cfg.User, Password: cfg.Password}, TLS: cfg.TLS,
		DialTimeout: dialTimeout, ReadTimeout: readTimeout, MaxOpenConns: connections, MaxIdleConns: connections / 2,
		ConnMaxLifetime: 30 * time.Minute, ConnOpenStrategy: clickhouse.ConnOpenInOrder,
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
		ClientInfo: clickhouse.ClientInfo{Products: []struct {
			Name    string
			Version string
		}{{Name: "tagwire", Version: "1"}}},
	}
}

// Close drops the connections.
func (w *Warehouse) Close() error {
	if err := w.conn.Close(); err != nil {
		return fmt.Errorf("close clickhouse: %w", err)
	}
	return nil
}

// Ping asks whether the server answers.
func (w *Warehouse) Ping(ctx context.Context) error {
	if err := w.conn.Ping(ctx); err != nil {
		return fmt.Errorf("clickhouse %v: %w", w.cfg.Addrs, err)
	}
	return nil
}

// Database is the name of the database that holds the tables.
func (w *Warehouse) Database() string { return w.cfg.Database }

// BIDatabase is the name of the database that holds the views.
func (w *Warehouse) BIDatabase() string { return w.cfg.BIDatabase }

// Query asks a question of one's own; the caller closes the rows.
func (w *Warehouse) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	rows, err := w.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("clickhouse query: %w", err)
	}
	return rows, nil
}

// Exec runs a statement.
func (w *Warehouse) Exec(ctx context.Context, statement string, args ...any) error {
	if err := w.conn.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("clickhouse statement: %w", err)
	}
	return nil
}

// Scalar asks for the one row of a query.
func (w *Warehouse) Scalar(ctx context.Context, query string, dest ...any) error {
	if err := w.conn.QueryRow(ctx, query).Scan(dest...); err != nil {
		return fmt.Errorf("clickhouse query: %w", err)
	}
	return nil
}

// in puts the names of the databases into a query.
func (w *Warehouse) in(query string) string { return expand(query, w.cfg) }
