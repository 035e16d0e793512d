package recount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// errBehind says that history has not caught up in the given time.
var errBehind = errors.New("history has not caught up")

// history is what ClickHouse says.
type history struct {
	counts   map[string]int64 // nil: nothing
	noPlaces string           // why it says nothing by dimension; empty: it does
}

// tells says that history can tell a count: tags, known and anonymous, by channel,
// store, staff and city.
func (h history) tells(d Difference) bool {
	if h.counts == nil || d.Tag == "" {
		return false
	}
	if d.Dimension == "" || d.Dimension == profile.DimPopulation {
		return true
	}
	dim := strings.TrimSuffix(d.Dimension, profile.AnonymousSuffix)
	return h.noPlaces == "" && slices.Contains(rule.Dimensions(), dim)
}

// equal compares with the live counts.
func (h history) equal(live map[string]int64) bool {
	n := 0
	for name, v := range live {
		if !h.tells(difference(name)) {
			continue
		}
		if n++; h.counts[name] != v {
			return false
		}
	}
	return n == len(h.counts)
}

// history counts from ClickHouse as of the cuts. The changes of a commit are
// published after it, so history that is whole to the end of the log may still
// lack them for a moment: a difference is believed only when it stays.
func (r *Recount) history(ctx context.Context, cuts []*cut, live map[string]int64) (history, error) {
	c := warehouse.Cut{Generation: r.opt.Generation, Commits: make([]int64, len(cuts))}
	for s := range cuts {
		c.Commits[s] = cuts[s].commit
	}
	ctx, cancel := context.WithTimeout(ctx, r.opt.Archive)
	defer cancel()
	var found history
	for try := 1; ; try++ {
		next, err := r.whole(ctx, c, cuts)
		if err != nil && (found.counts == nil || ctx.Err() == nil) {
			return history{}, err
		}
		if err == nil {
			found = next
		}
		if try == 4 || ctx.Err() != nil || found.equal(live) {
			return found, nil
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return found, nil // what was found is as of a moment at which all was archived
		}
	}
}

// whole counts once history has all that the log holds.
func (r *Recount) whole(ctx context.Context, c warehouse.Cut, cuts []*cut) (history, error) {
	if err := r.archived(ctx, len(cuts)); err != nil {
		return history{}, err
	}
	return r.ask(ctx, c, cuts)
}

// ask counts once.
func (r *Recount) ask(ctx context.Context, c warehouse.Cut, cuts []*cut) (history, error) {
	tags, err := r.opt.Warehouse.Recount(ctx, c)
	if err != nil {
		return history{}, err
	}
	out := history{counts: map[string]int64{}}
	for tag, n := range tags {
		set(out.counts, profile.CountField(tag), n.Known)
		set(out.counts, profile.CountField(tag, profile.DimPopulation, profile.Anonymous), n.Anonymous)
	}
	version, one := inForce(cuts)
	if !one {
		out.noPlaces = "new rules are being activated: profiles are counted by two versions"
		return out, nil
	}
	rules, err := r.opt.Rules.At(version)
	if err != nil || len(rules.Dimensions) == 0 {
		return out, err
	}
	places, err := r.opt.Warehouse.RecountBy(ctx, c, rules.Dimensions)
	if err != nil {
		return history{}, err
	}
	if places.Undecided > 0 {
		out.noPlaces = fmt.Sprintf("%d customers have moved between places meanwhile", places.Undecided)
		return out, nil
	}
	for at, n := range places.Counts {
		set(out.counts, profile.CountField(at.Tag, at.Dimension, at.Value), n.Known)
		set(out.counts, profile.CountField(at.Tag, at.Dimension+profile.AnonymousSuffix, at.Value), n.Anonymous)
	}
	return out, nil
}

// inForce is the version of the rules by which every profile was counted at the
// cuts; false while there are two.
func inForce(cuts []*cut) (version int64, one bool) {
	found := false
	for _, c := range cuts {
		if c.profiles == 0 {
			continue
		}
		if c.swept < c.rules || found && c.rules != version {
			return 0, false
		}
		version, found = c.rules, true
	}
	return version, true
}

func set(m map[string]int64, field string, n uint64) {
	if n != 0 {
		m[field] = int64(n)
	}
}

// archived waits until history holds all changes that are in the log now.
func (r *Recount) archived(ctx context.Context, partitions int) error {
	ends, err := r.opt.Stream.Ranges(ctx, schemas.TopicChanges, partitions)
	if err != nil {
		return err
	}
	for {
		marks, err := r.opt.Warehouse.Archived(ctx, schemas.TopicChanges)
		if err != nil {
			return err
		}
		behind := int64(0)
		for p, e := range ends {
			behind += max(0, e.End-max(e.First, marks[p].Next))
		}
		if behind == 0 {
			return nil
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("%d changes: %w", behind, errBehind)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// difference reads the name of a count.
func difference(name string) Difference {
	var parts []string
	if json.Unmarshal([]byte(name), &parts) != nil {
		return Difference{Tag: name, Dimension: "unreadable"}
	}
	parts = append(parts, "", "", "")
	return Difference{Tag: parts[0], Dimension: parts[1], Value: parts[2]}
}
