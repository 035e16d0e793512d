package trial

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// Report is what came of all tests.
type Report struct {
	Passed int      `json:"passed"`
	Failed int      `json:"failed"`
	Tests  []Result `json:"tests"`
}

// Result is one test.
type Result struct {
	Test     string    `json:"test"`
	File     string    `json:"file"`
	Line     int       `json:"line"`
	OK       bool      `json:"ok"`
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one expectation that did not hold.
type Failure struct {
	Line     int        `json:"line"`
	Column   int        `json:"column"`
	At       event.Time `json:"at"`
	Local    string     `json:"local"` // At in the rule set's zone
	What     string     `json:"what"`  // has, has_not, alerts, measures, stage
	Name     string     `json:"name,omitempty"`
	Expected string     `json:"expected"`
	Got      string     `json:"got"`
	Hint     string     `json:"hint,omitempty"` // why it can never hold
}

// Run runs all tests of the files (name → YAML). The error is of type
// rule.Errors when a file cannot be read.
func Run(set *rule.Set, files map[string]string) (Report, error) {
	rep := Report{Tests: []Result{}}
	tests, err := read(files)
	if err != nil {
		return rep, err
	}
	var errs rule.Errors
	for _, t := range tests {
		res, err := t.run(set)
		if err != nil {
			errs = append(errs, *err)
			continue
		}
		if res.OK {
			rep.Passed++
		} else {
			rep.Failed++
		}
		rep.Tests = append(rep.Tests, res)
	}
	if len(errs) > 0 {
		return rep, errs
	}
	return rep, nil
}

func (t *oneTest) run(set *rule.Set) (Result, *rule.Error) {
	res := Result{Test: t.name, File: t.file, Line: t.line}
	refuse := func(line, column int, err error) *rule.Error {
		if e, ok := errors.AsType[rule.Error](err); ok {
			return &e
		}
		return &rule.Error{File: t.file, Line: line, Column: column, Message: err.Error()}
	}
	c := &clock{zone: set.Zone, start: event.At(time.Date(2026, 1, 1, 0, 0, 0, 0, set.Zone))}
	if t.start != "" {
		at, ok := c.absolute(t.start)
		if !ok {
			return res, refuse(t.line, 1, fmt.Errorf("start %[1]q 不是时间：请写 2026-03-02 10:00 / start %[1]q is not a time; write 2026-03-02 10:00", t.start))
		}
		c.start = at
	}
	c.last = c.start
	coming, err := t.arrivals(c)
	if err != nil {
		return res, refuse(t.line, 1, err)
	}
	behind := c.last // all events: where an expectation without a time stands
	for _, a := range coming {
		behind = max(behind, a.e.ReceivedAt)
	}
	w := &player{set: set, p: profile.New("test")}
	given := givenTags(coming)
	now := event.Time(0)
	for _, x := range t.expect {
		at := max(behind, now)
		if x.is.At != nil {
			if at, err = c.read(x.is.At); err != nil {
				return res, refuse(x.line, x.column, err)
			}
		}
		if at < now {
			return res, refuse(x.line, x.column, fmt.Errorf("这条期望早于上一条：时间只能往前走 / this expectation is earlier than the one before; time only moves on"))
		}
		c.last, now = at, at
		for len(coming) > 0 && coming[0].e.ReceivedAt <= at {
			w.event(coming[0])
			coming = coming[1:]
		}
		w.pass(at)
		j := &judgement{w: w, at: at, given: given}
		if err := j.judge(x.is); err != nil {
			return res, refuse(x.line, x.column, err)
		}
		for _, f := range j.failures {
			f.Line, f.Column, f.At, f.Local = x.line, x.column, at, at.Std().In(set.Zone).Format("2006-01-02 15:04:05.999")
			res.Failures = append(res.Failures, f)
		}
	}
	res.OK = len(res.Failures) == 0
	return res, nil
}

// givenTags are tags that events themselves bring: of channels, links, people.
func givenTags(all []arrival) map[string]bool {
	out := map[string]bool{}
	for _, a := range all {
		for _, t := range a.e.Tags {
			out[t] = true
		}
		if strings.HasPrefix(a.e.Type, "tag.") {
			out[a.e.Properties.String("tag")] = true
		}
	}
	return out
}

// judgement is one expectation being judged.
type judgement struct {
	w        *player
	at       event.Time
	given    map[string]bool
	failures []Failure
}

func (j *judgement) fail(f Failure) { j.failures = append(j.failures, f) }

func (j *judgement) judge(x expectSpec) error {
	for _, tag := range x.Has {
		if j.w.p.Tags[tag] == nil {
			j.fail(Failure{What: "has", Name: tag, Expected: tag, Got: j.tags(), Hint: j.unknownTag(tag)})
		}
	}
	for _, tag := range x.HasNot {
		hint := j.unknownTag(tag)
		if t := j.w.p.Tags[tag]; t != nil || hint != "" {
			j.fail(Failure{What: "has_not", Name: tag, Expected: "没有 no " + tag, Got: j.tags(), Hint: hint})
		}
	}
	if x.Stage != nil && *x.Stage != j.w.p.Stage {
		j.stage(*x.Stage)
	}
	order := make([]string, 0, len(x.Measures))
	for name := range x.Measures {
		order = append(order, name)
	}
	sort.Strings(order)
	for _, name := range order {
		if err := j.measure(name, x.Measures[name]); err != nil {
			return err
		}
	}
	return j.alerts(x.Alerts)
}

func (j *judgement) tags() string {
	var out []string
	for _, t := range j.w.p.TagStates() {
		s := t.Tag
		if t.ExpiresAt != 0 {
			s += " (至 until " + t.ExpiresAt.Std().In(j.w.set.Zone).Format("2006-01-02 15:04:05") + ")"
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return "没有标签 no tags"
	}
	return strings.Join(out, ", ")
}

func (j *judgement) unknownTag(tag string) string {
	if _, ok := j.w.set.RuleOf(tag); ok || j.given[tag] {
		return ""
	}
	var known []string
	for _, t := range j.w.set.Tags {
		switch {
		case t.Value != nil:
			known = append(known, t.Name+":…")
		case t.Choose != nil:
			for _, c := range t.Choose {
				known = append(known, c.Tag)
			}
		default:
			known = append(known, t.Name)
		}
	}
	return fmt.Sprintf("没有规则会给出标签 no rule gives the tag %q；规则给出的有 the rules give %s", tag, strings.Join(known, ", "))
}

func (j *judgement) stage(want string) {
	f := Failure{What: "stage", Expected: want, Got: j.w.p.Stage}
	if want == "" {
		f.Expected = "没有阶段 no stage"
	}
	if f.Got == "" {
		f.Got = "没有阶段 no stage"
	}
	if want != "" && !slices.ContainsFunc(j.w.set.Stages, func(s rule.Stage) bool { return s.Name == want }) {
		f.Hint = fmt.Sprintf("没有阶段 there is no stage %q", want)
	}
	j.fail(f)
}

func (j *judgement) measure(name string, want any) error {
	m, ok := j.w.set.Measure(name)
	if !ok {
		j.fail(Failure{What: "measures", Name: name, Expected: fmt.Sprint(want), Got: "没有这个指标 no such measure", Hint: fmt.Sprintf("规则里没有指标 the rules have no measure %q", name)})
		return nil
	}
	got := m.Value(j.w.p, max(j.at, j.w.p.Clock))
	same, err := equal(got, want)
	if err != nil {
		return fmt.Errorf("measures.%s: %w", name, err)
	}
	if !same {
		text := got.String()
		if got.Kind == cond.Absent {
			text = "缺失 absent"
		}
		j.fail(Failure{What: "measures", Name: name, Expected: wanted(want), Got: text})
	}
	return nil
}

func wanted(want any) string {
	switch v := want.(type) {
	case nil:
		return "缺失 absent"
	case []any:
		return cond.Of(v).String()
	}
	return fmt.Sprint(want)
}

// equal compares a measure with what is written. A score is compared to as many
// digits as are written.
func equal(got cond.Value, want any) (bool, error) {
	switch w := want.(type) {
	case nil:
		return got.Kind == cond.Absent, nil
	case []any:
		l := cond.Of(w).List
		slices.Sort(l)
		return got.Kind == cond.List && slices.Equal(l, got.List), nil
	case bool:
		return got.Kind == cond.Bool && got.Bool == w, nil
	case map[string]any:
		return false, fmt.Errorf("这里应该是数字、文本或列表 / a number, text or list is expected here")
	}
	text := fmt.Sprint(want)
	switch got.Kind {
	case cond.Number:
		if got.More {
			return got.String() == text, nil
		}
		d, err := decimal.Parse(text)
		return err == nil && d.Equal(got.Number), nil
	case cond.Score:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return false, nil
		}
		_, digits, _ := strings.Cut(text, ".")
		return math.Abs(got.Score-f) <= 0.5*math.Pow10(-len(digits))+1e-9, nil
	}
	return got.String() == text, nil
}

// alerts compares those raised since the test began.
func (j *judgement) alerts(want any) error {
	got := make([]string, 0, len(j.w.alerts))
	for _, a := range j.w.alerts {
		got = append(got, a.Tag)
	}
	said := "没有 none"
	if len(j.w.alerts) > 0 {
		var lines []string
		for _, a := range j.w.alerts {
			lines = append(lines, fmt.Sprintf("%s (%s, %q)", a.Tag, a.RaisedAt.Std().In(j.w.set.Zone).Format("2006-01-02 15:04:05"), a.Title))
		}
		said = strings.Join(lines, ", ")
	}
	switch v := want.(type) {
	case nil:
		return nil
	case uint64, int64, int:
		if fmt.Sprint(v) != strconv.Itoa(len(got)) {
			j.fail(Failure{What: "alerts", Expected: fmt.Sprint(v), Got: fmt.Sprintf("%d: %s", len(got), said)})
		}
		return nil
	case []any, string:
		return j.named(v, said)
	}
	return fmt.Errorf("alerts 是个数或标签的列表，不能是 %[1]v / alerts is a number or a list of tags, not %[1]v", want)
}

// named compares alerts with a list of tags, rules or {tag, title, …}.
func (j *judgement) named(want any, said string) error {
	list, ok := want.([]any)
	if !ok {
		list = []any{want}
	}
	rest := slices.Clone(j.w.alerts)
	for _, w := range list {
		i := slices.IndexFunc(rest, func(a event.Alert) bool { return alertIs(a, w) })
		if i < 0 {
			j.fail(Failure{What: "alerts", Name: alertText(w), Expected: alertText(w), Got: said})
			continue
		}
		rest = slices.Delete(rest, i, i+1)
	}
	for _, a := range rest {
		j.fail(Failure{What: "alerts", Name: a.Tag, Expected: "没有更多提醒 no further alert", Got: said})
	}
	return nil
}

func alertText(w any) string {
	m, ok := w.(map[string]any)
	if !ok {
		return fmt.Sprint(w)
	}
	var parts []string
	for k, v := range m {
		parts = append(parts, fmt.Sprintf("%s: %v", k, v))
	}
	sort.Strings(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

func alertIs(a event.Alert, w any) bool {
	m, ok := w.(map[string]any)
	if !ok {
		name := fmt.Sprint(w)
		return a.Tag == name || a.Rule == name
	}
	for k, v := range m {
		got, known := map[string]string{
			"tag": a.Tag, "rule": a.Rule, "severity": a.Severity, "title": a.Title, "advice": a.Advice, "to": a.To, "staff_id": a.StaffID,
			"store_id": a.StoreID, "channel": a.Channel,
		}[k]
		if !known || got != fmt.Sprint(v) {
			return false
		}
	}
	return true
}
