// Package embeddedtest gives tests the real parts: a Kafka broker, Valkey and ClickHouse, started once per test binary
// in a temporary folder, on free ports. Tests that share a binary share the parts, so each uses topics, keys and
// databases of its own. It never stands in for a part: without the engines (scripts/fetch-engines) a test fails.
//
// Its callers are the tests of other packages.
package embeddedtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded"
)

// Part is one of the parts a test may want.
type Part int

// The parts.
const (
	Kafka Part = iota
	Redis
	ClickHouse
)

// shared are the parts of this test binary. A package variable, because the tests of a package have nothing else in
// common, and starting an engine for each of them would take minutes.
var shared = struct {
	sync.Mutex
	ready bool // Main is in charge
	dir   string
	parts map[Part]*embedded.Parts
	atEnd []func() error
}{parts: map[Part]*embedded.Parts{}}

// Main runs the tests of a package and ends the parts after them: func TestMain(m *testing.M) { embeddedtest.Main(m) }.
func Main(m *testing.M) {
	embedded.MaybeChild()
	shared.ready = true
	code := m.Run()
	if err := stop(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "embeddedtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// AtEnd has Main call f when the tests are over: for what they share besides.
func AtEnd(f func() error) {
	shared.Lock()
	defer shared.Unlock()
	shared.atEnd = append(shared.atEnd, f)
}

// Start gives the parts that are asked for; each is started when it is wanted first and runs until the tests are over.
func Start(t testing.TB, want ...Part) *embedded.Parts {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.ready {
		t.Fatal("the test binary needs func TestMain(m *testing.M) { embeddedtest.Main(m) }")
	}
	out := &embedded.Parts{}
	for _, part := range want {
		if shared.parts[part] == nil {
			p, err := start(part)
			if err != nil {
				t.Fatalf("start a part for tests: %v", err)
			}
			shared.parts[part] = p
		}
		switch p := shared.parts[part]; part {
		case Kafka:
			out.KafkaBrokers = p.KafkaBrokers
		case Redis:
			out.RedisAddr, out.RedisPassword = p.RedisAddr, p.RedisPassword
		case ClickHouse:
			out.ClickHouseNative, out.ClickHouseHTTP = p.ClickHouseNative, p.ClickHouseHTTP
			out.ClickHouseUser, out.ClickHousePassword = p.ClickHouseUser, p.ClickHousePassword
			out.BIUser, out.BIPassword = p.BIUser, p.BIPassword
		}
	}
	return out
}

func start(part Part) (*embedded.Parts, error) {
	if shared.dir == "" {
		dir, err := os.MkdirTemp("", "tagwire-test-*")
		if err != nil {
			return nil, fmt.Errorf("make a folder: %w", err)
		}
		shared.dir = dir
	}
	const free = "127.0.0.1:0"
	p, err := embedded.Start(context.Background(), embedded.Options{
		Dir: shared.dir, Log: zap.NewNop(),
		Kafka: part == Kafka, Redis: part == Redis, ClickHouse: part == ClickHouse,
		KafkaAddr: free, RedisAddr: free, ClickHouseNativeAddr: free, ClickHouseHTTPAddr: free,
	})
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	return p, nil
}

func stop() error {
	shared.Lock()
	defer shared.Unlock()
	var errs []error
	for _, f := range shared.atEnd {
		errs = append(errs, f())
	}
	for _, p := range shared.parts {
		errs = append(errs, p.Close(context.Background()))
	}
	if shared.dir != "" {
		errs = append(errs, os.RemoveAll(shared.dir))
	}
	return errors.Join(errs...)
}
