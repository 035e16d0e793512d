package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// Life reads what is kept of the customer that a profile belongs to today: every
// interaction once, as it stood in the log. Sealed values stay sealed. A profile
// without history gives a life without arrivals.
func (w *Warehouse) Life(ctx context.Context, profile string) (*event.Life, error) {
	family, err := w.Family(ctx, profile)
	if err != nil {
		return nil, err
	}
	out := &event.Life{Profile: family[0]}
	in := "IN (" + quoteAll(family) + ")"
	err = w.lives(ctx, `SELECT `+quote(family[0])+` AS head, `+lifeColumns+`
FROM ${db}.events_by_profile AS e LEFT JOIN (`+joins+` AND other `+in+` GROUP BY other) AS l ON l.other = e.profile_id
WHERE e.profile_id `+in, func(l *event.Life) error { out = l; return nil })
	if err != nil {
		return nil, fmt.Errorf("life of %s: %w", profile, err)
	}
	return out, nil
}

// Lives reads all lives, one after the other by the profile that each belongs to
// today; one at a time is in memory. An error of each ends it and is returned.
func (w *Warehouse) Lives(ctx context.Context, each func(*event.Life) error) error {
	err := w.lives(ctx, `SELECT if(m.into = '', e.profile_id, m.into) AS head, `+lifeColumns+`
FROM ${db}.events_by_profile AS e
LEFT JOIN ${db}.merged_today AS m ON m.profile_id = e.profile_id
LEFT JOIN (`+joins+` GROUP BY other) AS l ON l.other = e.profile_id
ORDER BY head SETTINGS max_bytes_before_external_sort = 268435456, max_execution_time = 0`, each)
	if err != nil {
		return fmt.Errorf("lives: %w", err)
	}
	return nil
}

// joins are whom each profile was merged into, and when.
const joins = `SELECT other, argMax(profile_id, version) AS winner, argMax(at, version) AS joined FROM ${db}.merges WHERE other != profile_id`

// lifeColumns are what a record is made of again; the archiver writes them.
const lifeColumns = `l.winner, l.joined, e.event_id, e.profile_id, toString(e.type), e.time, e.original_time, e.received_at, e.sent_at,
  toString(e.source), toString(e.channel), toString(e.store_id), toString(e.staff_id), toString(e.touchpoint), toString(e.from),
  toString(e.object_type), e.object_id, e.object_title, toString(e.category), toString(e.brand), ifNull(toString(e.price), ''), ifNull(toString(e.amount), ''), toString(e.currency), e.text,
  e.identities, e.own, e.traits, e.properties, e.context, CAST(e.tags, 'Array(String)'), e.matches,
  e.backfill, toString(e.import), e.repair, e.place, toString(e.log_source), e.log_number, e.raw, toString(e.topic), e.partition, e.offset`

// lives reads rows that come life by life.
func (w *Warehouse) lives(ctx context.Context, query string, each func(*event.Life) error) error {
	rows, err := w.Query(ctx, w.in(query))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var now *event.Life
	for rows.Next() {
		var r lifeRow
		if err := r.scan(rows); err != nil {
			return err
		}
		a, err := r.arrival()
		if err != nil {
			return fmt.Errorf("event %s of %s: %w", r.ev.EventID, r.profile, err)
		}
		if now == nil || now.Profile != r.head {
			if err := finish(now, each); err != nil {
				return err
			}
			now = &event.Life{Profile: r.head}
		}
		now.Arrivals = append(now.Arrivals, a)
		if r.winner != "" && !slices.ContainsFunc(now.Joins, func(j event.Join) bool { return j.Gone == r.profile }) {
			now.Joins = append(now.Joins, event.Join{Gone: r.profile, Winner: r.winner, At: event.At(r.joined)})
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return finish(now, each)
}

// finish puts a life in order and gives it away.
func finish(l *event.Life, each func(*event.Life) error) error {
	if l == nil {
		return nil
	}
	l.Arrivals = event.InOrder(l.Arrivals)
	for _, j := range l.Joins { // between two of them may stand one without interactions
		if j.Winner != l.Profile && !slices.ContainsFunc(l.Joins, func(k event.Join) bool { return k.Gone == j.Winner }) {
			l.Joins = append(l.Joins, event.Join{Gone: j.Winner, Winner: l.Profile, At: j.At})
		}
	}
	return each(l)
}

// lifeRow is one row of events, as it is read.
type lifeRow struct {
	head, winner, profile          string
	joined, at, received, place    time.Time
	original, sent                 *time.Time
	ev                             event.Event
	obj                            event.Object
	price, amount                  string
	identities, own                []string
	traits, properties, ctx, found string
	rec                            event.Record
	topic                          string
	partition                      uint16
	offset                         int64
}

func (r *lifeRow) scan(rows driver.Rows) error {
	e, o := &r.ev, &r.obj
	return rows.Scan(&r.head, &r.winner, &r.joined, &e.EventID, &r.profile, &e.Type, &r.at, &r.original, &r.received, &r.sent,
		&e.Source, &e.Channel, &e.StoreID, &e.StaffID, &e.Touchpoint, &e.From,
		&o.Type, &o.ID, &o.Title, &o.Category, &o.Brand, &r.price, &r.amount, &e.Currency, &e.Text,
		&r.identities, &r.own, &r.traits, &r.properties, &r.ctx, &e.Tags, &r.found,
		&e.Backfill, &e.Import, &r.rec.Repair, &r.place, &r.rec.Source, &r.rec.Number, &r.rec.Raw, &r.topic, &r.partition, &r.offset)
}

// arrival is the record again, as the resolver published it.
func (r *lifeRow) arrival() (event.Arrival, error) {
	e := &r.ev
	e.Time, e.ReceivedAt = event.At(r.at), event.At(r.received)
	if r.original != nil {
		e.OriginalTime = event.At(*r.original)
	}
	if r.sent != nil {
		e.SentAt = event.At(*r.sent)
	}
	if len(e.Tags) == 0 {
		e.Tags = nil
	}
	var err error
	if r.obj.Price, err = amountOf(r.price); err != nil {
		return event.Arrival{}, err
	}
	if e.Amount, err = amountOf(r.amount); err != nil {
		return event.Arrival{}, err
	}
	if r.obj != (event.Object{}) {
		e.Object = &r.obj
	}
	if err := r.open(); err != nil {
		return event.Arrival{}, err
	}
	rec := &r.rec
	rec.Kind, rec.Profile, rec.Place, rec.Event = event.KindEvent, r.profile, event.At(r.place), e
	if e.Identities, err = identitiesOf(r.identities); err != nil {
		return event.Arrival{}, err
	}
	if rec.Own, err = identitiesOf(r.own); err != nil {
		return event.Arrival{}, err
	}
	return event.Arrival{Record: *rec, Log: event.Place{Topic: r.topic, Partition: int(r.partition), Offset: r.offset}}, nil
}

// open reads the columns that hold JSON.
func (r *lifeRow) open() error {
	e := &r.ev
	for _, c := range []struct {
		name, text string
		into       any
	}{{"traits", r.traits, &e.Traits}, {"properties", r.properties, &e.Properties}, {"context", r.ctx, &e.Context}, {"matches", r.found, &e.Matched}} {
		if c.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(c.text), c.into); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func amountOf(text string) (*decimal.Decimal, error) {
	if text == "" {
		return nil, nil
	}
	d, err := decimal.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("number %q: %w", text, err)
	}
	return &d, nil
}

func identitiesOf(texts []string) ([]event.Identity, error) {
	var out []event.Identity
	for _, s := range texts {
		id, err := event.ParseIdentity(s)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}
