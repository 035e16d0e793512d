package inbox

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
)

// ErrUnknown is the answer about an alert that the inbox does not have.
var ErrUnknown = errors.New("no such alert in the inbox")

// Limits of a list.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Inbox reads all partitions. Safe for concurrent use.
type Inbox struct {
	rdb        redis.UniversalClient
	partitions int
	log        *zap.Logger
	feed       *feed
}

// New makes the reading side of an inbox. Its feed runs while [Inbox.Run] does.
func New(rdb redis.UniversalClient, partitions int, log *zap.Logger) *Inbox {
	return &Inbox{rdb: rdb, partitions: partitions, log: log, feed: newFeed(partitions)}
}

// Query asks for a page of alerts, newest first.
type Query struct {
	State  State    // empty: all states
	Staff  []string // whose lists, joined; "" among them: alerts of nobody. nil: all alerts
	Cursor string   // of the page before
	Limit  int      // 0: DefaultLimit; at most MaxLimit
}

// Page is a part of a list. Next is empty on the last one.
type Page struct {
	Alerts []Alert
	Next   string
}

// Get reads one alert; ErrUnknown when it is not there.
func (b *Inbox) Get(ctx context.Context, id string) (*Alert, error) {
	e, _, err := b.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return &e.Alert, nil
}

// Concerns reads one alert with the staff in whose lists it stands, for
// checking rights.
func (b *Inbox) Concerns(ctx context.Context, id string) (*Alert, []string, error) {
	e, _, err := b.find(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return &e.Alert, e.Concerns(), nil
}

func (b *Inbox) find(ctx context.Context, id string) (*Entry, int, error) {
	pipe := b.rdb.Pipeline()
	found := make([]*redis.StringCmd, b.partitions)
	for p := range found {
		found[p] = pipe.Get(ctx, key(p, keyAlert(id)))
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, 0, fmt.Errorf("read alert %s: %w", id, err)
	}
	for p, cmd := range found {
		text, err := cmd.Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read alert %s: %w", id, err)
		}
		e, err := decodeEntry(id, text)
		return e, p, err
	}
	return nil, 0, fmt.Errorf("alert %s: %w", id, ErrUnknown)
}

// List reads a page.
func (b *Inbox) List(ctx context.Context, q Query) (Page, error) {
	limit := min(cmp.Or(q.Limit, DefaultLimit), MaxLimit)
	if limit < 0 {
		limit = DefaultLimit
	}
	places, err := b.places(ctx, q, limit)
	if err != nil {
		return Page{}, err
	}
	page := Page{Alerts: []Alert{}}
	if len(places) > limit {
		places = places[:limit]
		page.Next = base64.RawURLEncoding.EncodeToString([]byte(places[limit-1].member))
	}
	page.Alerts, err = b.alerts(ctx, places)
	return page, err
}

// place is where an alert stands in a list.
type place struct {
	member string
	p      int
}

// places reads at least limit+1 places behind the cursor, if there are as many.
func (b *Inbox) places(ctx context.Context, q Query, limit int) ([]place, error) {
	upper := "+"
	if q.Cursor != "" {
		member, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		if err != nil || !strings.Contains(string(member), ":") {
			return nil, fmt.Errorf("cursor: %w", ErrID)
		}
		upper = "(" + string(member)
	}
	names := []string{indexName(q.State, nil)}
	if q.Staff != nil {
		names = names[:0]
		for _, who := range q.Staff {
			names = append(names, indexName(q.State, &who))
		}
	}
	pipe := b.rdb.Pipeline()
	read := map[*redis.StringSliceCmd]int{}
	for p := range b.partitions {
		for _, name := range names {
			cmd := pipe.ZRevRangeByLex(ctx, key(p, keyIndex(name)), &redis.ZRangeBy{Min: "-", Max: upper, Count: int64(limit) + 1})
			read[cmd] = p
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	var places []place
	for cmd, p := range read {
		for _, m := range cmd.Val() {
			places = append(places, place{m, p})
		}
	}
	slices.SortFunc(places, func(x, y place) int { return strings.Compare(y.member, x.member) })
	return slices.CompactFunc(places, func(x, y place) bool { return x.member == y.member }), nil
}

// alerts reads the alerts at places, in their order. One that has left since is
// left out.
func (b *Inbox) alerts(ctx context.Context, places []place) ([]Alert, error) {
	pipe := b.rdb.Pipeline()
	cmds := make([]*redis.StringCmd, len(places))
	for i, pl := range places {
		cmds[i] = pipe.Get(ctx, key(pl.p, keyAlert(memberID(pl.member))))
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read alerts of a page: %w", err)
	}
	out := make([]Alert, 0, len(places))
	for i, cmd := range cmds {
		text, err := cmd.Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read alerts of a page: %w", err)
		}
		e, err := decodeEntry(memberID(places[i].member), text)
		if err != nil {
			return nil, err
		}
		out = append(out, e.Alert)
	}
	return out, nil
}

// Count is how many alerts are in a state, by partition sums; for badges.
func (b *Inbox) Count(ctx context.Context, state State, staff *string) (int64, error) {
	pipe := b.rdb.Pipeline()
	cmds := make([]*redis.IntCmd, b.partitions)
	for p := range cmds {
		cmds[p] = pipe.ZCard(ctx, key(p, keyIndex(indexName(state, staff))))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, fmt.Errorf("count alerts: %w", err)
	}
	var n int64
	for _, cmd := range cmds {
		n += cmd.Val()
	}
	return n, nil
}

// Resend asks the notifier to send an alert again on a channel, or with an
// empty channel on all whose last try failed. ErrUnknown when there is no such
// alert or channel; a delivery that still waits is not doubled.
func (b *Inbox) Resend(ctx context.Context, alertID, channel string, at event.Time) error {
	e, p, err := b.find(ctx, alertID)
	if err != nil {
		return err
	}
	if channel != "" && e.Delivery(channel) == nil {
		return fmt.Errorf("alert %s on channel %s: %w", alertID, channel, ErrUnknown)
	}
	text, err := json.Marshal(Request{AlertID: alertID, Channel: channel, At: at})
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	if err := b.rdb.RPush(ctx, key(p, keyRequests), text).Err(); err != nil {
		return fmt.Errorf("ask for alert %s to be sent again: %w", alertID, err)
	}
	return nil
}
