package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
)

// router answers where alerts go by the definitions as they are now. It keeps
// them decoded until one changes.
type router struct {
	defs Definitions
	log  *zap.Logger

	mu      sync.Mutex
	changed <-chan struct{}
	now     *routes
}

// routes are the decoded definitions.
type routes struct {
	list     []route
	channels map[string]channel // by id
	staff    map[string]defs.Staff
	ids      []string          // of staff, sorted
	groups   map[string]string // tag → group
}

type route struct {
	match    defs.RouteMatch
	staff    []string
	channels []channel
}

type channel struct {
	id   string // route/name
	kind string
	to   message.Address
}

func newRouter(d Definitions, log *zap.Logger) *router { return &router{defs: d, log: log} }

func (r *router) routes() *routes {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		select {
		case <-r.changed:
		default:
			return r.now
		}
	}
	r.changed = r.defs.Changed() // before reading: what changes from here on is seen next time
	r.now = r.decode()
	return r.now
}

func (r *router) decode() *routes {
	rs := &routes{channels: map[string]channel{}, staff: map[string]defs.Staff{}, groups: map[string]string{}}
	for _, d := range r.defs.List(defs.KindStaff) {
		s, err := defs.Body[defs.Staff](d)
		if err != nil {
			r.log.Error("staff definition cannot be read", zap.String("id", d.ID), zap.Error(err))
			continue
		}
		rs.staff[d.ID] = s
		rs.ids = append(rs.ids, d.ID)
	}
	slices.Sort(rs.ids)
	for _, d := range r.defs.List(defs.KindRoute) {
		b, err := defs.Body[defs.Route](d)
		if err != nil {
			r.log.Error("route definition cannot be read", zap.String("id", d.ID), zap.Error(err))
			continue
		}
		rt := route{match: b.Match, staff: b.Staff}
		for n, c := range b.Channels {
			ch := decodeChannel(d.ID, n, c)
			for _, taken := rs.channels[ch.id]; taken; _, taken = rs.channels[ch.id] {
				ch.id += "'"
			}
			rs.channels[ch.id] = ch
			rt.channels = append(rt.channels, ch)
		}
		rs.list = append(rs.list, rt)
	}
	if d, ok := r.defs.Get(defs.KindRules, defs.RulesID); ok {
		r.readGroups(d, rs.groups)
	}
	return rs
}

func decodeChannel(routeID string, n int, c defs.RouteChannel) channel {
	name := c.Name
	if name == "" {
		name = fmt.Sprintf("%s%d", c.Kind, n+1)
	}
	sum := sha256.Sum256([]byte(c.Kind + "\n" + c.URL + "\n" + c.To))
	return channel{
		id: routeID + "/" + name, kind: c.Kind,
		to: message.Address{Key: c.Kind + "-" + hex.EncodeToString(sum[:8]), URL: c.URL, To: c.To, Secret: c.Secret},
	}
}

// readGroups reads which group a tag belongs to from the rule set: alerts name
// the tag only.
func (r *router) readGroups(d defs.Def, groups map[string]string) {
	b, err := defs.Body[defs.Rules](d)
	if err != nil {
		r.log.Error("rule set definition cannot be read", zap.Error(err))
		return
	}
	for name, text := range b.Files {
		if strings.HasSuffix(name, "_test.yaml") {
			continue
		}
		var file struct {
			Tags map[string]struct {
				Group  string `yaml:"group"`
				Choose []struct {
					Tag string `yaml:"tag"`
				} `yaml:"choose"`
			} `yaml:"tags"`
		}
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			r.log.Error("groups of rules cannot be read", zap.String("file", name), zap.Error(err))
			continue
		}
		for tag, body := range file.Tags {
			groups[tag] = body.Group
			for _, c := range body.Choose {
				groups[c.Tag] = body.Group
			}
		}
	}
}

// plan is where an alert goes.
type plan struct {
	deliveries []inbox.Delivery
	audience   []string // besides the alert's own staff
}

// plan routes a new alert. Two routes that name the same address send once.
func (rs *routes) plan(e *inbox.Entry, at event.Time) plan {
	var p plan
	for _, who := range rs.recipients(e) {
		p.audience = append(p.audience, who.ID)
	}
	targets := map[string]bool{}
	for _, rt := range rs.list {
		if !rs.matches(rt.match, e) {
			continue
		}
		p.audience = append(p.audience, rt.staff...)
		for _, c := range rt.channels {
			if targets[c.to.Key] {
				continue
			}
			targets[c.to.Key] = true
			p.deliveries = append(p.deliveries, inbox.Delivery{
				Channel: c.id, Kind: c.kind, Target: c.to.Key, State: inbox.Planned, PlannedAt: at, NextAt: at,
			})
		}
	}
	slices.Sort(p.audience)
	p.audience = slices.Compact(p.audience)
	return p
}

func (rs *routes) matches(m defs.RouteMatch, e *inbox.Entry) bool {
	family, _, _ := strings.Cut(e.Tag, ":") // 渠道:抖音 is of the family 渠道
	group, ok := rs.groups[e.Tag]
	if !ok {
		group = rs.groups[family]
	}
	return in(m.Severity, e.Severity) && (in(m.Rule, e.Rule) || in(m.Rule, e.Tag)) && in(m.Group, group) && in(m.Store, e.StoreID)
}

func in(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }

// recipients are the people an alert is meant for. Someone who is not defined
// is known by id only.
func (rs *routes) recipients(e *inbox.Entry) []message.Recipient {
	ids := slices.Clone(e.Staff)
	what, name, _ := strings.Cut(e.To, ":")
	switch what {
	case "leader":
		if s, ok := rs.staff[e.StaffID]; ok {
			ids = append(ids, s.Leader)
		}
	case "store":
		ids = append(ids, rs.where(func(s defs.Staff) bool { return e.StoreID != "" && s.StoreID == e.StoreID })...)
	case "team":
		ids = append(ids, rs.where(func(s defs.Staff) bool { return slices.Contains(s.Teams, name) })...)
	case "person":
		ids = append(ids, name)
	default: // owner, owners, event.staff: the tagger knows them
		ids = append(ids, e.StaffID)
	}
	slices.Sort(ids)
	var out []message.Recipient
	for _, id := range slices.Compact(ids) {
		if id == "" {
			continue
		}
		s := rs.staff[id]
		out = append(out, message.Recipient{ID: id, Name: s.Name, Email: s.Email, Mobile: s.Mobile, WeComUserID: s.WeComUserID})
	}
	return out
}

func (rs *routes) where(fits func(defs.Staff) bool) []string {
	var out []string
	for _, id := range rs.ids {
		if fits(rs.staff[id]) {
			out = append(out, id)
		}
	}
	return out
}
