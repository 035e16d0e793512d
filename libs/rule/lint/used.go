package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/source"
)

// Use is how the tags of a running deployment were held, among the profiles
// that counts count.
type Use struct {
	Days     int               `json:"days"`     // that Applied looks back
	Profiles uint64            `json:"profiles"` // all that are counted
	Held     map[string]uint64 `json:"held"`     // tag → profiles that hold it now
	Applied  map[string]uint64 `json:"applied"`  // tag → times it was given within Days
	Pairs    []Pair            `json:"pairs"`    // of tags that are not families
}

// Pair is two tags that nearly the same profiles hold.
type Pair struct {
	A      string `json:"a"`
	B      string `json:"b"`
	Both   uint64 `json:"both"`   // hold both
	Either uint64 `json:"either"` // hold at least one
}

// Share is the part of those who hold either that hold both, 0 to 1.
func (p Pair) Share() float64 {
	if p.Either == 0 {
		return 0
	}
	return float64(p.Both) / float64(p.Either)
}

// Limits of what is told.
const (
	OverlapShare = 0.95
	FewProfiles  = 20 // fewer say nothing about a rule
)

// Used looks at how the tags of a set were held. Tags that the set does not
// give are not told.
func Used(set *rule.Set, files map[string]string, use Use) ([]Finding, error) {
	src, err := source.Read(files)
	if err != nil {
		return nil, err
	}
	l := &linter{set: set, src: src}
	places := l.places()
	names := slices.Sorted(maps.Keys(places))
	for _, name := range names {
		at := places[name]
		l.check = "never_applied"
		if l.times(use.Applied, name) == 0 && l.times(use.Held, name) == 0 {
			l.add(Warning, at, name, both{fmt.Sprintf("「%s」近 %d 天没有打上过，现在也没有客户持有", name, use.Days), fmt.Sprintf("%q was not given in the last %d days, and nobody holds it", name, use.Days)},
				both{"检查事件类型、词表和界限是否与实际数据相符；不再需要就删除", "see that its event types, words and limits fit the data; delete it when it is not needed"})
		}
		l.check = "held_by_all"
		if use.Profiles >= FewProfiles && use.Held[name] == use.Profiles {
			l.add(Warning, at, name, both{fmt.Sprintf("全部 %d 位客户都持有「%s」：它不区分任何人", use.Profiles, name), fmt.Sprintf("all %d customers hold %q: it tells nobody apart", use.Profiles, name)},
				both{"把条件写严，或删除它", "make its condition stricter, or delete it"})
		}
	}
	l.check = "overlap"
	for _, p := range use.Pairs {
		at, ok := places[p.A]
		if _, other := places[p.B]; !ok || !other || p.Either < FewProfiles || p.Share() < OverlapShare {
			continue
		}
		l.add(Warning, at, p.A, both{
			fmt.Sprintf("「%s」与「%s」几乎是同一批客户：持有其一的 %d 人里有 %d 人两者都有（%.1f%%）", p.A, p.B, p.Either, p.Both, 100*p.Share()),
			fmt.Sprintf("%q and %q are nearly the same customers: of %d who hold one, %d hold both (%.1f%%)", p.A, p.B, p.Either, p.Both, 100*p.Share()),
		},
			both{"合并成一个标签，或让其中一个的条件更有区分度", "make one tag of them, or let one of them tell more"})
	}
	return l.out, nil
}

// times counts a tag, or all values of a family.
func (l *linter) times(counts map[string]uint64, name string) uint64 {
	n := counts[name]
	if t, ok := l.set.RuleOf(name); ok && t.Value != nil {
		for tag, times := range counts {
			if strings.HasPrefix(tag, name+":") {
				n += times
			}
		}
	}
	return n
}

// places are the tags that the set gives, and where.
func (l *linter) places() map[string]source.Node {
	out := map[string]source.Node{}
	for _, t := range l.src.Block("tags") {
		choose := t.Value.Get("choose").Items
		if len(choose) == 0 {
			out[t.Key] = t.At
		}
		for _, c := range choose {
			out[c.Get("tag").Text] = c.Get("tag")
		}
	}
	return out
}
