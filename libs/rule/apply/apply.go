package apply

import (
	"slices"
	"strconv"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// Input is one interaction with what the resolver and the log say of it.
type Input struct {
	Event    *event.Event
	Own      []event.Identity // identities of the event that are this profile's
	Place    event.Time       // place in time
	Internal bool             // a test, staff or internal identity
	Fresh    time.Duration    // an alert needs received_at − time below it
	Late     time.Duration    // farther behind the newest event marks the profile stale
	Memo     *cond.Memo       // to be used again; nil: one is made
}

// Event folds an interaction into the profile and judges what it can affect.
// Due timers up to in.Place must have been fired by Advance.
func Event(s *rule.Set, p *profile.Profile, in Input) Result {
	res := Result{}
	e := in.Event
	if p.Suppressed && e.Type != event.TypeConsent {
		return res
	}
	if !p.Remember(profile.IDHash(e.Source, e.EventID), e.ReceivedAt) { // by arrival, also for imports of long ago
		res.Duplicate = true
		return res
	}
	res.Changed = true
	j := &judge{
		set: s, p: p, res: &res, ev: e, at: e.Time, cause: e.EventID, memo: in.Memo, reason: ReasonRule, late: e.Time < p.Clock, again: e.Time <= p.Clock,
		fresh: !e.Backfill && e.ReceivedAt.Sub(e.Time) < in.Fresh,
	}
	j.arrive(in)
	if j.consent(); p.Suppressed || p.Refused {
		return res
	}
	j.fold()
	j.catalogue(e.Tags)
	j.manual()
	j.rules()
	res.Memo = j.memo
	return res
}

// arrive takes in what an event says beside its facts.
func (j *judge) arrive(in Input) {
	p, e := j.p, j.ev
	if p.FirstSeen == 0 || e.Time < p.FirstSeen {
		p.FirstSeen = e.Time
		j.all = true // `absent` counts from it
	}
	if p.Newest != 0 && p.Newest.Sub(e.Time) > in.Late && !p.Stale {
		p.Stale = true
		j.res.Changes = append(j.res.Changes, j.change(event.OpStale, "stale"))
	}
	p.LastSeen, p.Newest, p.Clock = max(p.LastSeen, e.Time), max(p.Newest, e.Time), max(p.Clock, e.Time)
	if j.at < p.Clock && j.late {
		j.at = p.Clock // state is judged at the clock
	}
	for _, id := range in.Own {
		j.traits = p.AddIdentity(id) || j.traits
	}
	p.Internal = p.Internal || in.Internal
	for name, v := range e.Traits {
		j.traits = p.SetTrait(name, event.Trait{Value: v, Source: e.Source, Time: e.Time}, j.set.Traits) || j.traits
	}
	j.staff()
	if e.Channel != "" && !slices.Contains(p.Channels, e.Channel) {
		p.Channels, j.traits = profile.AddTo(p.Channels, e.Channel), true
	}
	if e.StoreID != "" && !slices.Contains(p.Stores, e.StoreID) {
		p.Stores, j.traits = profile.AddTo(p.Stores, e.StoreID), true
	}
	if e.Backfill {
		p.Import = e.Import
		if p.Import == "" {
			p.Import = OpenImport
		}
	}
}

// OpenImport is the import of events that name none: those of /v1/import and
// with context.backfill.
const OpenImport = "backfill"

// twoWay are contacts in which customer and staff both take part.
var twoWay = map[string]bool{"chat.message": true, "chat.start": true, "call.start": true, "kf.session": true, "kf.enter": true}

func (j *judge) staff() {
	e := j.ev
	if e.StaffID == "" {
		return
	}
	before := j.p.Owner()
	switch {
	case e.Type == "contact.add" || e.Type == "contact.add_half":
		j.p.Meet(e.StaffID, profile.Contact{Since: e.Time})
	case e.Type == "contact.delete_by_staff" || e.Type == "contact.delete_by_customer":
		j.p.Meet(e.StaffID, profile.Contact{Left: e.Time})
	case twoWay[e.Type]:
		j.p.Meet(e.StaffID, profile.Contact{TwoWay: e.Time})
	}
	j.traits = j.traits || before != j.p.Owner()
}

// consent is read before any rule.
func (j *judge) consent() {
	c, ok := j.ev.Consent()
	if !ok {
		return
	}
	p := j.p
	if c.Refused != nil {
		p.Refused = *c.Refused
		j.all = j.all || !p.Refused
	}
	if c.Suppressed != nil {
		p.Suppressed = *c.Suppressed
	}
	if !p.Refused && !p.Suppressed {
		return
	}
	j.forget()
}

// forget lets go of what has been found out about a customer who does not want it;
// what people have decided stays.
func (j *judge) forget() {
	p := j.p
	j.reason = ReasonRefused
	for _, t := range p.TagStates() {
		if t.Origin != "manual" {
			j.drop(t.Tag, event.OpRemoved, nil)
		}
	}
	p.Folds, p.Matches, p.Recent = nil, nil, nil
	p.TagsChanged()
	p.ForgetLevels()
}

// fold adds the event's facts to every fold that its type feeds.
func (j *judge) fold() {
	e := j.ev
	feeds := len(j.set.EventTags(e.Type)) > 0 || len(e.Tags) > 0
	m := &cond.Moment{Now: e.Time, Profile: j.p, Event: e}
	for _, f := range j.set.FoldsOf(e.Type) {
		if f.Where != nil && !f.Where.Eval(m).True() {
			continue
		}
		fact := profile.Fact{T: e.Time, H: profile.IDHash(e.Source, e.EventID), N: f.Types[e.Type]}
		if f.Of != nil && !j.take(f, m, &fact) || f.Shape.Steps != nil && !step(f, m, &fact) {
			continue
		}
		j.p.FoldOf(f.Key).Add(f.Shape, fact, j.p.Clock)
		j.folds.Add(f)
		feeds = true
	}
	if feeds {
		j.p.Witness(evidenceOf(e))
	}
}

// step fills the fact with the steps of a sequence that the event matches and with
// what correlates it; false when it matches none, or lacks what correlates.
func step(f *rule.Fold, m *cond.Moment, fact *profile.Fact) bool {
	if fact.N = f.Steps(m); fact.N.IsZero() {
		return false
	}
	if f.Same == nil {
		return true
	}
	fact.S = f.Same.Eval(m).String()
	return fact.S != ""
}

// take fills the fact with what `of` gives; false when the event has no such
// value. Money counts in the base currency, at the rate of its day; without a rate
// it has no value.
func (j *judge) take(f *rule.Fold, m *cond.Moment, fact *profile.Fact) bool {
	switch v := f.Of.Eval(m); v.Kind {
	case cond.Number:
		fact.N = v.Number
		if f.Money {
			var ok bool
			if fact.N, ok = j.set.InBase(v.Number, m.Event.Currency, m.Event.Time); !ok {
				return false
			}
		}
		if f.Texts {
			fact.S = v.String()
		}
	case cond.Score:
		d, err := decimal.NewFromFloat64(v.Score)
		if err != nil {
			return false
		}
		fact.N = d
	case cond.Text:
		fact.S = v.Text
	case cond.Bool:
		fact.S = v.String()
	default:
		return false
	}
	return true
}

// Advance fires the profile's due timers up to and including to, in due order,
// each with its due time. stream is the stream time where the clock fires them,
// zero where a record stands behind them.
func Advance(s *rule.Set, p *profile.Profile, to event.Time, stream event.Time, fresh time.Duration) Result {
	res := Result{}
	for {
		due := NextDue(s, p, nil)
		if due == 0 || due > to {
			return res
		}
		res.Changed = true
		now := to
		if stream != 0 {
			now = stream
		}
		j := &judge{
			set: s, p: p, res: &res, at: due, cause: dueCause(due), reason: ReasonTime, timer: true,
			fresh: p.Import == "" && now.Sub(due) < fresh,
		}
		p.Clock = max(p.Clock, due)
		j.expire()
		j.rules()
	}
}

// expire ends the tags whose time is over.
func (j *judge) expire() {
	for _, t := range j.p.TagStates() {
		if t.ExpiresAt != 0 && t.ExpiresAt <= j.p.Clock {
			j.drop(t.Tag, event.OpExpired, nil)
			if r, ok := j.set.RuleOf(t.Tag); ok && r.Name == t.Rule {
				j.alert(r, t.Tag, "exit")
			}
		}
	}
}

// idle says that nothing is judged of a profile.
func idle(p *profile.Profile) bool {
	return p.Winner != "" || p.Refused || p.Suppressed || p.Awaits != "" || p.FirstSeen == 0
}

// NextDue is the profile's timer: the next moment after its clock at which time
// alone flips something; 0: none.
// memo: what has been read of the profile as it is now, or nil.
func NextDue(s *rule.Set, p *profile.Profile, memo *cond.Memo) event.Time {
	if idle(p) {
		return 0
	}
	due := p.NextExpiry()
	if memo == nil {
		memo = cond.NewMemo(p.Clock, len(s.Measures))
	}
	m := &cond.Moment{Now: p.Clock, Profile: p, Memo: memo}
	due = s.Climbs(m, due)
	clocked := s.Clocked(p.Folds)
	for i := clocked.Next(-1); i >= 0; i = clocked.Next(i) {
		t := s.Tags[i]
		m.Before = due // only the earliest is wanted
		if t.When != nil {
			due = cond.Earliest(due, t.When.Next(m))
		}
		for _, c := range t.Choose {
			due = cond.Earliest(due, c.When.Next(m))
		}
	}
	for _, st := range s.Stages {
		m.Before = due
		if st.When != nil && st.Uses.Timed {
			due = cond.Earliest(due, st.When.Next(m))
		}
		if ripe := p.StageSince.Add(st.After); st.After > 0 && ripe > p.Clock {
			due = cond.Earliest(due, ripe)
		}
	}
	return due
}

// Activate judges the whole profile by a new version of the rules: tags whose
// rule is gone leave, folds that no measure reads are dropped.
func Activate(s *rule.Set, p *profile.Profile) Result {
	res := Result{Changed: true}
	p.Rules = s.Version
	for key, f := range p.Folds {
		if shape, ok := s.Shape(key); ok {
			f.Fit(shape)
		} else {
			delete(p.Folds, key)
		}
	}
	res.Traits = p.FitTraits(s.Traits)
	if idle(p) {
		return res
	}
	j := &judge{
		set: s, p: p, res: &res, at: p.Clock, cause: "rules:" + strconv.FormatInt(s.Version, 10), reason: ReasonActivation,
		all: true,
	}
	for _, t := range p.TagStates() {
		if t.Origin != "rule" {
			continue
		}
		if r, ok := s.RuleOf(t.Tag); !ok || r.Name != t.Rule {
			j.drop(t.Tag, event.OpRemoved, nil)
		} else if r.Events != nil && r.Group != t.Group { // counts go by the group; other tags are judged below
			moved := *p.Tags[t.Tag]
			moved.Group, moved.Version = r.Group, s.Version
			j.put(t.Tag, &moved, event.OpRenewed, nil)
		}
	}
	j.rules()
	return res
}
