package bench

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// The report stands between these lines of a page; the rest of it is people's.
const (
	markBegin = "<!-- bench: written by ./scripts/bench --write -->"
	markEnd   = "<!-- /bench -->"
)

// Markdown is the report as tables.
func (r *Report) Markdown() string {
	return r.head() + r.latency() + r.throughput() + fmt.Sprintf(
		"\n| of the deployment | |\n|---|---:|\n| idle memory of its %d processes | %.0f MB (limit %.0f MB) |\n| ready on an empty folder | %.1f s |\n",
		r.Memory.Processes, r.Memory.IdleMB, r.Memory.LimitMB, r.Ready)
}

// head is when, what and where.
func (r *Report) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, seed %d, %d events a round.\n\n", r.Date.Format("2006-01-02 15:04 MST"), r.Seed, r.Events)
	for _, m := range []map[string]string{r.Machine, r.Versions} {
		for i, k := range slices.Sorted(maps.Keys(m)) {
			if i > 0 {
				b.WriteString(" · ")
			}
			fmt.Fprintf(&b, "%s %s", k, m[k])
		}
		b.WriteString("\n\n")
	}
	return b.String()
}

func (r *Report) latency() string {
	var b strings.Builder
	l := r.Latency
	fmt.Fprintf(&b, "Latency at %d events/s for %.0f s (%d events, %d alerts, %d missing, %d posts not accepted), from the planned moment of the post:\n\n", l.Rate, l.Seconds, l.Events, l.Alerts, l.Missing, l.Failed)
	if l.Failure != "" {
		fmt.Fprintf(&b, "The first post that was not accepted: %s\n\n", l.Failure)
	}
	b.WriteString("| ms | p50 | p99 | max |\n|---|---:|---:|---:|\n")
	line := func(name string, q Quantiles) {
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.1f |\n", name, q.P50, q.P99, q.Max)
	}
	line("post → 2xx", l.Accepted)
	line("post → alert on the stream", l.Alerted)
	for _, s := range l.Stages {
		line("of it: "+s.Name, s.Quantiles)
	}
	return b.String()
}

func (r *Report) throughput() string {
	var b strings.Builder
	if len(r.Rows) > 0 {
		b.WriteString("\n| throughput | median | lowest | highest | rounds |\n|---|---:|---:|---:|---:|\n")
		for _, x := range r.Rows {
			form := "| %s | %.0f | %.0f | %.0f | %d |\n"
			if x.Max < 100 {
				form = "| %s | %.2f | %.2f | %.2f | %d |\n"
			}
			fmt.Fprintf(&b, form, x.Name, x.Median, x.Min, x.Max, len(x.Rounds))
		}
	}
	if len(r.Ratios) > 0 {
		b.WriteString("\n| ours | ceiling | ratio |\n|---|---|---:|\n")
		for _, x := range r.Ratios {
			fmt.Fprintf(&b, "| %s | %s | %.2f |\n", x.Ours, x.Ceiling, x.Value)
		}
	}
	return b.String()
}

// Write puts the report into a page, between its marks.
func (r *Report) Write(path string) error { return put(path, markBegin, markEnd, r.Markdown()) }

// put replaces what stands between two marks of a page.
func put(path, begin, end, block string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the page of results: %w", err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s has no lines %q and %q", path, begin, end)
	}
	page := before + begin + "\n" + block + end + after
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		return fmt.Errorf("write the page of results: %w", err)
	}
	return nil
}
