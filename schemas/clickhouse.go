package schemas

import (
	"embed"
	"io/fs"
)

//go:embed clickhouse/*.sql
var clickhouse embed.FS

// ClickHouse are the migrations of history and of the views for BI, as goose
// reads them. Names and engines are placeholders such as ${db}, which
// libs/warehouse fills in for one node or for a cluster.
func ClickHouse() (fs.FS, error) { return fs.Sub(clickhouse, "clickhouse") }
