package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/tagwire/tagwire/libs/stream"
)

// span is a part of a partition: [lo, hi).
type span struct {
	partition int
	lo, hi    int64
}

// set is what one insert covers: spans of one topic, in the order in which
// their rows are inserted.
type set struct {
	topic string
	spans []span
}

const (
	// setForm is the first mark of a set's text; a form that is not known is
	// never guessed at.
	setForm = "1"
	// maxText keeps a set within Kafka's offset.metadata.max.bytes, 4,096 by default.
	maxText = 4000
	base    = 36
)

// errSet is the cause of every refusal of a set's text.
var errSet = errors.New("not a frozen set")

// text is the set as commit metadata, such as 1|events.1|0:0+5,3:1a+2.
func (s set) text() string {
	var b strings.Builder
	b.WriteString(setForm + "|" + s.topic + "|")
	for n, r := range s.spans {
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteString(r.text())
	}
	return b.String()
}

func (r span) text() string {
	return strconv.Itoa(r.partition) + ":" + strconv.FormatInt(r.lo, base) + "+" + strconv.FormatInt(r.hi-r.lo, base)
}

// parseSet reads a set's text.
func parseSet(text string) (set, error) {
	form, rest, _ := strings.Cut(text, "|")
	topic, list, ok := strings.Cut(rest, "|")
	if form != setForm || !ok || topic == "" || list == "" {
		return set{}, fmt.Errorf("%q: %w", text, errSet)
	}
	s := set{topic: topic}
	for part := range strings.SplitSeq(list, ",") {
		r, err := parseSpan(part)
		if err != nil {
			return set{}, fmt.Errorf("%q: %w", text, err)
		}
		s.spans = append(s.spans, r)
	}
	return s, nil
}

func parseSpan(text string) (span, error) {
	p, offsets, ok1 := strings.Cut(text, ":")
	lo, length, ok2 := strings.Cut(offsets, "+")
	partition, err1 := strconv.Atoi(p)
	from, err2 := strconv.ParseInt(lo, base, 64)
	n, err3 := strconv.ParseInt(length, base, 64)
	if !ok1 || !ok2 || errors.Join(err1, err2, err3) != nil || partition < 0 || from < 0 || n <= 0 || from+n < 0 {
		return span{}, errSet
	}
	return span{partition, from, from + n}, nil
}

// find is the span of a partition.
func (s set) find(partition int) (span, bool) {
	n := slices.IndexFunc(s.spans, func(r span) bool { return r.partition == partition })
	if n < 0 {
		return span{}, false
	}
	return s.spans[n], true
}

// digest runs over the records of a set in their order. It is part of the
// token, so that a log which was made anew and numbers from zero again is not
// taken for the old one.
type digest struct{ h *xxhash.Digest }

func newDigest() digest { return digest{xxhash.New()} }

func (d digest) add(partition int, r stream.Record) {
	var b [20]byte
	binary.BigEndian.PutUint32(b[:], uint32(partition))
	binary.BigEndian.PutUint64(b[4:], uint64(r.Offset))
	binary.BigEndian.PutUint64(b[12:], uint64(len(r.Value)))
	_, _ = d.h.Write(b[:]) // never fails
	_, _ = d.h.Write(r.Value)
}

// token names the rows of a set for one table. Another encoder makes other
// rows, so its version is part of it.
func (d digest) token(s set, table string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s\n%x", s.text(), encoderVersion, table, d.h.Sum64()))
	return table + "-" + hex.EncodeToString(sum[:16])
}
