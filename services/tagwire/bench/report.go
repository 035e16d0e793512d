package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Rows of the report.
const (
	rowKafka     = "kafka-go Writer, acks=all, alone (records/s)"
	rowCommit    = "Redis commit scripts alone (profiles/s)"
	rowSet       = "Redis pipelined SET alone (profiles/s)"
	rowInsert    = "clickhouse-go insert alone (rows/s)"
	rowCollector = "collector alone, batches of 100 (events/s)"
	rowTagger    = "tagger alone (events/s)"
	rowAccepted  = "all roles: accepted (events/s)"
	rowResolved  = "all roles: until the resolver has no lag (events/s)"
	rowTagged    = "all roles: until the tagger has no lag (events/s)"
	rowArchived  = "all roles: until the archiver has no lag (events/s)"

	// On real parts only.
	rowHistory  = "clickhouse-go inserting the archiver's rows alone (rows/s)"
	rowResolver = "resolver alone (events/s)"
	rowArchiver = "archiver alone (records/s, a row each)"
	rowStored   = "archiver alone (events/s)"
	rowLag      = "all roles: lag back to zero after the last post (s)"
)

func order() []string {
	return []string{
		rowKafka, rowCommit, rowSet, rowInsert, rowHistory, rowCollector, rowResolver, rowTagger, rowArchiver, rowStored,
		rowAccepted, rowResolved, rowTagged, rowArchived, rowLag,
	}
}

// Ratios are ours beside a ceiling of the same run.
func ratios() [][2]string {
	return [][2]string{
		{rowCollector, rowKafka},
		{rowResolver, rowKafka},
		{rowTagger, rowCommit},
		{rowTagger, rowSet},
		{rowArchiver, rowHistory},
		{rowArchived, rowInsert},
		{rowArchived, rowKafka},
	}
}

// Report is what a run has measured.
type Report struct {
	Date     time.Time         `json:"date"`
	Seed     uint64            `json:"seed"`
	Events   int               `json:"events_per_round"`
	Machine  map[string]string `json:"machine"`
	Versions map[string]string `json:"versions"`
	Ready    float64           `json:"ready_seconds"` // first start on an empty folder
	Memory   Memory            `json:"memory"`
	Latency  Latency           `json:"latency"`
	Rows     []Row             `json:"rows"`
	Ratios   []Ratio           `json:"ratios"`
}

// Memory is resident memory of all processes of the deployment.
type Memory struct {
	IdleMB    float64 `json:"idle_mb"`
	LimitMB   float64 `json:"limit_mb"`
	Processes int     `json:"processes"`
}

// Latency is from an event's moment on.
type Latency struct {
	Rate     int       `json:"events_per_second"`
	Seconds  float64   `json:"seconds"`
	Events   int       `json:"events"`
	Alerts   int       `json:"alerts"`
	Missing  int       `json:"missing_alerts"`
	Failed   int       `json:"failed_posts"`
	Failure  string    `json:"first_failure,omitempty"`
	Accepted Quantiles `json:"accepted_ms"`
	Alerted  Quantiles `json:"alert_ms"`
	Stages   []Stage   `json:"stages"`
}

// Stage is one part of the way, by the times in the logs (whole milliseconds).
type Stage struct {
	Name string `json:"name"`
	Quantiles
}

// Quantiles of times in milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func quantiles(v []float64) Quantiles {
	if len(v) == 0 {
		return Quantiles{}
	}
	slices.Sort(v)
	rank := func(q float64) float64 { return v[min(len(v)-1, int(q*float64(len(v))))] }
	return Quantiles{rank(0.5), rank(0.99), v[len(v)-1]}
}

// Row is one number with its spread over the rounds.
type Row struct {
	Name   string    `json:"name"`
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
}

// Ratio sets a number of ours beside its ceiling.
type Ratio struct {
	Ours    string  `json:"ours"`
	Ceiling string  `json:"ceiling"`
	Value   float64 `json:"value"`
}

func newReport(o Options) *Report {
	r := &Report{Date: time.Now(), Seed: o.Seed, Events: o.Events, Machine: machine(), Versions: map[string]string{}}
	r.Latency.Rate = o.Rate
	return r
}

func (r *Report) add(name string, value float64) {
	i := slices.IndexFunc(r.Rows, func(x Row) bool { return x.Name == name })
	if i < 0 {
		r.Rows = append(r.Rows, Row{Name: name})
		i = len(r.Rows) - 1
	}
	x := &r.Rows[i]
	x.Rounds = append(x.Rounds, value)
	sorted := slices.Sorted(slices.Values(x.Rounds))
	n := len(sorted)
	x.Median, x.Min, x.Max = (sorted[(n-1)/2]+sorted[n/2])/2, sorted[0], sorted[n-1]
	slices.SortFunc(r.Rows, func(a, b Row) int { return slices.Index(order(), a.Name) - slices.Index(order(), b.Name) })
	r.Ratios = nil
	for _, p := range ratios() {
		ours, ceiling := r.median(p[0]), r.median(p[1])
		if ours > 0 && ceiling > 0 {
			r.Ratios = append(r.Ratios, Ratio{p[0], p[1], ours / ceiling})
		}
	}
}

func (r *Report) median(name string) float64 {
	for _, x := range r.Rows {
		if x.Name == name {
			return x.Median
		}
	}
	return 0
}

func machine() map[string]string {
	m := map[string]string{"os": runtime.GOOS + "/" + runtime.GOARCH, "cores": fmt.Sprint(runtime.NumCPU())}
	for name, path := range map[string]string{"load at start": "/proc/loadavg", "kernel": "/proc/sys/kernel/osrelease"} {
		if text, err := os.ReadFile(path); err == nil { // Linux alone has them
			m[name] = strings.TrimSpace(string(text))
		}
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m["cpu"] = strings.TrimSpace(value)
			}
		}
	}
	return m
}

// versions are those of the clients and the parts.
func (b *bench) versions(ctx context.Context) error {
	v := b.report.Versions
	v["go"] = runtime.Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		b.libraries(info)
	}
	info, err := b.parts.Redis.Info(ctx, "server").Result()
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && (name == "redis_version" || name == "valkey_version") {
			v[name] = value
		}
	}
	var click string
	err = errors.Join(err, b.parts.Warehouse.Scalar(ctx, "SELECT version()", &click))
	v["clickhouse"] = click
	return err
}

// libraries are the clients that a program was built with.
func (b *bench) libraries(info *debug.BuildInfo) {
	v := b.report.Versions
	for _, d := range info.Deps {
		switch d.Path {
		case "github.com/segmentio/kafka-go", "github.com/redis/go-redis/v9", "github.com/ClickHouse/clickhouse-go/v2", "github.com/twmb/franz-go/pkg/kfake":
			v[d.Path[strings.Index(d.Path, "/")+1:]] = d.Version
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
			v[s.Key] = s.Value
		}
	}
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	return nil
}
