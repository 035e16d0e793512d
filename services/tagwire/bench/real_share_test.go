//go:build real && soak

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// wholeName is the measurement of all roles together.
const wholeName = "all roles"

// Names of processes besides the roles.
const (
	loadName   = "load"
	kafkaName  = "Kafka"
	redisName  = "Redis"
	clickName  = "ClickHouse"
	othersName = "others"
)

func shareNames() []string {
	return append([]string{loadName, kafkaName, redisName, clickName}, append(roleNames(), othersName)...)
}

// ticks a second of the times in /proc; Linux has 100 everywhere.
const ticks = 100

// share is how much of all cores each process had during a measurement.
type share struct {
	of      string
	by      map[string]float64 // 1: all cores all the time
	seconds float64
	things  int64 // that were worked on, when each is to be accounted for
}

// shared notes the processor time of every process while something is measured;
// repetitions of a measurement are added up.
func (r *realBench) shared(name string, measure func() error) error {
	before, begun := processorTimes(), time.Now()
	err := measure()
	after, took := processorTimes(), time.Since(begun).Seconds()
	i := 0
	for i < len(r.shares) && r.shares[i].of != name {
		i++
	}
	if i == len(r.shares) {
		r.shares = append(r.shares, share{of: name, by: map[string]float64{}})
	}
	s := &r.shares[i]
	s.seconds += took
	own := 0.0
	for who, now := range after {
		if who != othersName {
			d := max(now-before[who], 0)
			s.by[who] += d
			own += d
		}
	}
	s.by[othersName] += max(after[othersName]-before[othersName]-own, 0)
	return err
}

// processorTimes are the seconds that our processes had so far by name; under
// othersName those of the whole machine.
func processorTimes() map[string]float64 {
	out := map[string]float64{}
	self := os.Getpid()
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range paths {
		pid, parent, seconds := statOf(path)
		if pid != self && parent != self {
			continue
		}
		if name := nameOf(pid, self); name != "" {
			out[name] += seconds
		}
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return out
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, f := range strings.Fields(line) {
		if v, err := strconv.ParseFloat(f, 64); err == nil && i != 4 && i != 5 && i < 9 { // neither idle nor waiting
			out[othersName] += v / ticks
		}
	}
	return out
}

func statOf(path string) (pid, parent int, seconds float64) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, 0 // it has ended
	}
	head, rest, _ := strings.Cut(string(text), " (")
	f := strings.Fields(rest[strings.LastIndex(rest, ")")+1:])
	if len(f) < 13 {
		return 0, 0, 0
	}
	pid, _ = strconv.Atoi(head)
	parent, _ = strconv.Atoi(f[1])
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return pid, parent, (user + system) / ticks
}

func nameOf(pid, self int) string {
	if pid == self {
		return loadName
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	args := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
	switch program := filepath.Base(args[0]); {
	case len(args) >= 3 && args[1] == "run":
		return args[2]
	case program == "java":
		return kafkaName
	case strings.HasPrefix(program, "valkey"), strings.HasPrefix(program, "redis"):
		return redisName
	case strings.Contains(program, "clickhouse"):
		return clickName
	}
	return ""
}

// sharesTable is a table of them.
func (r *realBench) sharesTable() string {
	var b strings.Builder
	b.WriteString("\nShare of the whole machine that each process had, in %:\n\n| while measuring |")
	for _, name := range shareNames() {
		fmt.Fprintf(&b, " %s |", name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(shareNames())) + "\n")
	for _, s := range r.shares {
		fmt.Fprintf(&b, "| %s |", s.of)
		for _, name := range shareNames() {
			fmt.Fprintf(&b, " %.0f |", 100*s.by[name]/s.seconds/float64(runtime.NumCPU()))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// costsTable is what one event, or record, took of the processors: it depends
// far less on what else runs here than a number a second does.
func (r *realBench) costsTable() string {
	var b strings.Builder
	b.WriteString("\nProcessor time of one event (of one record for the archiver and of one row for clickhouse-go), in µs; the last column is what " +
		fmt.Sprintf("%d cores could do of it if they did nothing else and never waited:\n\n| while measuring | the role itself | with its parts and the load | a second at most |\n|---|---:|---:|---:|\n", runtime.NumCPU()))
	for _, s := range r.shares {
		if s.things == 0 {
			continue
		}
		own, all := 0.0, 0.0
		for who, seconds := range s.by {
			if who != othersName {
				all += seconds
			}
			if strings.HasPrefix(s.of, who+" ") || s.of == wholeName && who != loadName && r.workers[who] != nil {
				own += seconds
			}
		}
		each := func(seconds float64) float64 { return seconds * 1e6 / float64(s.things) }
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.0f |\n", s.of, each(own), each(all), float64(runtime.NumCPU())*1e6/each(all))
	}
	return b.String()
}

// worked notes how many things a measurement was about.
func (r *realBench) worked(name string, n int64) {
	for i := range r.shares {
		if r.shares[i].of == name {
			r.shares[i].things += n
		}
	}
}
