package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// HeaderKind names what a raw record is; without it, an event.
const (
	HeaderKind = "kind"
	KindImport = "import"
)

func kindOf(rec stream.Record) string {
	for _, h := range rec.Headers {
		if h.Key == HeaderKind {
			return string(h.Value)
		}
	}
	return ""
}

// open reads a raw record's event; a bad one gives a reason.
func (o *owner) open(ctx context.Context, rec stream.Record) (*event.Event, entry, error) {
	bad := func(reason schemas.Reason, err error) entry {
		return entry{Offset: rec.Offset, Reason: string(reason), Detail: err.Error()}
	}
	plain, err := o.r.Keys.OpenDay(ctx, rec.Value)
	if errors.Is(err, seal.ErrOpen) || errors.Is(err, seal.ErrErased) {
		return nil, bad(schemas.ReasonBadCrypt, err), nil
	}
	if err != nil {
		return nil, entry{}, fmt.Errorf("open raw record %d/%d: %w", o.number, rec.Offset, err)
	}
	e, err := event.Decode(plain)
	if err != nil {
		return nil, bad(schemas.ReasonMalformed, err), nil
	}
	if e.EventID == "" || e.Type == "" || e.Time == 0 || e.ReceivedAt == 0 {
		return nil, bad(schemas.ReasonMissingField, errors.New("event_id, type, time and received_at must be there")), nil
	}
	return e, entry{}, nil
}

// opened is a raw record with what it holds. Opening costs most of a record's
// way through here, so it is done once; publishing changes the event and is its
// last reader.
type opened struct {
	stream.Record
	e   *event.Event // nil: an import mark, or bad
	ids []event.Identity
	bad entry // with a reason: why it cannot be read
}

// openAll opens the records of a batch.
func (o *owner) openAll(ctx context.Context, records []stream.Record) ([]opened, error) {
	all := make([]opened, len(records))
	for i, rec := range records {
		all[i].Record = rec
		if kindOf(rec) == KindImport {
			continue
		}
		e, bad, err := o.open(ctx, rec)
		if err != nil {
			return nil, err
		}
		all[i].bad = bad
		if e != nil {
			all[i].e, all[i].ids = e, Normalize(e.Identities, o.r.Keys.Master())
		}
	}
	return all, nil
}

// plan decides about a batch. It reads; nothing is written yet.
func (o *owner) plan(ctx context.Context, all []opened) (plan, error) {
	ids, limited := wanted(all)
	for _, a := range all {
		if unmerges(a.e) {
			ids = append(ids, a.e.NamedIdentities()...)
		}
	}
	known, people, err := o.r.identities.Read(ctx, ids, limited)
	if err != nil {
		return plan{}, err
	}
	rt := &router{partition: o.number, known: known, people: people, limits: o.r.Limits, memory: o.memory}
	internal := o.internal()
	var p plan
	for _, a := range all {
		var en entry
		switch {
		case a.bad.Reason != "":
			en = a.bad
		case a.e == nil: // an import mark
			en = entry{Offset: a.Offset}
		case len(a.ids) == 0:
			en = entry{Offset: a.Offset, Reason: string(schemas.ReasonNoIdentity), Detail: "no identity is left after normalising"}
		default:
			if profile, ok := o.found.profile(a.Offset); ok {
				en = rt.follow(profile, a.e, a.Offset, a.ids)
			} else {
				en = rt.route(a.e, a.Offset, a.ids)
			}
			if unmerges(a.e) {
				rt.unmerge(&en, a.e, a.Offset)
			}
			en.Matches = o.dicts.match(a.e.Text, a.e.From)
			for _, id := range a.e.Identities {
				en.Internal = en.Internal || internal[id.String()]
			}
		}
		p.Entries = append(p.Entries, en)
	}
	p.Links, p.Seen = rt.links, rt.seen
	return p, nil
}

