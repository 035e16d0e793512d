package tagging

import (
	"fmt"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/schemas"
)

// event applies an interaction, or passes it on to whom it belongs today.
func (o *owner) event(bt *batch, r *event.Record) error {
	h, _ := o.cache.get(r.Profile)
	if h.p.Winner != "" { // a straggler goes after its profile
		return o.straggle(bt, r, h.p.Winner)
	}
	into, own := h.p.Left(r.Own)
	if into != "" { // so does one whose identity has left
		fwd := *r
		fwd.Parted, fwd.Own = true, own
		return o.straggle(bt, &fwd, into)
	}
	r.Own = own
	h = o.profile(bt, r.Profile, r.Place)
	o.unmerge(bt, h, r)
	if a := alertAction(r.Event); a != nil {
		return o.alertAction(bt, h, r.Event, a)
	}
	if h.p.Awaits != "" {
		return o.keep(bt, h, r)
	}
	h.traits = h.traits || len(r.Event.Traits) > 0
	res := apply.Event(o.set, h.p, apply.Input{
		Event: r.Event, Own: r.Own, Place: r.Place, Internal: r.Internal, Fresh: o.t.Fresh, Late: o.t.Late, Memo: &o.memo,
	})
	if res.Duplicate {
		o.t.metrics.duplicates.Inc()
	}
	o.took(bt, h, res)
	if !h.settled {
		h.due, h.settled = apply.NextDue(o.set, h.p, res.Memo), true
	}
	if r.Event.Backfill {
		o.openImport(bt, h.p.Import)
	}
	return nil
}

// straggle passes an interaction on to whom it belongs today.
func (o *owner) straggle(bt *batch, r *event.Record, to string) error {
	fwd := *r
	fwd.Profile, fwd.Place = to, o.now()
	if r.Event.Backfill {
		fwd.Place = r.Place
	}
	return o.sendEvent(bt, fwd)
}

// sendEvent puts a record for another shard, or this one, into the outbox. It is
// numbered within the outbox, which is its source from here on.
func (o *owner) sendEvent(bt *batch, r event.Record) error {
	r.Source, r.Number = fmt.Sprintf("out.%d/%d", Generation, o.number), bt.next.Next
	b, err := r.Encode()
	if err != nil {
		return err
	}
	bt.put(schemas.TopicEvents, event.Shard(r.Profile, o.t.Shards), r.Profile, b)
	return nil
}
