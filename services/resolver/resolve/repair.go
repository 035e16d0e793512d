package resolve

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// lookEvery and idleEvery bound how far back a repair has to read.
const (
	lookEvery = 10 * time.Second
	idleEvery = time.Minute
)

// look notes where `events` ended at the look before: whatever is published from
// now on lies behind, and so does what was published while a node's fail-over was
// not noticed yet.
func (o *owner) look(ctx context.Context) error {
	ends, err := o.r.Stream.Ends(ctx, schemas.TopicEvents)
	if err != nil {
		return err
	}
	if o.pos.Ends == nil {
		o.pos.Ends = ends
	} else if o.ends != nil {
		o.pos.Ends = o.ends
	}
	o.ends, o.looked = ends, time.Now()
	return nil
}

// tick is for while nothing comes.
func (o *owner) tick(ctx context.Context) error {
	if err := o.mem.Tick(ctx, o.pos); err != nil {
		return err
	}
	o.ticked = time.Now()
	if time.Since(o.looked) < idleEvery || o.unsaid {
		return nil
	}
	before := o.pos.Ends
	if err := o.look(ctx); err != nil {
		return err
	}
	if slices.Equal(before, o.pos.Ends) {
		return nil
	}
	return o.store(ctx, plan{}, o.pos.Offset)
}

// found is what had been published by plans that Redis has lost.
type found struct {
	next     int64            // raw offset behind the last that was routed
	profiles map[int64]string // by raw offset: whose its event is
	records  map[place]bool   // events and marks that are there
	links    map[event.Identity]string
	parted   map[event.Identity]parted
	people   rawplan.People
	seen     []rawplan.Seen
	limits   Limits
}

func newFound(l Limits) *found {
	return &found{profiles: map[int64]string{}, records: map[place]bool{}, links: map[event.Identity]string{}, parted: map[event.Identity]parted{}, people: rawplan.People{}, limits: l}
}

// place names a record of this raw partition in a shard.
type place struct {
	shard  int
	number int64
}

func (f *found) profile(offset int64) (string, bool) {
	if f == nil {
		return "", false
	}
	p, ok := f.profiles[offset]
	return p, ok
}

// has says that a record need not be published. A link that was decided anew may
// differ from the one that is there; asking twice is harmless, as is telling twice
// what is shared.
func (f *found) has(r *event.Record, shard int) bool {
	return r.Kind != event.KindLink && r.Kind != event.KindShared && f.records[place{shard, r.Number}]
}

// repair makes good that Redis came back with an older state, or may have: the
// stored plan is then not the last. What later plans decided stands in `events`
// and is taken over from there, identities of all raw partitions, since others'
// may have been lost as well. The records that are missing are published, marked
// as repair: their numbers may lie below a shard's mark, so the event id decides.
// A crash in between repeats it, and finds more.
//
// Not covered: a produce request of a former owner that the broker takes up only
// after this reading; its records come twice.
func (o *owner) repair(ctx context.Context) error {
	f := o.found
	if err := o.partAgain(ctx); err != nil {
		return err
	}
	links := make([]rawplan.Link, 0, len(f.links))
	for id, p := range f.links {
		links = append(links, rawplan.Link{Identity: id, Profile: p})
	}
	if f.next > o.pos.Offset {
		o.log.Warn("Redis came back with an older state: routes are taken over from the log",
			zap.Int64("plan_until", o.pos.Offset), zap.Int64("routed_until", f.next), zap.Int("identities", len(links)))
	}
	// An identity that has another profile in the older state: the two are one.
	for some := range slices.Chunk(links, 10*batchSize) {
		if err := o.carryOut(ctx, plan{Links: some}, nil); err != nil {
			return err
		}
	}
	// Phones and devices are known to be shared as early as can be: a link that was
	// decided before and had not been published is then not asked any more.
	for some := range slices.Chunk(f.seen, 10*batchSize) {
		if err := o.carryOut(ctx, plan{Seen: some}, nil); err != nil {
			return err
		}
	}
	for o.pos.Offset < f.next {
		b, err := o.r.Stream.Fetch(ctx, schemas.TopicRaw, o.number, o.pos.Offset, time.Second)
		if err != nil {
			return err
		}
		if len(b.Records) == 0 {
			return fmt.Errorf("raw partition %d ends at %d, `events` has records up to %d: %w", o.number, b.End, f.next, stream.ErrOffsetGone)
		}
		n := 0
		for n < len(b.Records) && n < batchSize && b.Records[n].Offset < f.next {
			n++
		}
		if err := o.again(ctx, b.Records[:n]); err != nil {
			return err
		}
	}
	o.found = nil
	return nil
}