func (o *owner) internal() map[string]bool {
	out := map[string]bool{}
	for _, id := range o.r.Internal {
		out[id] = true
	}
	if d, ok := o.r.Defs.Get(defs.KindList, defs.InternalID); ok {
		if l, err := defs.Body[defs.List](d); err == nil {
			for _, id := range l.Identities {
				out[id] = true
			}
		}
	}
	return out
}

// broughtUp is what writing a plan's links brought up.
type broughtUp struct {
	links  []event.Link
	shared []event.Shared
}

// publish sends the records of a plan: each partition's in the order of raw,
// the same again until acknowledged.
func (o *owner) publish(ctx context.Context, p plan, records []opened, up broughtUp) error {
	out := &outgoing{o: o, events: map[int][]stream.Message{}}
	if err := o.warm(ctx, p, records); err != nil {
		return err
	}
	entries := make(map[int64]entry, len(p.Entries))
	for _, en := range p.Entries {
		entries[en.Offset] = en
	}
	for _, rec := range records {
		en, ok := entries[rec.Offset]
		if !ok {
			continue
		}
		if err := out.add(ctx, rec, en); err != nil {
			return err
		}
	}
	last, at := o.pos.Offset-1, time.Now()
	if len(records) > 0 {
		last, at = records[len(records)-1].Offset, records[len(records)-1].Time
	}
	if err := out.links(up.links, last*perOffset+numberClaimed, event.At(at)); err != nil {
		return err
	}
	if err := out.shared(up.shared, last*perOffset+numberShared, event.At(at)); err != nil {
		return err
	}
	if err := o.r.Stream.PublishAll(ctx, schemas.TopicEvents, out.events); err != nil {
		return err
	}
	if len(out.rejected) > 0 {
		if _, err := o.r.Stream.Publish(ctx, schemas.TopicRejected, o.number, out.rejected); err != nil {
			return err
		}
		for _, reason := range out.reasons {
			o.r.metrics.rejected.WithLabelValues(reason).Inc()
		}
	}
	return nil
}

// outgoing collects what a plan publishes.
type outgoing struct {
	o        *owner
	events   map[int][]stream.Message
	rejected []stream.Message
	reasons  []string // of rejected
}

func (out *outgoing) add(ctx context.Context, rec opened, en entry) error {
	o := out.o
	raw := fmt.Sprintf("%s/%d/%d", schemas.TopicRaw, o.number, rec.Offset)
	number := rec.Offset*perOffset + numberEvent
	if kindOf(rec.Record) == KindImport {
		return out.mark(rec.Record, number, raw)
	}
	if en.Reason != "" {
		return out.reject(rec.Record, en, raw)
	}
	e := rec.e
	if e == nil {
		return out.reject(rec.Record, rec.bad, raw)
	}
	e.Matched = en.Matches
	if err := o.sealPersonal(ctx, e, en.Profile); err != nil {
		return err
	}
	e.Identities = withoutDirect(rec.ids)
	place := e.ReceivedAt
	if e.Backfill {
		place = e.Time
	}
	r := &event.Record{
		Kind: event.KindEvent, Source: o.source(), Number: number, Place: place, Profile: en.Profile, Own: en.Own, Event: e,
		Raw: raw, Internal: en.Internal,
	}
	if unmerges(e) {
		decided(e, en)
	}
	if err := out.send(r, event.Shard(en.Profile, o.r.Shards)); err != nil {
		return err
	}
	if en.Into != "" {
		if err := out.split(r, en, rec.Offset); err != nil {
			return err
		}
	}
	return out.links(en.Requests, rec.Offset*perOffset+numberLinks, e.ReceivedAt)
}

// links sends each link to the shard of its younger: one record a shard, so that
// one number names it.
func (out *outgoing) links(links []event.Link, number int64, place event.Time) error {
	byShard := map[int][]event.Link{}
	for _, l := range links {
		if l.Younger != l.Older {
			s := event.Shard(l.Younger, out.o.r.Shards)
			byShard[s] = append(byShard[s], l)
		}
	}
	for s, ls := range byShard {
		r := &event.Record{Kind: event.KindLink, Source: out.o.source(), Number: number, Place: place, Profile: ls[0].Younger, Links: ls}
		if err := out.send(r, s); err != nil {
			return err
		}
	}
	return nil
}

