package tagging

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/schemas"
)

// outgoing puts into the outbox, in this order, what a commit tells: the changes, a
// snapshot of each profile that is written, the alerts.
type outgoing struct {
	o     *owner
	bt    *batch
	order event.Order // of the next
	snap  event.Snapshot
}

func (out *outgoing) next() event.Order {
	order := out.order
	out.order.Position++
	return order
}

func (out *outgoing) changes() error {
	for i := range out.bt.changes {
		if err := out.change(&out.bt.changes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (out *outgoing) change(c *event.Change) error {
	c.Order = out.next()
	b, err := c.AppendJSON(out.bt.room())
	if err != nil {
		return fmt.Errorf("encode change of profile %s: %w", c.Profile, err)
	}
	out.bt.put(schemas.TopicChanges, out.o.number, c.Profile, out.bt.keep(b))
	return nil
}

func (out *outgoing) alerts() error {
	for i := range out.bt.alerts {
		a := &out.bt.alerts[i]
		a.Order = out.next()
		b, err := event.EncodeJSON(a)
		if err != nil {
			return err
		}
		out.bt.put(schemas.TopicAlerts, out.o.number, a.Profile, b)
		out.o.t.metrics.alerts.Inc()
	}
	return nil
}

// snapshot tells the whole profile, for history.
func (out *outgoing) snapshot(p *profile.Profile) error {
	measures := out.snap.Measures
	if measures == nil {
		measures = map[string]string{}
	}
	clear(measures)
	for _, m := range out.o.set.Measures {
		if v := m.Text(p, p.Clock); v != "" && v != "0" {
			measures[m.Name] = v
		}
	}
	known := p.Known()
	out.snap = event.Snapshot{
		Known: known, Excluded: !p.Counted(), Identities: p.Identities, Traits: p.Traits, Tags: p.TagStates(),
		Stage: p.Stage, StageSince: p.StageSince, Owner: p.Owner(), Owners: p.Staff(), Channels: p.Channels, Stores: p.Stores,
		FirstSeen: p.FirstSeen, LastSeen: p.LastSeen, Clock: p.Clock, Stale: p.Stale, Measures: measures,
	}
	for i := range out.snap.Tags {
		out.snap.Tags[i].Evidence = nil // stands in the tag's own change
	}
	id := event.DeriveID(p.ID, "snapshot", strconv.Itoa(out.o.number), strconv.FormatInt(out.order.Commit, 10))
	return out.change(&event.Change{
		ChangeID: id, Op: event.OpSnapshot, Profile: p.ID, At: p.Clock, Known: known, Cause: "commit", Snapshot: &out.snap,
	})
}

// textRoom is how much room for texts is made at once, and how much one needs to be
// begun in it.
const (
	textRoom = 64 << 10
	oneText  = 2 << 10
)

// room is where a text may be appended; keep takes it once it is whole. Texts live as
// long as the outbox needs them, many in one piece of memory.
func (bt *batch) room() []byte {
	if cap(bt.text)-len(bt.text) < oneText {
		bt.text = make([]byte, 0, textRoom)
	}
	return bt.text[len(bt.text):]
}

func (bt *batch) keep(text []byte) []byte {
	if len(text) <= cap(bt.text)-len(bt.text) { // else it has grown into memory of its own
		bt.text = bt.text[:len(bt.text)+len(text)]
	}
	return slices.Clip(text)
}

func (bt *batch) put(topic string, partition int, key string, value []byte) {
	bt.entries = append(bt.entries, outEntry{Number: bt.next.Next, Topic: topic, Partition: partition, Key: []byte(key), Value: value})
	bt.next.Next++
}
