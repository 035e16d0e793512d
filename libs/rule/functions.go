package rule

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/calendar"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// Function is one function of the language.
type Function struct {
	Name  string
	Usage string // how it is called
	Event bool   // it looks at the event at hand: event tags and `where` only
	make  func(s scope, a arguments) (cond.Node, error)
}

// Functions are all functions of the language, sorted by name.
func Functions() []Function {
	return []Function{
		{"absent", `absent("order.pay", "90d")`, false, scope.absent},
		{"age", `age("birthday") >= 25`, false, scope.age},
		{"birthday", `birthday("birthday", "3d")`, false, scope.birthday},
		{"cut", `cut("净消费", "p80")`, false, scope.cut},
		{"festival", `festival("春节", "7d")`, false, scope.festival},
		{"first", `first("order.pay")`, true, scope.first},
		{"keyword", `keyword("询价")`, true, scope.keyword},
		{"known_for", `known_for("7d")`, false, scope.knownFor},
		{"month_day", `month_day("1,15,-1")`, true, scope.monthDay},
		{"regular", `regular("order.pay", "7d", 4)`, false, scope.regular},
		{"restarted", `restarted("order.pay", "30d")`, false, scope.restarted},
		{"stage_for", `stage_for("7d")`, false, scope.stageFor},
		{"stopped", `stopped("order.pay", "7d", 4)`, false, scope.stopped},
		{"tag", `tag("高意向") or tag("高意向", "3d")`, false, scope.tag},
		{"tags", `tags("渠道")`, false, scope.tags},
		{"time_of_day", `time_of_day("22:00-02:00")`, true, scope.timeOfDay},
		{"weekday", `weekday("mon-fri")`, true, scope.weekday},
	}
}

// Call resolves a function.
func (s scope) Call(name string, args []cond.Value) (cond.Node, error) {
	i := slices.IndexFunc(Functions(), func(f Function) bool { return f.Name == name })
	if i < 0 {
		return nil, unknownFunction(name)
	}
	f := Functions()[i]
	switch {
	case f.Event && !s.event:
		return nil, errNoEvent
	case !f.Event && !s.profile:
		return nil, s.needProfile(name)
	}
	return f.make(s, arguments{f, args})
}

// arguments are the constants that a function is called with.
type arguments struct {
	f    Function
	list []cond.Value
}

// wrong says in both languages what is wrong with the arguments, and how it is done.
func (a arguments) wrong(zh, en string) error {
	return fmt.Errorf("%[1]s，例如 %[3]s / %[2]s, as in %[3]s", zh, en, a.f.Usage)
}

// texts are the first n arguments as texts; up to `most` may be given.
func (a arguments) texts(n, most int) ([]string, error) {
	if len(a.list) < n || len(a.list) > most {
		count := strconv.Itoa(n)
		if most > n {
			count += " 到 " + strconv.Itoa(most)
		}
		return nil, a.wrong(fmt.Sprintf("%s 要 %s 个固定的值", a.f.Name, count), fmt.Sprintf("%s takes %d to %d constants", a.f.Name, n, most))
	}
	var out []string
	for _, v := range a.list {
		if v.Kind != cond.Text {
			return nil, a.wrong(a.f.Name+" 的参数是引号里的文本", a.f.Name+" takes texts in quotes")
		}
		out = append(out, v.Text)
	}
	return out, nil
}

// days reads a length of whole days: "7d", "1w".
func (a arguments) days(text string) (int, error) {
	d, err := cond.ParseDuration(text)
	if err != nil {
		return 0, err
	}
	if d%(24*time.Hour) != 0 || d > 366*24*time.Hour {
		return 0, a.wrong(fmt.Sprintf("%q 不是 366 天以内的整天数", text), fmt.Sprintf("%q is not a number of whole days up to 366", text))
	}
	return int(d / (24 * time.Hour)), nil
}

func (s scope) keyword(a arguments) (cond.Node, error) {
	t, err := a.texts(1, 1)
	if err != nil {
		return nil, err
	}
	list := t[0]
	if !slices.ContainsFunc(s.c.set.Keywords, func(l keywordList) bool { return l.Name == list }) {
		return nil, s.c.noList(list)
	}
	s.uses.Keywords = append(s.uses.Keywords, list)
	s.uses.Event = true
	version := s.c.set.listVersions[list]
	return cond.Func(func(m *cond.Moment) cond.Value {
		return cond.BoolOf(m.Event != nil && slices.ContainsFunc(m.Event.Matched, func(x event.Match) bool { return x.List == list && x.Version == version }))
	}), nil
}

// events is the fold of all events of a type, which keeps what the function needs.
func (s scope) events(name, typ string, shape profile.Shape) *Fold {
	shape.Keep += profile.Horizon
	f := s.c.fold(foldSpec{types: []string{typ}, shape: shape, naming: name + " " + typ})
	s.uses.fold(f)
	return f
}

