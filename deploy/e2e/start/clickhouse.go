package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded"
)

// clickhouse runs the embedded engine, which listens on loopback alone, and
// passes on what comes from outside the container.
func clickhouse(ctx context.Context) error {
	if user := variable("CLICKHOUSE_USER", embedded.ClickHouseUser); user != embedded.ClickHouseUser {
		return fmt.Errorf("CLICKHOUSE_USER is %s: this image knows %s only", user, embedded.ClickHouseUser)
	}
	password := os.Getenv("CLICKHOUSE_PASSWORD")
	if password == "" {
		return errors.New("CLICKHOUSE_PASSWORD is not set")
	}
	dir := variable("CLICKHOUSE_DATA", "/data/clickhouse")
	secrets, err := json.Marshal(map[string]string{"redis": "unused", "clickhouse": password, "bi": password})
	if err != nil {
		return fmt.Errorf("encode the password: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets.json"), secrets, 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	p, err := embedded.Start(ctx, embedded.Options{Dir: dir, Log: zap.NewNop(), ClickHouse: true})
	if err != nil {
		return err
	}
	// Native first: who waits for HTTP finds both.
	err = errors.Join(
		forward(variable("CLICKHOUSE_LISTEN_NATIVE", ":9000"), p.ClickHouseNative),
		forward(variable("CLICKHOUSE_LISTEN_HTTP", ":8123"), p.ClickHouseHTTP),
	)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-p.Failed():
		}
	}
	return errors.Join(err, p.Close(context.WithoutCancel(ctx)))
}

// forward passes connections on until this process ends.
func forward(from, to string) error {
	l, err := net.Listen("tcp", from)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", from, err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go pass(c, to)
		}
	}()
	return nil
}

func pass(c net.Conn, to string) {
	defer func() { _ = c.Close() }() // either side has said that it is over
	s, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = s.Close() }()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{c, s}, {s, c}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // a cut connection is its end
			done <- struct{}{}
		}()
	}
	<-done
}