func (o *owner) source() string { return fmt.Sprintf("%s/%d", schemas.TopicRaw, o.number) }

func (out *outgoing) send(r *event.Record, shard int) error {
	if f := out.o.found; f != nil {
		if f.has(r, shard) {
			return nil
		}
		r.Repair = true
	}
	b, err := r.Encode()
	if err != nil {
		return err
	}
	out.events[shard] = append(out.events[shard], stream.Message{Key: []byte(r.Profile), Value: b})
	return nil
}

// mark passes an import's start or end on to every shard.
func (out *outgoing) mark(rec stream.Record, number int64, raw string) error {
	var c event.Control
	if err := json.Unmarshal(rec.Value, &c); err != nil {
		return out.reject(rec, entry{Reason: string(schemas.ReasonMalformed), Detail: err.Error()}, raw)
	}
	c.From = out.o.source()
	for s := range out.o.r.Shards {
		r := &event.Record{Kind: event.KindControl, Source: c.From, Number: number, Place: event.At(rec.Time), Control: &c, Raw: raw}
		if err := out.send(r, s); err != nil {
			return err
		}
	}
	return nil
}

func (out *outgoing) reject(rec stream.Record, en entry, raw string) error {
	b, err := event.EncodeJSON(event.Rejected{At: event.At(rec.Time), Stage: "resolver", Reason: en.Reason, Detail: en.Detail, Raw: raw})
	if err != nil {
		return err
	}
	out.rejected = append(out.rejected, stream.Message{Key: []byte(raw), Value: b})
	out.reasons = append(out.reasons, en.Reason)
	return nil
}

func withoutDirect(ids []event.Identity) []event.Identity {
	out := ids[:0]
	for _, id := range ids {
		if id.Namespace != DirectNamespace {
			out = append(out, id)
		}
	}
	return out
}

// sealPersonal seals what names a person with the profile's key: from `events`
// on nobody reads it without the key.
func (o *owner) sealPersonal(ctx context.Context, e *event.Event, profile string) error {
	var err error
	for _, id := range e.Identities { // the hash alone cannot be shown to staff
		if id.Personal() {
			if e.Traits == nil {
				e.Traits = event.Fields{}
			}
			if _, ok := e.Traits[id.Namespace]; !ok {
				e.Traits[id.Namespace] = id.Value
			}
		}
	}
	for name, v := range e.Traits {
		s, isText := v.(string)
		if !isText || s == "" || !schemas.PersonalTrait(name) || seal.Sealed(s) {
			continue
		}
		if e.Traits[name], err = o.r.Keys.SealText(ctx, profile, s); err != nil {
			return fmt.Errorf("seal trait %s of profile %s: %w", name, profile, err)
		}
	}
	if e.Text != "" && !seal.Sealed(e.Text) {
		if e.Text, err = o.r.Keys.SealText(ctx, profile, e.Text); err != nil {
			return fmt.Errorf("seal text of profile %s: %w", profile, err)
		}
	}
	return nil
}

// warm brings the keys of the profiles that need one in a single round trip.
func (o *owner) warm(ctx context.Context, p plan, records []opened) error {
	profiles := make(map[int64]string, len(p.Entries))
	for _, en := range p.Entries {
		profiles[en.Offset] = en.Profile
	}
	var ids []string
	for _, rec := range records {
		id := profiles[rec.Offset]
		if id != "" && rec.e != nil && personal(rec.e) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return o.r.Keys.Warm(ctx, ids)
}

func personal(e *event.Event) bool {
	if e.Text != "" {
		return true
	}
	for name := range e.Traits {
		if schemas.PersonalTrait(name) {
			return true
		}
	}
	for _, id := range e.Identities {
		if id.Personal() {
			return true
		}
	}
	return false
}
