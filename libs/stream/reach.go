package stream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// metadataWithin bounds the wait for the list of brokers, which after the first
// answer comes from memory.
const metadataWithin = 500 * time.Millisecond

// Reach asks each broker for a word and says which gave none. An error: none did.
// Unlike Ping it is never answered from memory, so it notices a Kafka that takes
// connections and answers nothing.
func (c *Client) Reach(ctx context.Context) (silent []string, err error) {
	all := slices.Clone(c.cfg.Brokers)
	known, stop := context.WithTimeout(ctx, metadataWithin)
	if md, err := c.kafka.Metadata(known, &kafka.MetadataRequest{}); err == nil && len(md.Brokers) > 0 {
		all = all[:0] // those of now: the configured ones may be names that lead to any
		for _, b := range md.Brokers {
			all = append(all, net.JoinHostPort(b.Host, strconv.Itoa(b.Port)))
		}
	}
	stop()
	errs := make([]error, len(all))
	done := make(chan int, len(all))
	for i, addr := range all {
		go func() { // ends with ctx at the latest
			_, errs[i] = c.kafka.ApiVersions(ctx, &kafka.ApiVersionsRequest{Addr: kafka.TCP(addr)})
			done <- i
		}()
	}
	for range all {
		if i := <-done; errs[i] != nil {
			silent = append(silent, all[i])
		}
	}
	slices.Sort(silent)
	if len(silent) == len(all) {
		return silent, fmt.Errorf("no broker answers (%s): %w", strings.Join(all, ", "), errors.Join(errs...))
	}
	return silent, nil
}
