package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/zap"
)

// hostVariable makes this test binary a process that owns a data folder, for tests that kill it.
const hostVariable = "TAGWIRE_TEST_HOST"

func TestMain(m *testing.M) {
	MaybeChild()
	if dir := os.Getenv(hostVariable); dir != "" {
		if err := host(dir); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// host runs all parts until it is told to end, after saying on its output how to reach them.
func host(dir string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	lock, err := Lock(dir)
	if err != nil {
		return err
	}
	p, err := Start(ctx, allParts(dir))
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
		return err
	}
	if err := p.Run(ctx); err != nil {
		return err
	}
	return lock.Release()
}

func allParts(dir string) Options {
	const free = "127.0.0.1:0"
	return Options{
		Dir: dir, Log: zap.NewNop(), Kafka: true, Redis: true, ClickHouse: true,
		KafkaAddr: free, RedisAddr: free, ClickHouseNativeAddr: free, ClickHouseHTTPAddr: free,
	}
}