func (s scope) absent(a arguments) (cond.Node, error) {
	t, err := a.texts(2, 2)
	if err != nil {
		return nil, err
	}
	d, err := cond.ParseDuration(t[1])
	if err != nil {
		return nil, err
	}
	s.uses.clock()
	return absentNode{s.events("absent", t[0], profile.Shape{Keeps: profile.KeepEnds}), d}, nil
}

// first holds for the event that is the first of its type, and for another event
// while none of the type has come before it.
func (s scope) first(a arguments) (cond.Node, error) {
	t, err := a.texts(1, 1)
	if err != nil {
		return nil, err
	}
	if !s.profile {
		return nil, s.needProfile("first")
	}
	s.uses.Event = true
	f := s.events("first", t[0], profile.Shape{Keeps: profile.KeepEnds})
	return cond.Func(func(m *cond.Moment) cond.Value {
		if m.Event == nil {
			return cond.BoolOf(false)
		}
		first := m.Profile.Folds[f.Key].FirstAt(profile.Ever(m.Now))
		me := profile.Fact{T: m.Event.Time, H: profile.IDHash(m.Event.Source, m.Event.EventID)}
		return cond.BoolOf(first == nil || profile.CompareFact(*first, me) >= 0)
	}), nil
}

func (s scope) habit(a arguments, name string) (regularNode, error) {
	out := regularNode{}
	if len(a.list) != 3 || a.list[0].Kind != cond.Text || a.list[1].Kind != cond.Text || a.list[2].Kind != cond.Number {
		return out, a.wrong(name+" 要事件类型、周期长度和周期个数", name+" takes an event type, the length of a period and how many periods")
	}
	days, err := a.days(a.list[1].Text)
	if err != nil {
		return out, err
	}
	n, _, ok := a.list[2].Number.Int64(0)
	if !ok || n < 1 || n > 52 || int(n)*days > 2*366 {
		return out, a.wrong(fmt.Sprintf("周期个数是 1 到 52，合计不超过两年，不能是 %s", a.list[2]), fmt.Sprintf("the number of periods is 1 to 52, together at most two years; here stands %s", a.list[2]))
	}
	s.uses.clock()
	keep := time.Duration(days*(int(n)+stoppedAfter+1)+1) * 24 * time.Hour
	f := s.events(name, a.list[0].Text, profile.Shape{Keep: keep, Keeps: profile.KeepHours})
	return regularNode{habit: habit{fold: f, days: days, n: int(n), zone: s.c.set.Zone}}, nil
}

func (s scope) regular(a arguments) (cond.Node, error) { return s.habit(a, "regular") }

func (s scope) stopped(a arguments) (cond.Node, error) {
	n, err := s.habit(a, "stopped")
	n.stopped = true
	return n, err
}

func (s scope) restarted(a arguments) (cond.Node, error) {
	t, err := a.texts(2, 2)
	if err != nil {
		return nil, err
	}
	d, err := cond.ParseDuration(t[1])
	if err != nil {
		return nil, err
	}
	s.uses.clock()
	return restartedNode{s.events("restarted", t[0], profile.Shape{Keep: d, Keeps: profile.KeepEnds}), d}, nil
}

func (s scope) tag(a arguments) (cond.Node, error) {
	t, err := a.texts(1, 2)
	if err != nil {
		return nil, err
	}
	name := t[0]
	s.uses.Tags = append(s.uses.Tags, name)
	if len(t) == 1 {
		return cond.Func(func(m *cond.Moment) cond.Value { return cond.BoolOf(m.Profile.Tags[name].Holds()) }), nil
	}
	d, err := cond.ParseDuration(t[1])
	if err != nil {
		return nil, err
	}
	s.uses.Since = true
	s.uses.clock()
	return agedNode{func(p *profile.Profile) event.Time {
		if held := p.Tags[name]; held != nil {
			return held.Since
		}
		return 0
	}, d}, nil
}

// tags are the values of a family that the customer holds.
func (s scope) tags(a arguments) (cond.Node, error) {
	t, err := a.texts(1, 1)
	if err != nil {
		return nil, err
	}
	family := t[0] + ":"
	s.uses.Tags = append(s.uses.Tags, t[0])
	return listNode(func(m *cond.Moment) cond.Value {
		var out []string
		for name := range m.Profile.Tags {
			if value, ok := strings.CutPrefix(name, family); ok {
				out = append(out, value)
			}
		}
		slices.Sort(out)
		return cond.ListOf(out)
	}), nil
}

// listNode is a leaf that gives a list.
type listNode func(m *cond.Moment) cond.Value