// repeat publishes the stored plan again: its records may or may not have been.
func (o *owner) repeat(ctx context.Context) error {
	p, err := decodePlan(o.pos.Plan)
	if err != nil {
		return err
	}
	var records []stream.Record
	from := stream.Position{Topic: schemas.TopicRaw, Partition: o.number, Offset: o.pos.From}
	if err := o.r.Stream.Read(ctx, from, o.pos.Offset, func(rec stream.Record) error {
		records = append(records, rec)
		return nil
	}); err != nil {
		return err
	}
	all, err := o.openAll(ctx, records)
	if err != nil {
		return err
	}
	return o.carryOut(ctx, p, all)
}

// again carries out anew what lost plans decided about records, and then notes
// that it is done: not before, since what is missing is found by reading `events`.
func (o *owner) again(ctx context.Context, records []stream.Record) error {
	all, err := o.openAll(ctx, records)
	if err != nil {
		return err
	}
	p, err := o.plan(ctx, all)
	if err != nil {
		return err
	}
	if err := o.carryOut(ctx, p, all); err != nil {
		return err
	}
	next := records[len(records)-1].Offset + 1
	o.pos.Offset, o.pos.Done = next, next
	return o.store(ctx, plan{}, next)
}

// find reads `events` from where it ended before the stored plan.
func (o *owner) find(ctx context.Context) (*found, error) {
	ranges, err := o.r.Stream.Ranges(ctx, schemas.TopicEvents, o.r.Shards)
	if err != nil {
		return nil, err
	}
	f := newFound(o.r.Limits)
	newest := map[event.Identity]time.Time{}
	for s, r := range ranges {
		from := stream.Position{Topic: schemas.TopicEvents, Partition: s, Offset: r.First}
		if s < len(o.pos.Ends) {
			from.Offset = max(r.First, o.pos.Ends[s])
		}
		if err := o.r.Stream.Read(ctx, from, r.End, func(rec stream.Record) error {
			f.take(rec, s, o.source(), newest)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// take takes a record over; source is the raw partition whose plans are looked for.
func (f *found) take(rec stream.Record, shard int, source string, newest map[event.Identity]time.Time) {
	r, err := event.DecodeRecord(rec.Value)
	if err != nil {
		return // the tagger rejects it
	}
	if r.Kind == event.KindEvent {
		for _, id := range r.Own { // a merged customer's are re-pointed: the newest stands
			if seen, ok := newest[id]; !ok || rec.Time.After(seen) {
				newest[id], f.links[id] = rec.Time, r.Profile
			}
		}
		f.split(r, rec.Time)
		if r.Event != nil && len(r.Own) > 0 { // an event that names a profile by its id owns none
			f.seen = append(f.seen, f.limits.meet(f.people, r.Event.Identities)...)
		}
	}
	if r.Source != source {
		return
	}
	offset := r.Number / perOffset
	if r.Kind == event.KindEvent && r.Number%perOffset == numberEvent {
		f.profiles[offset] = r.Profile
	}
	f.records[place{shard, r.Number}] = true
	f.next = max(f.next, offset+1)
}
