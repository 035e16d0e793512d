package inbox

import (
	"context"
	_ "embed" // the scripts
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
)

//go:embed commit.lua
var commitLua string

//go:embed own.lua
var ownLua string

// DefaultLogLength is about how many updates a partition's log keeps.
const DefaultLogLength = 10_000

// Writer is the one writer of an inbox partition. It is not safe for concurrent
// use: a partition has one owner, and its commits are made one after the other.
type Writer struct {
	rdb       redis.UniversalClient
	p         int
	topic     string
	logLength int64
	commit    *redis.Script
	epoch     string
	number    int64
}

// WriterOptions name a partition to be taken over.
type WriterOptions struct {
	Redis     redis.UniversalClient
	Partition int
	Topic     string // of the alerts; another incarnation begins at its start
	LogLength int    // 0: DefaultLogLength
}

// Own takes a partition over from whoever had it. The offset is where to go on
// in the topic, -1 when the inbox has not read any of it.
func Own(ctx context.Context, opts WriterOptions) (*Writer, int64, error) {
	w := &Writer{
		rdb: opts.Redis, p: opts.Partition, topic: opts.Topic, logLength: int64(opts.LogLength),
		commit: redis.NewScript(commitLua),
	}
	if w.logLength <= 0 {
		w.logLength = DefaultLogLength
	}
	res, err := redis.NewScript(ownLua).Run(ctx, w.rdb, []string{key(w.p, keyPos)}).StringSlice()
	if err != nil {
		return nil, 0, fmt.Errorf("take over inbox partition %d: %w", w.p, err)
	}
	w.epoch = res[0]
	if w.number, err = strconv.ParseInt(res[1], 10, 64); err != nil {
		return nil, 0, fmt.Errorf("commit number of inbox partition %d: %w", w.p, err)
	}
	if res[2] != w.topic || res[3] == "" {
		return w, -1, nil
	}
	offset, err := strconv.ParseInt(res[3], 10, 64)
	if err != nil {
		return nil, 0, fmt.Errorf("offset of inbox partition %d: %w", w.p, err)
	}
	return w, offset, nil
}

// Partition is the partition it writes.
func (w *Writer) Partition() int { return w.p }

// Load reads alerts; those the inbox does not have are missing in the answer.
func (w *Writer) Load(ctx context.Context, ids []string) (map[string]*Entry, error) {
	return load(ctx, w.rdb, w.p, ids)
}

func load(ctx context.Context, rdb redis.UniversalClient, p int, ids []string) (map[string]*Entry, error) {
	found := make(map[string]*Entry, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(p, keyAlert(id))
	}
	texts, err := rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, fmt.Errorf("read alerts of inbox partition %d: %w", p, err)
	}
	for i, v := range texts {
		text, ok := v.(string)
		if !ok {
			continue
		}
		e, err := decodeEntry(ids[i], text)
		if err != nil {
			return nil, err
		}
		found[ids[i]] = e
	}
	return found, nil
}

// Aside reads the actions that wait for an alert.
func (w *Writer) Aside(ctx context.Context, ids []string) (map[string][]event.Alert, error) {
	found := map[string][]event.Alert{}
	if len(ids) == 0 {
		return found, nil
	}
	texts, err := w.rdb.HMGet(ctx, key(w.p, keyAside), ids...).Result()
	if err != nil {
		return nil, fmt.Errorf("read actions set aside in inbox partition %d: %w", w.p, err)
	}
	for i, v := range texts {
		text, ok := v.(string)
		if !ok {
			continue
		}
		var list []event.Alert
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return nil, fmt.Errorf("decode actions set aside for alert %s: %w", ids[i], err)
		}
		found[ids[i]] = list
	}
	return found, nil
}

// Commit writes a transaction. An error that is neither store.ErrNotOwner nor store.ErrLost
// leaves open whether it was written: the same transaction is given again until
// the answer is known.
func (w *Writer) Commit(ctx context.Context, tx *Txn) error {
	if tx.err != nil {
		return tx.err
	}
	args := make([]any, 0, 2+len(tx.words))
	args = append(args, w.epoch, strconv.FormatInt(w.number, 10))
	args = append(args, tx.words...)
	res, err := w.commit.Run(ctx, w.rdb, tx.keys, args...).Slice()
	if err != nil {
		return fmt.Errorf("commit %d of inbox partition %d: %w", w.number+1, w.p, err)
	}
	if len(res) != 3 {
		return fmt.Errorf("commit %d of inbox partition %d: answer of %d parts", w.number+1, w.p, len(res))
	}
	done, _ := res[0].(int64)
	epoch, _ := res[1].(string)
	number, _ := res[2].(string)
	switch {
	case done == 1:
	case epoch == "":
		return fmt.Errorf("inbox partition %d: %w", w.p, store.ErrLost)
	case epoch != w.epoch:
		return fmt.Errorf("inbox partition %d: %w", w.p, store.ErrNotOwner)
	case number == strconv.FormatInt(w.number+1, 10):
		// The client sent it again after a lost reply. Only this writer raises the
		// number in its epoch, and it has one commit at a time, so this one stands.
	default:
		return fmt.Errorf("inbox partition %d is at commit %s of our epoch, not at %d: %w", w.p, number, w.number, store.ErrLost)
	}
	w.number++
	return nil
}
