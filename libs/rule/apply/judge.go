package apply

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/calendar"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// Reasons of changes.
const (
	ReasonRule       = "rule"
	ReasonExpiry     = "expiry"
	ReasonTime       = "time"
	ReasonManual     = "manual"
	ReasonMerge      = "merge"
	ReasonUnmerge    = "unmerge"
	ReasonActivation = "activation"
	ReasonRefused    = "profiling refused"
)

// Result is what came of a step, in order. Order of each change and alert is
// filled in by whoever commits it.
type Result struct {
	Changes   []event.Change
	Alerts    []event.Alert
	Duplicate bool       // the event had been applied before
	Changed   bool       // the profile is not what it was
	Traits    bool       // a value of a trait has been brought into another form
	Memo      *cond.Memo // of an event: what the rules have read of the profile as it is now
}

// judge is one step over one profile.
type judge struct {
	set    *rule.Set
	p      *profile.Profile
	res    *Result
	ev     *event.Event // nil for timers, merges, activations
	at     event.Time   // when what is decided takes effect
	cause  string
	reason string
	fresh  bool             // alerts may be raised
	late   bool             // facts came in from before the clock
	again  bool             // … or at it: moments that were judged are to be judged again
	timer  bool             // time alone moved
	all    bool             // judge every rule
	folds  rule.FoldNumbers // that the event has fed
	memo   *cond.Memo
	now    cond.Moment // for conditions, one after the other
	tags   map[string]bool
	open   rule.TagSet // rules that are to be judged
	traits bool
	stage  bool
}

func (j *judge) moment() *cond.Moment {
	j.now = cond.Moment{Now: j.p.Clock, Profile: j.p, Event: j.ev, Memo: j.memo}
	return &j.now
}

// rules judges, in dependency order, every rule that the step can affect.
func (j *judge) rules() {
	if j.memo == nil {
		j.memo = &cond.Memo{}
	}
	j.memo.Reset(j.p.Clock, len(j.set.Measures))
	step := rule.Step{All: j.all, Timer: j.timer, Traits: j.traits, Stage: j.stage, Folds: j.folds, Tags: j.tags}
	if j.ev != nil {
		step.Event = j.ev.Type
	}
	j.open = j.set.Affected(step)
	j.set.Climb(j.moment(), step, j.open)
	j.walk(false)
	j.stages()
	if j.stage {
		j.open.Add(j.set.StageReaders())
	}
	j.walk(true)
}

// walk judges the open rules that read the stage, or those that do not. A rule
// whose tag changes opens those that read it, which stand behind it.
func (j *judge) walk(stage bool) {
	for i := j.open.Next(-1); i >= 0; i = j.open.Next(i) {
		if t := j.set.Tags[i]; t.Uses.Stage == stage {
			j.tag(t)
		}
	}
}

func (j *judge) tag(t *rule.Tag) {
	switch {
	case t.Events != nil:
		if j.ev != nil && t.Events[j.ev.Type] {
			j.eventTag(t)
		}
	case !j.affects(&t.Uses):
	case t.Choose != nil:
		j.choose(t)
	default:
		j.stateTag(t)
	}
}

// affects says that the step may change what the condition gives.
func (j *judge) affects(u *rule.Uses) bool {
	if j.all || j.timer && u.Timed || j.traits && u.Traits || j.stage && u.Stage {
		return true
	}
	if u.ReadsAny(j.folds) {
		return true
	}
	return len(j.tags) > 0 && slices.ContainsFunc(u.Tags, func(name string) bool { return j.tags[name] })
}

func (j *judge) stateTag(t *rule.Tag) {
	holds := t.When.Eval(j.moment()).True()
	if holds || t.Lasts == 0 {
		j.set1(t, t.Name, "", holds, 0)
		return
	}
	old := j.p.Tags[t.Name]
	var until event.Time
	switch {
	case old != nil && old.Expires == 0 && !j.again && !j.all:
		until = j.p.Clock.Add(t.Lasts) // it held until now
	case j.again || j.all:
		if last := lastHeld(t, j.p); last != 0 {
			until = last.Add(t.Lasts)
		}
	case old != nil:
		until = old.Expires
	}
	j.set1(t, t.Name, "", until > j.p.Clock, until)
}

// maxFlips bounds the search for the last moment at which a condition held.
const maxFlips = 5000

// lastHeld is the end of the last stretch within `lasts` before the clock in
// which the condition held; 0 when it held at no moment of it.
func lastHeld(t *rule.Tag, p *profile.Profile) event.Time {
	m := &cond.Moment{Now: p.Clock.Add(-t.Lasts), Profile: p}
	var last event.Time
	for range maxFlips {
		held := t.When.Eval(m).True()
		next := t.When.Next(m)
		if next == 0 || next > p.Clock {
			next = p.Clock
		}
		if held {
			last = next
		}
		if next >= p.Clock {
			break
		}
		m.Now = next
	}
	return last
}

func (j *judge) choose(t *rule.Tag) {
	chosen := ""
	for _, c := range t.Choose {
		if c.When.Eval(j.moment()).True() {
			chosen = c.Tag
			break
		}
	}
	for _, c := range t.Choose {
		if c.Tag != chosen {
			j.set1(t, c.Tag, "", false, 0)
		}
	}
	if chosen != "" {
		j.set1(t, chosen, "", true, 0)
	}
}

