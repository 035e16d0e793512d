package tagging

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// maxState is the largest profile that is kept; a record that would make a
// larger one is refused.
const maxState = 1 << 20

// batch is one commit being made.
type batch struct {
	next    shard.Pos
	touched []string // in order of first touch
	in      map[string]bool
	entries []outEntry
	changes []event.Change
	alerts  []event.Alert
	last    map[string]int64 // profile → offset that touched it last
	repoint []repoint
	text    []byte // room for what goes to the outbox
}

type repoint struct {
	ids      []event.Identity
	from, to string
}

// errPoison ends a batch whose record cannot be applied: it is thrown away and
// made again without the record.
type errPoison struct {
	offset int64
	reason schemas.Reason
	cause  string
}

func (e errPoison) Error() string {
	return fmt.Sprintf("record at %d: %s: %s", e.offset, e.reason, e.cause)
}

// records applies one fetched batch, in commits of a bounded size.
func (o *owner) records(ctx context.Context, b stream.Batch) error {
	o.end = max(o.end, b.End)
	recs := b.Records
	for len(recs) > 0 {
		o.t.pace.records()
		if recs[0].Offset < o.pos.Offset { // read ahead before a restart of the batch
			recs = recs[1:]
			continue
		}
		n, decoded := o.cut(recs)
		err := o.apply(ctx, recs[:n], decoded)
		if p, ok := errors.AsType[errPoison](err); ok {
			o.log.Error("record cannot be applied; it goes to rejected", zap.Int64("offset", p.offset), zap.String("reason", string(p.reason)), zap.String("cause", p.cause))
			o.poison[p.offset] = string(p.reason) + "\x00" + p.cause
			o.cache.clear()
			continue
		}
		if err != nil {
			return err
		}
		if recs[n-1].Offset+1 < b.End {
			o.late = time.Since(recs[n-1].Time).Seconds()
		}
		recs = recs[n:]
	}
	return nil
}

// maxRecords of one commit: a customer who sends thousands of events a second
// keeps the others of the shard waiting no longer than one commit takes.
const maxRecords = 1000

// Of a shard that is behind nobody waits for a single commit: larger ones write a
// profile once for many of its events. A script of two thousand profiles blocks Redis
// for some twenty milliseconds.
const (
	behind         = time.Second
	behindProfiles = 2000
	behindRecords  = 16000
)

// limits are those of a commit that begins with a record.
func limits(first stream.Record, now time.Time) (profiles, records int) {
	if now.Sub(first.Time) > behind {
		return behindProfiles, behindRecords
	}
	return maxProfiles, maxRecords
}

// cut takes as many records as one commit may have. A control record stands alone:
// what follows is judged after it.
func (o *owner) cut(recs []stream.Record) (int, []*event.Record) {
	seen := map[string]bool{}
	profiles, records := limits(recs[0], time.Now())
	var out []*event.Record
	for i, rec := range recs {
		r, err := event.DecodeRecord(rec.Value)
		if err != nil {
			o.poison[rec.Offset] = string(schemas.ReasonMalformed) + "\x00" + err.Error()
			r = &event.Record{}
		}
		if r.Kind == event.KindControl && i > 0 {
			return i, out
		}
		seen[r.Profile] = true
		out = append(out, r)
		if len(seen) >= profiles || len(out) >= records || r.Kind == event.KindControl {
			return i + 1, out
		}
	}
	return len(recs), out
}

func (o *owner) apply(ctx context.Context, recs []stream.Record, decoded []*event.Record) error {
	ids := make([]string, 0, len(recs))
	for _, r := range decoded {
		ids = append(ids, r.Profile)
		for _, l := range r.Links {
			ids = append(ids, l.Younger)
		}
		for _, s := range r.Shared {
			ids = append(ids, s.Profile)
		}
	}
	if err := o.load(ctx, ids); err != nil {
		return err
	}
	bt := &batch{next: o.pos, last: map[string]int64{}}
	bt.next.Marks = cloneMarks(o.pos.Marks)
	for i, rec := range recs {
		if ctx.Err() != nil { // another owner waits
			return ctx.Err()
		}
		if why, bad := o.poison[rec.Offset]; bad {
			if err := o.reject(bt, rec, why); err != nil {
				return err
			}
		} else if err := o.one(ctx, bt, rec, decoded[i]); err != nil {
			return err
		}
		bt.next.Offset = rec.Offset + 1
	}
	if err := o.commit(ctx, bt); err != nil {
		return err
	}
	o.t.metrics.records.Add(float64(len(recs)))
	for _, rec := range recs {
		delete(o.poison, rec.Offset)
	}
	for _, r := range bt.repoint {
		if err := o.t.identities.Repoint(ctx, r.ids, r.from, r.to); err != nil {
			return err
		}
	}
	return nil
}

