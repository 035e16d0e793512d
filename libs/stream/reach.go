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
const metadataWithin = time.Second

// Reach asks each broker for a word and says which gave none. An error: none did,
// or none lets us in: that first word is given to everybody.
// It is never answered from memory, as the cluster's metadata is, so it notices a
// Kafka that takes connections and answers nothing.
func (c *Client) Reach(ctx context.Context) (silent []string, err error) {
	all := slices.Clone(c.cfg.Brokers)
	known, stop := context.WithTimeout(ctx, metadataWithin)
	md, refused := c.kafka.Metadata(known, &kafka.MetadataRequest{})
	if refused == nil && len(md.Brokers) > 0 {
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
	if refused != nil && len(silent) < len(all) {
		return silent, fmt.Errorf("%s answers, and tells nothing of the cluster: %w", strings.Join(all, ", "), refused)
	}
	if len(silent) == len(all) {
		return silent, fmt.Errorf("no broker answers (%s): %w", strings.Join(all, ", "), errors.Join(errs...))
	}
	return silent, nil
}
