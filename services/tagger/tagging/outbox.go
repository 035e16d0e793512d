package tagging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/s2"

	"github.com/tagwire/tagwire/libs/stream"
)

// outEntry is one message that a commit made.
type outEntry struct {
	_         struct{} `cbor:",toarray"`
	Number    int64
	Topic     string
	Partition int
	Key       []byte
	Value     []byte
}

// pack is how the entries of a commit are stored: as one element of the outbox,
// compressed, since changes are texts of the same form.
func pack(entries []outEntry) ([]byte, error) { return new(packer).pack(entries) }

// packer keeps its memory: what it gives is good until the next commit.
type packer struct {
	plain  bytes.Buffer
	packed []byte
}

func (p *packer) pack(entries []outEntry) ([]byte, error) {
	p.plain.Reset()
	if err := cbor.MarshalToBuffer(entries, &p.plain); err != nil {
		return nil, fmt.Errorf("encode outbox entries from %d: %w", entries[0].Number, err)
	}
	if most := s2.MaxEncodedLen(p.plain.Len()); cap(p.packed) < most {
		p.packed = make([]byte, most)
	}
	return s2.Encode(p.packed[:cap(p.packed)], p.plain.Bytes()), nil
}

func unpack(b []byte) (entries []outEntry, err error) {
	if b, err = s2.Decode(nil, b); err == nil {
		err = cbor.Unmarshal(b, &entries)
	}
	if err == nil && len(entries) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("decode element of the outbox: %w", err)
	}
	return entries, nil
}

// publisher sends committed entries on, in their order per partition: the same
// again until acknowledged, so none is lost, and consumers drop repeats by ids
// and marks.
type publisher struct {
	client *stream.Client
	queue  chan []outEntry
	done   atomic.Int64 // number of the newest published entry
	wait   sync.WaitGroup
	cancel context.CancelFunc
	dead   chan struct{} // closed when nothing is published any more
}

// errDead ends an owner whose publisher has ended; what ended it was told by fail.
var errDead = errors.New("the outbox is not published any more")

// queued commits may wait for Kafka before the shard does.
const queued = 64

func startPublisher(ctx context.Context, c *stream.Client, fail func(error)) *publisher {
	ctx, cancel := context.WithCancel(ctx)
	p := &publisher{client: c, queue: make(chan []outEntry, queued), cancel: cancel, dead: make(chan struct{})}
	p.wait.Go(func() {
		defer close(p.dead)
		for {
			select {
			case <-ctx.Done():
				return
			case batch := <-p.queue:
				batch = p.more(batch)
				if err := p.publish(ctx, batch); err != nil {
					fail(err)
					return
				}
				p.done.Store(batch[len(batch)-1].Number)
			}
		}
	})
	return p
}

// more takes what else waits, so that one request carries it.
func (p *publisher) more(batch []outEntry) []outEntry {
	for len(batch) < 2000 {
		select {
		case next := <-p.queue:
			batch = append(batch, next...)
		default:
			return batch
		}
	}
	return batch
}

func (p *publisher) publish(ctx context.Context, batch []outEntry) error {
	byTopic := map[string]map[int][]stream.Message{}
	for _, e := range batch {
		if byTopic[e.Topic] == nil {
			byTopic[e.Topic] = map[int][]stream.Message{}
		}
		byTopic[e.Topic][e.Partition] = append(byTopic[e.Topic][e.Partition], stream.Message{Key: e.Key, Value: e.Value})
	}
	var g sync.WaitGroup
	errs := make(chan error, len(byTopic))
	for topic, parts := range byTopic {
		g.Go(func() {
			if err := p.client.PublishAll(ctx, topic, parts); err != nil {
				errs <- err
			}
		})
	}
	g.Wait()
	close(errs)
	return <-errs
}

func (p *publisher) send(ctx context.Context, batch []outEntry) error {
	if len(batch) == 0 {
		return nil
	}
	select {
	case p.queue <- batch:
		return nil
	case <-p.dead:
		return errDead
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *publisher) close() {
	p.cancel()
	p.wait.Wait()
}