func cloneMarks(m map[string]int64) map[string]int64 {
	out := make(map[string]int64, len(m)+1)
	maps.Copy(out, m)
	return out
}

// load brings profiles into the cache that are not in it.
func (o *owner) load(ctx context.Context, ids []string) error {
	var missing []string
	for _, id := range ids {
		if _, ok := o.cache.get(id); !ok && id != "" {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	stored, err := o.shard.Load(ctx, missing)
	if err != nil {
		return err
	}
	for _, id := range missing {
		h, err := o.hold(id, stored[id])
		if err != nil {
			return err
		}
		o.cache.put(h)
	}
	return nil
}

// hold makes a profile of what is stored of it, nil for a new one.
func (o *owner) hold(id string, stored []byte) (*held, error) {
	if stored == nil {
		h := &held{p: profile.New(id), tags: true, traits: true}
		h.p.Rules = o.set.Version
		return h, nil
	}
	p, err := profile.Decode(stored)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", id, err)
	}
	counts, err := o.countKeys(p)
	return &held{p: p, counts: counts}, err
}

// one applies a record unless its source's high mark says that it has been. A
// panic makes it poison.
func (o *owner) one(ctx context.Context, bt *batch, rec stream.Record, r *event.Record) (err error) {
	if !r.Repair {
		if bt.next.Marks[r.Source] >= r.Number && r.Source != "" {
			if _, seen := bt.next.Marks[r.Source]; seen {
				o.t.metrics.repeated.Inc()
				return nil
			}
		}
		bt.next.Marks[r.Source] = r.Number
	}
	defer caught(rec.Offset, &err)
	bt.last[r.Profile] = rec.Offset
	switch r.Kind {
	case event.KindEvent:
		return o.event(bt, r)
	case event.KindControl:
		return o.control(ctx, bt, r)
	case event.KindLink, event.KindOffer, event.KindVerdict, event.KindHandover, event.KindShared:
		return o.merge(bt, r)
	}
	return errPoison{rec.Offset, schemas.ReasonMalformed, fmt.Sprintf("unknown kind %q", r.Kind)}
}

// caught makes a panic the record's poison.
func caught(offset int64, err *error) {
	if v := recover(); v != nil {
		*err = errPoison{offset, schemas.ReasonPoison, fmt.Sprint(v)}
	}
}

// profile is a cached profile, brought to the rules in force and to the place of
// the record: its due timers fire first.
func (o *owner) profile(bt *batch, id string, place event.Time) *held {
	h, _ := o.cache.get(id)
	o.renew(bt, h)
	if !h.settled || h.due != 0 && h.due <= place {
		o.took(bt, h, apply.Advance(o.set, h.p, place, 0, o.t.Fresh))
	}
	return h
}

// renew judges a profile by the rules in force if others have judged it last. Its
// counts move to their dimensions with the same commit.
func (o *owner) renew(bt *batch, h *held) {
	if h.p.Rules != o.set.Version {
		o.took(bt, h, apply.Activate(o.set, h.p))
	}
}

// took notes what a step did.
func (o *owner) took(bt *batch, h *held, r apply.Result) {
	if !r.Changed {
		return
	}
	h.settled = false
	h.tags = h.tags || len(r.Changes) > 0
	h.traits = h.traits || r.Traits
	bt.touch(h.p.ID)
	bt.changes = append(bt.changes, r.Changes...)
	bt.alerts = append(bt.alerts, r.Alerts...)
}

func (bt *batch) touch(id string) {
	if bt.in == nil {
		bt.in = make(map[string]bool, maxProfiles)
	}
	if !bt.in[id] {
		bt.in[id] = true
		bt.touched = append(bt.touched, id)
	}
}

func (o *owner) reject(bt *batch, rec stream.Record, why string) error {
	reason, cause, _ := cutText(why)
	raw := fmt.Sprintf("%s/%d/%d", schemas.TopicEvents, o.number, rec.Offset)
	b, err := event.EncodeJSON(event.Rejected{At: o.now(), Stage: "tagger", Reason: reason, Detail: cause, Raw: raw})
	if err != nil {
		return err
	}
	if r, err := event.DecodeRecord(rec.Value); err == nil {
		if bt.next.Marks[r.Source] < r.Number {
			bt.next.Marks[r.Source] = r.Number
		}
	}
	bt.put(schemas.TopicRejected, o.number%o.t.RawPartitions, raw, b)
	return nil
}

// write is what of a profile has changed since the last commit.
func (h *held) write(state []byte) (shard.Write, error) {
	w := shard.Write{ID: h.p.ID, State: state}
	if h.tags {
		w.Tags = appendTags(nil, h.p)
	}
	if h.traits {
		var err error
		if w.Traits, err = appendTraits(nil, h.p); err != nil {
			return w, err
		}
	}
	h.tags, h.traits = false, false
	return w, nil
}
