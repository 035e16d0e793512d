package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/schemas"
)

// Comparison is what demo-check.json holds.
type Comparison struct {
	Demo       bool       `json:"demo"`
	State      string     `json:"state"` // compared, importing (the past is not settled yet), rules changed, lagging
	At         event.Time `json:"at"`
	Tag        string     `json:"tag"`
	Expected   int        `json:"expected"`
	Counted    int64      `json:"counted"`
	Difference int        `json:"difference"`
	Missing    []string   `json:"missing,omitempty"` // expected, but without the tag
	Extra      []string   `json:"extra,omitempty"`   // with the tag, but not expected
	Edge       int        `json:"edge"`              // change at this moment, or an act may have been lost: not compared
	Customers  int        `json:"customers"`         // who have been added
	Sent       int64      `json:"sent"`              // acts acknowledged
	Refused    int64      `json:"refused"`
	Checks     int        `json:"checks"` // comparisons of this run
	Failed     int        `json:"failed"` // of them with a difference
}

// settleWait is how long a comparison waits for the product to have applied all
// that was acknowledged, and how often a difference is looked at again before it
// is believed: the opening of a link may be answered before it is stored.
const (
	settleWait = 20 * time.Second
	looks      = 4
)

// check compares. Nothing is sent meanwhile, since the shop has one goroutine.
func (s *Shop) check(ctx context.Context) error {
	c := Comparison{}
	for range looks {
		var err error
		if c, err = s.compare(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			s.log.Warn("demo: cannot compare now", zap.Error(err))
			return nil
		}
		if c.State != "compared" || c.Difference == 0 {
			break
		}
		if err := pause(ctx, time.Second); err != nil {
			return nil //nolint:nilerr // the shop is being closed
		}
	}
	if c.State == "compared" {
		s.checks++
		if c.Difference != 0 {
			s.failed++
		}
		s.metrics.expected.Set(float64(c.Expected))
		s.metrics.counted.Set(float64(c.Counted))
		s.metrics.difference.Set(float64(c.Difference))
	}
	c.Checks, c.Failed = s.checks, s.failed
	s.say(c)
	return s.save(c)
}

func (s *Shop) say(c Comparison) {
	text := fmt.Sprintf("demo: %s expected %d, counted %d, difference %d", tagName, c.Expected, c.Counted, c.Difference)
	fields := []zap.Field{zap.Int("edge", c.Edge), zap.Int64("sent", c.Sent), zap.Int64("refused", c.Refused)}
	switch {
	case c.State != "compared":
		s.log.Info("demo: not compared", zap.String("state", c.State))
	case c.Difference != 0:
		s.log.Error(text, append(fields, zap.Strings("missing", c.Missing), zap.Strings("extra", c.Extra))...)
	default:
		s.log.Info(text, fields...)
	}
}

func (s *Shop) save(c Comparison) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the comparison: %w", err)
	}
	path := filepath.Join(s.opt.Dir, "demo-check.json")
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return nil
}

func (s *Shop) compare(ctx context.Context) (Comparison, error) {
	c := Comparison{Demo: true, State: "compared", Tag: tagName, Sent: s.book.Sent, Refused: s.refused}
	for i := range s.book.Pages {
		if s.book.Pages[i].Added {
			c.Customers++
		}
	}
	if !s.ownRules() {
		c.State = "rules changed"
		return c, nil
	}
	importing, err := s.settle(ctx, event.At(time.Now()))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		c.State = "lagging"
		return c, nil
	case err != nil:
		return c, err
	case importing:
		c.State = "importing"
		return c, nil
	}
	if c.Counted, c.At, err = s.counted(ctx); err != nil {
		return c, err
	}
	holders, err := s.holders(ctx)
	if err != nil {
		return c, err
	}
	for n := range s.book.Pages {
		id := externalID(n)
		switch v := s.book.verdict(n, c.At); {
		case n == 0:
		case v == unsure:
			c.Edge++
			if holders[n] {
				c.Counted-- // on neither side
			}
		case v == is:
			c.Expected++
			if !holders[n] {
				c.Missing = append(c.Missing, id)
			}
		case holders[n]:
			c.Extra = append(c.Extra, id)
		}
	}
	// The count and the members may differ from the book each in their own way.
	c.Difference = max(len(c.Missing)+len(c.Extra), abs(c.Expected-int(c.Counted)))
	return c, nil
}

func abs(n int) int { return max(n, -n) }

// settle waits until every shard has applied all that was acknowledged before a
// moment. importing says that one still holds the timers of the past back.
func (s *Shop) settle(ctx context.Context, since event.Time) (importing bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	for {
		behind := false
		importing = false
		for n := range s.parts.Config.Shards {
			pos, err := shard.New(s.parts.Redis, schemas.Incarnation, n).Read(ctx)
			if err != nil {
				return false, err
			}
			behind = behind || pos.Stream <= since
			importing = importing || len(pos.Imports) > 0
		}
		if !behind {
			return importing, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return false, err
		}
	}
}

// counted is the live count as everybody sees it.
func (s *Shop) counted(ctx context.Context) (int64, event.Time, error) {
	b, err := s.api(ctx, http.MethodGet, "/tags", nil)
	if err != nil {
		return 0, 0, err
	}
	var v struct {
		AsOf event.Time `json:"as_of"`
		Tags []struct {
			Tag   string `json:"tag"`
			Count int64  `json:"count"`
		} `json:"tags"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return 0, 0, fmt.Errorf("read the tags: %w", err)
	}
	for _, t := range v.Tags {
		if t.Tag == tagName {
			return t.Count, v.AsOf, nil
		}
	}
	return 0, v.AsOf, nil
}

// holders are the customers who hold the tag, as Redis shows every program.
func (s *Shop) holders(ctx context.Context) (map[int]bool, error) {
	var ids []event.Identity
	for n := range s.book.Pages {
		ids = append(ids, event.Identity{Namespace: "wecom." + corp, Value: externalID(n)})
	}
	profiles, err := rawplan.NewIdentities(s.parts.Redis).Lookup(ctx, ids)
	if err != nil {
		return nil, err
	}
	pipe := s.parts.Redis.Pipeline()
	cmds := map[int]*redis.StringCmd{}
	for n, id := range ids {
		if p := profiles[id]; p != "" {
			sh := shard.New(s.parts.Redis, schemas.Incarnation, event.Partition(p, s.parts.Config.Shards))
			cmds[n] = pipe.HGet(ctx, sh.ProfileKey(p), "tags")
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read the tags of %d customers: %w", len(cmds), err)
	}
	out := map[int]bool{}
	for n, cmd := range cmds {
		var groups map[string]map[string][]int64
		if text := cmd.Val(); text != "" {
			if err := json.Unmarshal([]byte(text), &groups); err != nil {
				return nil, fmt.Errorf("read the tags of %s: %w", externalID(n), err)
			}
		}
		for _, tags := range groups {
			out[n] = out[n] || len(tags[tagName]) > 0
		}
	}
	return out, nil
}
