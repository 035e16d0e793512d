package consoletest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// Resolver runs a stand-in of the resolver: it names the newest rules in its
// plans and publishes each event to its profile's shard.
func (w *World) Resolver() (stop func()) {
	var stops []func()
	for p := range Raw {
		stops = append(stops, w.Go(func(ctx context.Context) error { return w.dictionaries(ctx, p) }))
		stops = append(stops, w.Go(func(ctx context.Context) error {
			return w.Kafka.Follow(ctx, stream.Position{Topic: schemas.TopicRaw, Partition: p}, func(b stream.Batch) error {
				for _, r := range b.Records {
					if err := w.route(ctx, p, r); err != nil {
						return err
					}
				}
				return nil
			})
		}))
	}
	return func() {
		for _, s := range stops {
			s()
		}
	}
}

// dictionaries keeps the plan of a partition naming the newest rules.
func (w *World) dictionaries(ctx context.Context, p int) error {
	part := rawplan.New(w.Redis, p)
	pos, _, err := part.TakeOver(ctx)
	for err == nil {
		changed := w.Defs.Changed()
		var names []string
		for _, v := range w.Defs.Versions(defs.KindRules, defs.RulesID) {
			names = append(names, strconv.FormatInt(v.Version, 10))
		}
		if joined := strings.Join(names, ","); joined != pos.Dictionaries {
			pos.Dictionaries = joined
			if err := part.Store(ctx, pos); err != nil {
				return err
			}
			pos.Number++
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
	return err
}

func (w *World) route(ctx context.Context, partition int, r stream.Record) error {
	plain, err := w.Keys.OpenDay(ctx, r.Value)
	if err != nil {
		return err
	}
	e, err := event.Decode(plain)
	if err != nil {
		return err
	}
	rec := event.Record{
		Kind: event.KindEvent, Source: fmt.Sprintf("raw.%d/%d", schemas.Incarnation, partition), Number: r.Offset * 16, Place: e.ReceivedAt, Event: e,
	}
	id := e.Primary().Normal()
	if id.Namespace == "profile" {
		rec.Profile = id.Value
	} else {
		fresh := event.ProfileID(e.ReceivedAt, partition, r.Offset, 0)
		if id.Personal() {
			id.Value = w.Master.Hash(id.Namespace, id.Value)
		}
		lost, err := rawplan.NewIdentities(w.Redis).Claim(ctx, []rawplan.Link{{Identity: id, Profile: fresh}})
		if err != nil {
			return err
		}
		rec.Profile, rec.Own = fresh, []event.Identity{id}
		if len(lost) > 0 {
			rec.Profile = lost[0].Profile
		}
	}
	for name, v := range e.Traits {
		if text, ok := v.(string); ok && schemas.PersonalTrait(name) {
			if e.Traits[name], err = w.Keys.SealText(ctx, rec.Profile, text); err != nil {
				return err
			}
		}
	}
	value, err := rec.Encode()
	if err != nil {
		return err
	}
	_, err = w.Kafka.Publish(ctx, schemas.TopicEvents, event.Shard(rec.Profile, Shards), []stream.Message{{Value: value}})
	return err
}

// keeper is a stand-in of a shard's owner.
type keeper struct {
	w      *World
	number int
	shard  *shard.Shard
	pos    shard.Pos
	set    *rule.Set
}

// Tagger runs a stand-in of the tagger over all shards.
func (w *World) Tagger() (stop func()) {
	var stops []func()
	for _, k := range w.shards {
		stops = append(stops, w.Go(k.run), w.Go(k.ticks))
	}
	return func() {
		for _, s := range stops {
			s()
		}
	}
}

func (k *keeper) begin(ctx context.Context) error {
	var err error
	if k.pos, _, err = k.shard.TakeOver(ctx); err != nil || k.pos.Exists {
		return err
	}
	if err := k.shard.Begin(ctx, k.pos); err != nil {
		return err
	}
	k.pos.Exists = true
	return nil
}

func (k *keeper) ticks(ctx context.Context) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-ticker.C:
			if pos, err := k.shard.Read(ctx); err == nil {
				_ = k.shard.Tick(ctx, pos, event.At(now)) // again in a moment
			}
		}
	}
}

func (k *keeper) run(ctx context.Context) error {
	if err := k.begin(ctx); err != nil {
		return err
	}
	k.set = compiled(k.w, k.pos.Rules)
	return k.w.Kafka.Follow(ctx, stream.Position{Topic: schemas.TopicEvents, Partition: k.number, Offset: k.pos.Offset}, func(b stream.Batch) error {
		for _, r := range b.Records {
			k.pos.Offset = r.Offset + 1
			rec, err := event.DecodeRecord(r.Value)
			if err != nil {
				return err
			}
			if err := k.take(ctx, rec); err != nil {
				return err
			}
		}
		return nil
	})
}

func compiled(w *World, version int64) *rule.Set {
	files := map[string]string{}
	if d, ok := w.Defs.At(defs.KindRules, defs.RulesID, version); ok {
		if body, err := defs.Body[defs.Rules](d); err == nil {
			files = body.Files
		}
	}
	set, err := rule.Compile(version, files)
	if err != nil {
		w.T.Errorf("rules version %d: %v", version, err)
	}
	return set
}

