package archive

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// limits of one set. They bound memory and keep an insert within what
// ClickHouse takes at once; a set once frozen is never measured again.
type limits struct {
	records int // of all partitions
	bytes   int // of their values
	months  int // partitions of one table
}

// sparePartitions keeps sets away from ClickHouse's limit itself.
const sparePartitions = 10

func defaultLimits() limits {
	return limits{records: 25_000, bytes: 24 << 20, months: warehouse.MaxPartitions - sparePartitions}
}

// batch is a set with its rows.
type batch struct {
	set    set
	rows   map[string][][]any
	digest digest
	oldest event.Time // append time of the oldest record

	records, bytes, poisoned int
	months                   map[string]map[int]struct{}
	text                     int // length of the set's text so far
	ranges                   []rangeNote
}

// rangeNote is what `batches` says about one span.
type rangeNote struct {
	records, poison int
	order           event.Order
}

func newBatch(topic string) *batch {
	return &batch{
		set: set{topic: topic}, rows: map[string][][]any{}, digest: newDigest(), months: map[string]map[int]struct{}{},
		text: len(set{topic: topic}.text()),
	}
}

// open begins the span of a partition; false when the set's text is full.
func (b *batch) open(partition int, lo int64) bool {
	const longest = 32 // of one span's text
	if b.text+longest > maxText {
		return false
	}
	b.set.spans = append(b.set.spans, span{partition, lo, lo})
	b.ranges = append(b.ranges, rangeNote{})
	return true
}

// close ends the span in front of hi; an empty one is forgotten.
func (b *batch) close(hi int64) {
	n := len(b.set.spans) - 1
	b.set.spans[n].hi = hi
	if b.set.spans[n].lo == hi {
		b.set.spans, b.ranges = b.set.spans[:n], b.ranges[:n]
		return
	}
	b.text += len(b.set.spans[n].text()) + 1
}

// add puts a record's rows in; false when that would pass the limits, and then
// nothing has changed. No limits, no refusal.
func (b *batch) add(e encoder, partition int, r stream.Record, lim *limits) bool {
	if lim != nil && b.records > 0 && (b.records >= lim.records || b.bytes+len(r.Value) > lim.bytes) {
		return false
	}
	rows, order, err := e.encode(b.set.topic, partition, r)
	if err != nil {
		rows, order = []row{e.poison(b.set.topic, partition, r, err)}, event.Order{}
	}
	if lim != nil && b.records > 0 && !b.fits(rows, lim.months) {
		return false
	}
	for _, x := range rows {
		b.rows[x.table] = append(b.rows[x.table], x.values)
		if b.months[x.table] == nil {
			b.months[x.table] = map[int]struct{}{}
		}
		b.months[x.table][x.month] = struct{}{}
	}
	b.count(r, order, err != nil)
	b.digest.add(partition, r)
	return true
}

func (b *batch) fits(rows []row, most int) bool {
	for _, x := range rows {
		if _, seen := b.months[x.table][x.month]; !seen && len(b.months[x.table]) >= most {
			return false
		}
	}
	return true
}

func (b *batch) count(r stream.Record, order event.Order, poisoned bool) {
	b.records++
	b.bytes += len(r.Value)
	note := &b.ranges[len(b.ranges)-1]
	note.records++
	if poisoned {
		b.poisoned++
		note.poison++
	}
	if order.Commit != 0 {
		note.order = order
	}
	if at := event.At(r.Time); b.oldest == 0 || at < b.oldest {
		b.oldest = at
	}
}

// inserts are the inserts of the batch in their order, each with its token.
func (b *batch) inserts() []warehouse.Insert {
	b.rows[tableBatches] = nil
	for n, s := range b.set.spans {
		note := b.ranges[n]
		b.rows[tableBatches] = append(b.rows[tableBatches], []any{
			b.set.topic, uint16(s.partition), s.lo, s.hi, uint32(note.records), uint32(note.poison),
			uint16(note.order.Shard), uint32(note.order.Generation), note.order.Commit, b.digest.token(b.set, tableBatches),
		})
	}
	var out []warehouse.Insert
	for _, t := range tables() {
		if rows := b.rows[t.name]; len(rows) > 0 {
			out = append(out, warehouse.Insert{Table: t.name, Columns: t.columns, Rows: rows, Token: b.digest.token(b.set, t.name)})
		}
	}
	return out
}
