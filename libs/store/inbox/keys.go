package inbox

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
)

// key is a key of partition p; all of a partition share one hash tag.
func key(p int, name string) string { return "tw:inbox:{" + strconv.Itoa(p) + "}:" + name }

// The keys of a partition, by what they hold.
const (
	keyPos      = "pos"      // hash: epoch, commit, topic, offset, logged, dropped
	keyLog      = "log"      // stream of whole alerts, newest ~10,000
	keyOut      = "out"      // list: records to publish
	keyDue      = "due"      // zset: what time will do, by ms
	keyAside    = "aside"    // hash alert id → actions that came before their alert
	keyTargets  = "targets"  // set of targets that have had a queue
	keyRequests = "requests" // list of deliveries to send again
)

func keyAlert(id string) string     { return "a:" + id }
func keyQueue(target string) string { return "q:" + target } // zset alert id by ms of its next try
func keyIndex(name string) string   { return "i:" + name }

// Names of the indexes. An index is a zset whose members all have score 0 and
// sort by raised_at and id, so that a page begins exactly behind a cursor, also
// among alerts of one millisecond.
func indexName(state State, staff *string) string {
	s := "*"
	if state != "" {
		s = string(state)
	}
	if staff == nil {
		return s + ":*"
	}
	return s + ":=" + *staff
}

func (e *Entry) indexes() []string {
	names := []string{indexName("", nil), indexName(e.State, nil)}
	for _, who := range e.Concerns() {
		names = append(names, indexName("", &who), indexName(e.State, &who))
	}
	return names
}

func (e *Entry) member() string { return fmt.Sprintf("%013d:%s", int64(e.RaisedAt), e.AlertID) }

func memberID(member string) string {
	_, id, _ := strings.Cut(member, ":")
	return id
}

// What time will do, as members of the due set.
const (
	dueTime  = "time"  // the snooze ends, the alert is escalated or expires
	dueLeave = "leave" // the closed alert leaves
	dueAside = "aside" // an action's alert never came
)

func (e *Entry) dues() map[string]event.Time {
	switch {
	case e.State.Closed():
		return map[string]event.Time{dueLeave + ":" + e.AlertID: e.LeavesAt}
	case e.State == Snoozed:
		return map[string]event.Time{dueTime + ":" + e.AlertID: min(e.SnoozedUntil, e.ExpiresAt)}
	}
	if e.waits() {
		return map[string]event.Time{dueTime + ":" + e.AlertID: min(e.EscalateAt, e.ExpiresAt)}
	}
	return map[string]event.Time{dueTime + ":" + e.AlertID: e.ExpiresAt}
}

func (e *Entry) queues() map[string]event.Time {
	q := map[string]event.Time{}
	for _, d := range e.Deliveries {
		if d.State.Waits() {
			q[d.Target] = d.NextAt
		}
	}
	return q
}

// streamID is the id of an entry of a Redis stream.
type streamID struct{ ms, seq uint64 }

func (a streamID) less(b streamID) bool { return a.ms < b.ms || a.ms == b.ms && a.seq < b.seq }

func (a streamID) String() string {
	return strconv.FormatUint(a.ms, 10) + "-" + strconv.FormatUint(a.seq, 10)
}

func parseStreamID(s string) (streamID, error) {
	ms, seq, ok := strings.Cut(s, "-")
	m, err1 := strconv.ParseUint(ms, 10, 64)
	n, err2 := strconv.ParseUint(seq, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return streamID{}, fmt.Errorf("stream id %q: %w", s, ErrID)
	}
	return streamID{m, n}, nil
}

// ErrID is the cause of every refusal of a resume id or cursor.
var ErrID = errors.New("not an id that this inbox gave out")

// vector is a place in the logs of all partitions.
type vector []streamID

const vectorForm = 1

// String is the printable form, fit for an SSE id.
func (v vector) String() string {
	b := make([]byte, 0, 2+8*len(v))
	b = append(b, vectorForm)
	b = binary.AppendUvarint(b, uint64(len(v)))
	for _, id := range v {
		b = binary.AppendUvarint(b, id.ms)
		b = binary.AppendUvarint(b, id.seq)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseVector(s string, n int) (vector, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || b[0] != vectorForm {
		return nil, fmt.Errorf("resume id: %w", ErrID)
	}
	b = b[1:]
	next := func() uint64 {
		x, size := binary.Uvarint(b)
		if size <= 0 {
			err = ErrID
			return 0
		}
		b = b[size:]
		return x
	}
	if count := next(); err != nil || count != uint64(n) {
		return nil, fmt.Errorf("resume id of another number of partitions: %w", ErrID)
	}
	v := make(vector, n)
	for p := range v {
		v[p] = streamID{ms: next(), seq: next()}
	}
	if err != nil || len(b) != 0 {
		return nil, fmt.Errorf("resume id: %w", ErrID)
	}
	return v, nil
}
