package inbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
)

// Txn collects what one commit writes. Its order of writes is that of the calls.
type Txn struct {
	w     *Writer
	keys  []string
	index map[string]int
	words []any
	err   error
}

// Begin starts a transaction.
func (w *Writer) Begin() *Txn {
	tx := &Txn{w: w, index: map[string]int{}}
	tx.key(keyPos) // KEYS[1]
	tx.key(keyLog) // KEYS[2]
	return tx
}

// Empty says that nothing would be written.
func (tx *Txn) Empty() bool { return len(tx.words) == 0 && tx.err == nil }

func (tx *Txn) key(name string) int {
	k := key(tx.w.p, name)
	n, ok := tx.index[k]
	if !ok {
		tx.keys = append(tx.keys, k)
		n = len(tx.keys)
		tx.index[k] = n
	}
	return n
}

func (tx *Txn) do(command, name string, args ...any) {
	tx.words = append(tx.words, 2+len(args), command, tx.key(name))
	tx.words = append(tx.words, args...)
}

// Offset sets where to go on in the topic.
func (tx *Txn) Offset(next int64) {
	tx.do("HSET", keyPos, "offset", next, "topic", tx.w.topic)
}

// Put writes an alert, with its indexes, times and queues. Before is nil for a
// new one. Tell says that followers are told.
func (tx *Txn) Put(before, after *Entry, tell bool) {
	text, err := after.encode()
	if err != nil {
		tx.err = err
		return
	}
	tx.do("SET", keyAlert(after.AlertID), text)
	tx.reindex(before, after)
	if tell {
		tx.log(&after.Alert)
	}
}

// Remove takes an alert out of the inbox.
func (tx *Txn) Remove(e *Entry) {
	tx.do("DEL", keyAlert(e.AlertID))
	tx.reindex(e, nil)
}

func (tx *Txn) reindex(before, after *Entry) {
	var oldIndexes, newIndexes []string
	var oldDue, newDue, oldQueues, newQueues map[string]event.Time
	var id string
	if before != nil {
		id, oldIndexes, oldDue, oldQueues = before.AlertID, before.indexes(), before.dues(), before.queues()
	}
	if after != nil {
		id, newIndexes, newDue, newQueues = after.AlertID, after.indexes(), after.dues(), after.queues()
	}
	for _, name := range oldIndexes {
		if !slices.Contains(newIndexes, name) {
			tx.do("ZREM", keyIndex(name), before.member())
		}
	}
	for _, name := range newIndexes {
		if !slices.Contains(oldIndexes, name) {
			tx.do("ZADD", keyIndex(name), 0, after.member())
		}
	}
	for _, d := range diff(oldDue, newDue) {
		tx.schedule(keyDue, d.name, d.at)
	}
	for _, q := range diff(oldQueues, newQueues) {
		tx.schedule(keyQueue(q.name), id, q.at)
		if q.at != 0 {
			tx.do("SADD", keyTargets, q.name)
		}
	}
}

func (tx *Txn) schedule(set, member string, at event.Time) {
	if at == 0 {
		tx.do("ZREM", set, member)
		return
	}
	tx.do("ZADD", set, int64(at), member)
}

type moved struct {
	name string
	at   event.Time // 0: gone
}

// diff lists what differs, in a fixed order.
func diff(before, after map[string]event.Time) []moved {
	var out []moved
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			out = append(out, moved{name: name})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if at, ok := before[name]; !ok || at != after[name] {
			out = append(out, moved{name, after[name]})
		}
	}
	return out
}

func (tx *Txn) log(a *Alert) {
	b, err := json.Marshal(a)
	if err != nil {
		tx.err = fmt.Errorf("encode alert %s: %w", a.AlertID, err)
		return
	}
	tx.do("XADD", keyLog, "MAXLEN", "~", tx.w.logLength, "*", "a", string(b))
	tx.do("HINCRBY", keyPos, "logged", 1)
}

// SetAside keeps actions until their alert comes or the time is over.
func (tx *Txn) SetAside(alertID string, actions []event.Alert, until event.Time) {
	b, err := json.Marshal(actions)
	if err != nil {
		tx.err = fmt.Errorf("encode actions of alert %s: %w", alertID, err)
		return
	}
	tx.do("HSET", keyAside, alertID, string(b))
	tx.do("ZADD", keyDue, int64(until), dueAside+":"+alertID)
}

// TakeAside ends the waiting of an alert's actions; dropped of them never found
// their alert and are counted.
func (tx *Txn) TakeAside(alertID string, dropped int) {
	tx.do("HDEL", keyAside, alertID)
	tx.do("ZREM", keyDue, dueAside+":"+alertID)
	if dropped > 0 {
		tx.Dropped(dropped)
	}
}

// Dropped counts actions whose alert is not known.
func (tx *Txn) Dropped(n int) { tx.do("HINCRBY", keyPos, "dropped", n) }

// Outgoing is a record to be published after the commit that made it.
type Outgoing struct {
	Topic     string          `json:"t"`
	Partition int             `json:"p"`
	Key       string          `json:"k"`
	Value     json.RawMessage `json:"v"`
}

// Publish puts a record behind the others in the outbox.
func (tx *Txn) Publish(o Outgoing) {
	b, err := json.Marshal(o)
	if err != nil {
		tx.err = fmt.Errorf("encode outgoing record of %s: %w", o.Key, err)
		return
	}
	tx.do("RPUSH", keyOut, string(b))
}

// Published takes the oldest n records out of the outbox.
func (tx *Txn) Published(n int) { tx.do("LTRIM", keyOut, n, -1) }

// RequestsDone takes the oldest n requests out.
func (tx *Txn) RequestsDone(n int) {
	tx.do("LTRIM", keyRequests, n, -1)
}

// TargetGone forgets a target whose queue is empty.
func (tx *Txn) TargetGone(target string) { tx.do("SREM", keyTargets, target) }