func (n listNode) Eval(m *cond.Moment) cond.Value { return n(m) }
func (listNode) Next(*cond.Moment) event.Time     { return 0 }
func (listNode) Kind() cond.Kind                  { return cond.List }

// atEvent judges the moment of the event at hand by what the one argument says.
func atEvent[T interface {
	Holds(at event.Time, zone *time.Location) bool
}](s scope, a arguments, parse func(string) (T, error)) (cond.Node, error) {
	t, err := a.texts(1, 1)
	if err != nil {
		return nil, err
	}
	when, err := parse(t[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.f.Name, err)
	}
	s.uses.Event, s.uses.Zone = true, true
	zone := s.c.set.Zone
	return cond.Func(func(m *cond.Moment) cond.Value {
		return cond.BoolOf(m.Event != nil && when.Holds(m.Event.Time, zone))
	}), nil
}

func (s scope) timeOfDay(a arguments) (cond.Node, error) {
	return atEvent(s, a, calendar.ParseSlot)
}

func (s scope) weekday(a arguments) (cond.Node, error) {
	return atEvent(s, a, calendar.ParseWeekdays)
}

func (s scope) monthDay(a arguments) (cond.Node, error) {
	return atEvent(s, a, calendar.ParseMonthDays)
}

// before reads how many days in front of an occasion count as well; none when it
// is not given.
func (a arguments) before(t []string) (int, error) {
	if len(t) < 2 {
		return 0, nil
	}
	return a.days(t[1])
}

func (s scope) birthday(a arguments) (cond.Node, error) {
	t, err := a.texts(1, 2)
	if err != nil {
		return nil, err
	}
	before, err := a.before(t)
	if err != nil {
		return nil, err
	}
	trait := t[0]
	s.uses.Traits = true
	s.uses.clock()
	return occasionNode{func(p *profile.Profile) (calendar.Occasion, bool) {
		text, _ := p.Traits[trait].Value.(string)
		return calendar.Birthday(text)
	}, before, s.c.set.Zone}, nil
}

func (s scope) festival(a arguments) (cond.Node, error) {
	t, err := a.texts(1, 2)
	if err != nil {
		return nil, err
	}
	before, err := a.before(t)
	if err != nil {
		return nil, err
	}
	day, err := calendar.Festival(t[0])
	if err != nil {
		return nil, fmt.Errorf("festival: %w", err)
	}
	s.uses.clock()
	return occasionNode{func(*profile.Profile) (calendar.Occasion, bool) { return day, true }, before, s.c.set.Zone}, nil
}

// knownFor is true once the customer was first seen so long ago.
func (s scope) knownFor(a arguments) (cond.Node, error) {
	return s.aged(a, func(p *profile.Profile) event.Time { return p.FirstSeen })
}

// stageFor is true once the stage has been held so long.
func (s scope) stageFor(a arguments) (cond.Node, error) {
	s.uses.Stage, s.uses.Since = true, true
	return s.aged(a, func(p *profile.Profile) event.Time { return p.StageSince })
}

func (s scope) aged(a arguments, of func(*profile.Profile) event.Time) (cond.Node, error) {
	t, err := a.texts(1, 1)
	if err != nil {
		return nil, err
	}
	d, err := cond.ParseDuration(t[0])
	if err != nil {
		return nil, err
	}
	s.uses.clock()
	return agedNode{of, d}, nil
}

// cut is a dated cut point of the base: what the rule set says of a measure.
func (s scope) cut(a arguments) (cond.Node, error) {
	t, err := a.texts(2, 2)
	if err != nil {
		return nil, err
	}
	if len(s.c.set.Cuts) == 0 {
		return nil, errors.New("还没有分位点：`tagwire rules cuts` 从客户里取出并写成 `cuts` 一块 / there are no cut points yet: `tagwire rules cuts` takes them from the customers and writes the block `cuts`")
	}
	points, ok := s.c.set.Cuts[t[0]]
	if !ok {
		return nil, fmt.Errorf("没有 %[1]q 的分位点：请用 `tagwire rules cuts` 取 / there are no cut points of %[1]q; `tagwire rules cuts` takes them", t[0])
	}
	point, ok := points.Points[t[1]]
	if !ok {
		return nil, fmt.Errorf("%[1]q 在 %[2]s 的分位点里没有 %[3]q / the cut points of %[1]q of %[2]s have no %[3]q", t[0], points.Date, t[1])
	}
	s.uses.Cuts = true
	return cond.Const{Value: cond.NumberOf(point)}, nil
}

// Cuts are the dated cut points of a measure over the whole base.
type Cuts struct {
	Date      string                     // day as of which they were taken
	Customers uint64                     // of how many; 0: it was not noted
	Points    map[string]decimal.Decimal // p20, p50, …
}
