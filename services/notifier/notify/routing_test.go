package notify

import (
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/store/storetest"
)

// manual is a clock that stands until it is moved.
type manual struct {
	mu sync.Mutex
	at time.Time
}

func (m *manual) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *manual) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = m.at.Add(d)
}

func storeConnect(t *testing.T, addr string) redis.UniversalClient {
	t.Helper()
	return storetest.Connect(t, addr)
}

func entryOf(change func(*event.Alert)) *inbox.Entry {
	a := &event.Alert{AlertID: "a1", Rule: "高意向", Tag: "高意向", Severity: "high", To: "owner", StaffID: "zhang", StoreID: "s1"}
	change(a)
	return inbox.NewEntry(a, inbox.Keep{}.Defaults())
}

func TestWhoIsMeant(t *testing.T) {
	b := &book{changed: make(chan struct{})}
	b.put(t, defs.KindStaff, "zhang", defs.Staff{Name: "张", Leader: "boss", StoreID: "s1", Teams: []string{"vip"}})
	b.put(t, defs.KindStaff, "li", defs.Staff{Name: "李", StoreID: "s1"})
	b.put(t, defs.KindStaff, "wang", defs.Staff{Name: "王", StoreID: "s2", Teams: []string{"vip"}})
	r := newRouter(b, zap.NewNop())
	f := func(to string, want []string, change ...func(*event.Alert)) {
		t.Helper()
		e := entryOf(func(a *event.Alert) {
			a.To = to
			for _, fn := range change {
				fn(a)
			}
		})
		var got []string
		for _, p := range r.routes().recipients(e) {
			got = append(got, p.ID)
		}
		require.Equal(t, want, got, to)
	}
	f("owner", []string{"zhang"})
	f("owner", nil, func(a *event.Alert) { a.StaffID = "" })
	f("owner", []string{"unknown"}, func(a *event.Alert) { a.StaffID = "unknown" })
	f("event.staff", []string{"zhang"})
	f("owners", []string{"li", "zhang"}, func(a *event.Alert) { a.Staff = []string{"zhang", "li"} })
	f("leader", []string{"boss"})
	f("leader", nil, func(a *event.Alert) { a.StaffID = "li" })
	f("store", []string{"li", "zhang"})
	f("store", nil, func(a *event.Alert) { a.StoreID = "" })
	f("team:vip", []string{"wang", "zhang"})
	f("person:wang", []string{"wang"})
}

func TestRoutesChooseChannels(t *testing.T) {
	b := &book{changed: make(chan struct{})}
	r := newRouter(b, zap.NewNop())
	require.Empty(t, r.routes().plan(entryOf(func(*event.Alert) {}), 1).deliveries, "without routes there is the inbox only")

	robot := func(name, url string) defs.RouteChannel {
		return defs.RouteChannel{Kind: defs.RouteRobot, Name: name, URL: url}
	}
	b.put(t, defs.KindRoute, "all", defs.Route{Channels: []defs.RouteChannel{robot("a", "u1")}})
	b.put(t, defs.KindRoute, "high", defs.Route{
		Match: defs.RouteMatch{Severity: []string{"high"}}, Staff: []string{"boss"},
		Channels: []defs.RouteChannel{robot("again", "u1"), robot("b", "u2"), {Kind: defs.RouteEmail, To: "x@example.com"}},
	})
	b.put(t, defs.KindRoute, "rule", defs.Route{Match: defs.RouteMatch{Rule: []string{"询价"}}, Channels: []defs.RouteChannel{robot("c", "u3")}})
	b.put(t, defs.KindRoute, "group", defs.Route{Match: defs.RouteMatch{Group: []string{"意向"}, Store: []string{"s1", "s2"}}, Channels: []defs.RouteChannel{robot("d", "u4")}})
	b.put(t, defs.KindRules, defs.RulesID, defs.Rules{Files: map[string]string{
		"rules.yaml":   "measures:\n  x: {count: link.open}\ntags:\n  高意向:\n    group: 意向\n    when: x >= 3\n  渠道: {group: 渠道, event: contact.add, value: event.channel}\n  会员: {group: 会员等级, choose: [{tag: 钻石, when: x > 1}]}\n",
		"x_test.yaml":  "test: [this is no rule file\n",
		"broken.yaml":  ":\n  - nonsense: [",
		"another.yaml": "tags:\n  询价: {group: 关键词}\n",
	}})
	f := func(want []string, audience []string, change func(*event.Alert)) {
		t.Helper()
		p := r.routes().plan(entryOf(change), 1)
		var got []string
		for _, d := range p.deliveries {
			got = append(got, d.Channel)
			require.Equal(t, inbox.Planned, d.State)
			require.NotContains(t, d.Target, "u1", "the address is not in the ledger")
		}
		require.Equal(t, want, got)
		require.Equal(t, audience, p.audience)
	}
	f([]string{"all/a", "high/b", "high/email3", "group/d"}, []string{"boss", "zhang"}, func(*event.Alert) {})
	f([]string{"all/a"}, []string{"zhang"}, func(a *event.Alert) { a.Severity = "low"; a.StoreID = "s9" })
	f([]string{"all/a", "rule/c"}, nil, func(a *event.Alert) {
		a.Severity, a.Rule, a.Tag, a.StaffID = "low", "询价", "询价", ""
	})
	groups := r.routes().groups
	require.Equal(t, "会员等级", groups["钻石"])
	require.Equal(t, "渠道", groups["渠道"])
}
