// Command start is the first process of the Kafka and ClickHouse images that
// scripts/build-images assembles where no registry can be reached. It takes the
// variables that the registries' images take, as far as the tests give them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/tagwire/tagwire/libs/embedded"
)

func main() {
	embedded.MaybeChild() // never returns when this process is ClickHouse itself
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to cancel
	}
}

func run(ctx context.Context) error {
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case "kafka":
			return kafka(ctx)
		case "clickhouse":
			return clickhouse(ctx)
		}
	}
	return errors.New("usage: start kafka|clickhouse")
}

// variable is what is given, or the usual.
func variable(name, usual string) string {
	if given := os.Getenv(name); given != "" {
		return given
	}
	return usual
}