func (k *keeper) take(ctx context.Context, rec *event.Record) error {
	if rec.Kind == event.KindControl {
		if rec.Control.Name == "rules" && rec.Control.Version > k.pos.Rules {
			k.pos.Rules, k.pos.Swept = rec.Control.Version, rec.Control.Version
			k.set = compiled(k.w, k.pos.Rules)
		}
		return k.store(ctx, shard.Batch{Pos: k.pos})
	}
	states, err := k.shard.Load(ctx, []string{rec.Profile})
	if err != nil {
		return err
	}
	before, after := profile.New(rec.Profile), profile.New(rec.Profile)
	after.Rules = k.set.Version
	if b := states[rec.Profile]; b != nil {
		if before, err = profile.Decode(b); err != nil {
			return err
		}
		after, _ = profile.Decode(b) // decoded just before
	}
	var renewed apply.Result
	if after.Rules != k.set.Version {
		renewed = apply.Activate(k.set, after)
	}
	e := rec.Event
	e.Matched = k.set.Match(e.Text, e.From)
	res := apply.Event(k.set, after, apply.Input{Event: e, Own: rec.Own, Place: rec.Place, Fresh: time.Hour, Late: 24 * time.Hour})
	res.Changes = append(renewed.Changes, res.Changes...)
	if err := k.commit(ctx, before, after); err != nil {
		return err
	}
	return k.publish(ctx, rec, res)
}

// commit writes one profile with its counts.
func (k *keeper) commit(ctx context.Context, before, after *profile.Profile) error {
	state, err := after.Encode()
	if err != nil {
		return err
	}
	b := shard.Batch{Pos: k.pos, Counts: map[string]int64{}, Profiles: []shard.Write{{ID: after.ID, State: state}}}
	var was []string
	if before != nil {
		was = before.CountKeys(compiled(k.w, before.Rules).Dimensions)
	}
	profile.CountDelta(was, after.CountKeys(compiled(k.w, after.Rules).Dimensions), b.Counts)
	return k.store(ctx, b)
}

func (k *keeper) store(ctx context.Context, b shard.Batch) error {
	b.Pos.Stream = event.At(time.Now())
	if err := k.shard.Commit(ctx, b); err != nil {
		return err
	}
	k.pos.Commit++
	return nil
}

func (k *keeper) publish(ctx context.Context, rec *event.Record, res apply.Result) error {
	var changes, alerts []any
	for i, c := range res.Changes {
		c.Order = event.Order{Generation: Generation, Shard: k.number, Commit: k.pos.Commit, Position: i}
		changes = append(changes, c)
	}
	for _, a := range res.Alerts {
		alerts = append(alerts, a)
	}
	if verb, ok := strings.CutPrefix(rec.Event.Type, "alert."); ok {
		p := rec.Event.Properties
		until, err := event.ParseTime(p.String("until"))
		if err != nil {
			return err
		}
		alerts = append(alerts, event.Alert{AlertID: p.String("alert_id"), Profile: rec.Profile, Cause: rec.Event.EventID, Action: &event.AlertAction{
			Verb: verb, By: p.String("by"), At: rec.Event.Time, EventID: rec.Event.EventID, Until: until, To: p.String("to"), Text: p.String("text"),
		}})
	}
	for topic, list := range map[string][]any{schemas.TopicChanges: changes, schemas.TopicAlerts: alerts} {
		for _, v := range list {
			b, err := event.EncodeJSON(v)
			if err != nil {
				return err
			}
			if _, err := k.w.Kafka.Publish(ctx, topic, k.number, []stream.Message{{Value: b}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Notifier runs a stand-in of the notifier: alerts and actions into the inbox.
func (w *World) Notifier() {
	for p := range Shards {
		w.Go(func(ctx context.Context) error {
			box, _, err := inbox.Own(ctx, inbox.WriterOptions{Redis: w.Redis, Partition: p, Topic: schemas.TopicAlerts})
			if err != nil {
				return err
			}
			return w.Kafka.Follow(ctx, stream.Position{Topic: schemas.TopicAlerts, Partition: p}, func(b stream.Batch) error {
				for _, r := range b.Records {
					var a event.Alert
					if err := json.Unmarshal(r.Value, &a); err != nil {
						return err
					}
					if err := deliver(ctx, box, &a); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

func deliver(ctx context.Context, box *inbox.Writer, a *event.Alert) error {
	keep := inbox.Keep{}.Defaults()
	tx := box.Begin()
	if a.Action == nil {
		tx.Put(nil, inbox.NewEntry(a, keep), true)
		return box.Commit(ctx, tx)
	}
	found, err := box.Load(ctx, []string{a.AlertID})
	if err != nil || found[a.AlertID] == nil {
		return err
	}
	after := found[a.AlertID].Clone()
	changed, err := after.Act(a.Action, keep)
	if err != nil {
		return nil // refused: it stays as it is
	}
	tx.Put(found[a.AlertID], after, changed)
	return box.Commit(ctx, tx)
}