// eventTag judges at the event's own time.
func (j *judge) eventTag(t *rule.Tag) {
	m := &cond.Moment{Now: j.ev.Time, Profile: j.p, Event: j.ev, Memo: j.memo}
	if t.When != nil && !t.When.Eval(m).True() {
		return
	}
	values := []string{""}
	if t.Value != nil {
		if values = texts(t.Value.Eval(m)); len(values) == 0 {
			return
		}
	}
	if t.Times != nil && (!j.oftenEnough(t) || j.given(t)) {
		return
	}
	for _, value := range values {
		name := t.Name
		if t.Value != nil {
			name, value = j.family(t, value)
		}
		j.give(t, name, value)
	}
}

// texts are the values of a family that an event names: each of a list by itself.
func texts(v cond.Value) []string {
	list := []string{v.String()}
	if v.Kind == cond.List {
		list = v.List
	}
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
}

// give lets an event tag hold from its event on.
func (j *judge) give(t *rule.Tag, name, value string) {
	var until event.Time
	if t.Lasts > 0 {
		until = j.ev.Time.Add(t.Lasts)
	}
	held := j.p.Tags[name] != nil
	if until == 0 || until > j.p.Clock {
		if old := j.p.Tags[name]; old != nil && (old.Expires == 0 && t.Lasts > 0 && old.Rule == t.Name || old.Expires > until) {
			until = old.Expires // an older event does not shorten it
		}
		j.set1(t, name, value, true, until)
	}
	if held || j.p.Tags[name] != nil {
		j.alert(t, name, "match")
	}
}

// matchesKept is longer than a calendar month and the lateness that folds exactly.
const matchesKept = 33 * 24 * time.Hour

// given says that a rule that gives once, a period or ever, has done so, and notes
// that it does now.
func (j *judge) given(t *rule.Tag) bool {
	var at event.Time
	switch t.Times.Once {
	case "period":
		at, _ = calendar.Period(t.Times.Per, j.ev.Time, j.set.Zone)
	case "ever":
		at = 1
	default:
		return false
	}
	if j.p.Given[t.Name] == at {
		return true
	}
	j.p.NoteGiven(t.Name, at)
	return false
}

// family is the tag of a value; beyond the limit 其他 takes all.
func (j *judge) family(t *rule.Tag, value string) (tag, val string) {
	tag = t.Name + ":" + value
	if j.p.Tags[tag] != nil {
		return tag, value
	}
	n := 0
	for name := range j.p.Tags {
		if strings.HasPrefix(name, t.Name+":") {
			n++
		}
	}
	if n >= rule.MaxFamily {
		return t.Name + ":其他", "其他"
	}
	return tag, value
}

// oftenEnough notes the match and says that its calendar period has enough.
func (j *judge) oftenEnough(t *rule.Tag) bool {
	j.p.NoteMatch(t.Name, profile.Fact{T: j.ev.Time, H: profile.IDHash(j.ev.Source, j.ev.EventID)}, j.p.Clock.Add(-matchesKept))
	from, to := calendar.Period(t.Times.Per, j.ev.Time, j.set.Zone)
	n := 0
	for _, f := range j.p.Matches[t.Name] {
		if f.T >= from && f.T < to {
			n++
		}
	}
	return n >= t.Times.AtLeast
}

func (j *judge) stages() {
	if len(j.set.Stages) == 0 {
		return
	}
	want := j.p.Stage
	found, barred := false, false
	for _, s := range j.set.Stages {
		ok := s.Start && s.When == nil
		if s.When != nil {
			ok = s.When.Eval(j.moment()).True()
		}
		if ok && (s.Name == j.p.Stage || j.mayMove(s)) {
			want, found = s.Name, true
		} else {
			barred = barred || ok
		}
	}
	if !found && !barred { // a move that is not allowed leaves the stage as it is
		want = ""
	}
	if want == j.p.Stage {
		return
	}
	c := j.change(event.OpEntered, "stage:"+want)
	c.Stage, c.FromStage, c.Rule, c.RuleVersion = want, j.p.Stage, "stages", j.set.Version
	for _, s := range j.set.Stages {
		if s.Name == want {
			c.Evidence, c.Measures = j.evidence(&s.Uses), j.measures(&s.Uses)
		}
	}
	j.p.Stage, j.p.StageSince = want, j.at
	j.stage = true
	j.res.Changes = append(j.res.Changes, c)
}

// mayMove says that the stage may be entered from the one that is.
func (j *judge) mayMove(s rule.Stage) bool {
	if len(s.From) > 0 && !slices.Contains(s.From, j.p.Stage) {
		return false
	}
	return s.After == 0 || j.p.StageSince.Add(s.After) <= j.p.Clock
}

// change is a change of this step with its id.
func (j *judge) change(op event.Op, subject string) event.Change {
	return event.Change{
		ChangeID: event.DeriveID(j.p.ID, subject, string(op), j.cause), Op: op, Profile: j.p.ID,
		At: j.at, Reason: j.reason, Cause: j.cause, Known: j.p.Known(), Late: j.late,
	}
}

func dueCause(due event.Time) string { return "due:" + strconv.FormatInt(int64(due), 10) }
