package archive

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// change makes the row of a change.
func (e encoder) change(at place, value []byte) ([]row, event.Order, error) {
	var c event.Change
	if err := json.Unmarshal(value, &c); err != nil {
		return nil, event.Order{}, fmt.Errorf("decode change: %w", err)
	}
	if c.ChangeID == "" || c.Profile == "" {
		return nil, c.Order, fmt.Errorf("change lacks its id or profile: %w", errPoison)
	}
	r, err := e.changeRow(&c)
	if err != nil {
		return nil, c.Order, err
	}
	r.values = append(r.values, at.values()...)
	return []row{r}, c.Order, nil
}

func (e encoder) changeRow(c *event.Change) (row, error) {
	switch c.Op {
	case event.OpApplied, event.OpRenewed, event.OpRemoved, event.OpExpired:
		return e.tagChange(c)
	case event.OpEntered:
		return e.stageChange(c)
	case event.OpSnapshot:
		return e.snapshot(c)
	case event.OpMerged:
		if c.Other == "" {
			return row{}, fmt.Errorf("merge %s lacks the other profile: %w", c.ChangeID, errPoison)
		}
		values := []any{c.Other, c.Profile, c.ChangeID, moment(c.At), e.day(c.At), c.Reason, c.Cause}
		return row{tableMerges, 0, append(values, orderValues(c.Order)...)}, nil
	case event.OpConflict, event.OpShared, event.OpStale:
		values := []any{c.ChangeID, string(c.Op), c.Profile, c.Other, moment(c.At), e.day(c.At), c.Reason, c.Cause, warehouse.Version(c.Order)}
		return row{tableQuality, e.month(c.At), values}, nil
	default:
		return row{}, fmt.Errorf("change %s has the unknown operation %q: %w", c.ChangeID, c.Op, errPoison)
	}
}

func (e encoder) tagChange(c *event.Change) (row, error) {
	if c.Tag == "" {
		return row{}, fmt.Errorf("change %s lacks its tag: %w", c.ChangeID, errPoison)
	}
	evidence, err := jsonText(c.Evidence, len(c.Evidence))
	if err != nil {
		return row{}, err
	}
	values := []any{
		c.ChangeID, string(c.Op), c.Profile, c.Tag, c.Group, c.Value, c.Rule, c.RuleVersion, moment(c.At), e.day(c.At), optional(c.Since), optional(c.ExpiresAt),
		c.Reason, c.Cause, evidence, filledMap(c.Measures), c.Known, c.Late,
	}
	return row{tableTags, e.month(c.At), append(values, orderValues(c.Order)...)}, nil
}

func (e encoder) stageChange(c *event.Change) (row, error) {
	evidence, err := jsonText(c.Evidence, len(c.Evidence))
	if err != nil {
		return row{}, err
	}
	values := []any{
		c.ChangeID, c.Profile, c.Stage, c.FromStage, c.Rule, c.RuleVersion, moment(c.At), e.day(c.At), c.Reason, c.Cause, evidence,
		filledMap(c.Measures), c.Known, c.Late,
	}
	return row{tableStages, e.month(c.At), append(values, orderValues(c.Order)...)}, nil
}

func (e encoder) snapshot(c *event.Change) (row, error) {
	s := c.Snapshot
	if s == nil {
		return row{}, fmt.Errorf("snapshot %s is empty: %w", c.ChangeID, errPoison)
	}
	traits, err := jsonText(s.Traits, len(s.Traits))
	if err != nil {
		return row{}, err
	}
	text := func(name string) string { return traitText(s.Traits[name]) }
	values := []any{
		c.Profile, s.Known, s.Excluded, s.Stale, s.Stage, optional(s.StageSince), s.Owner, filled(s.Owners), filled(s.Channels), filled(s.Stores), identities(s.Identities),
		city(s.Traits), text("province"), text("industry"), text("level"), text("source"), text("gender"), age(s.Traits["age"]), intent(s.Measures),
		traits, filledMap(s.Measures),
	}
	values = append(values, held(s.Tags)...)
	values = append(values, moment(s.FirstSeen), moment(s.LastSeen), moment(s.Clock), moment(c.At), e.day(c.At))
	return row{tableProfiles, e.month(c.At), append(values, orderValues(c.Order)...)}, nil
}

// held are the columns of the tags that a profile holds, side by side.
func held(states []event.TagState) []any {
	n := len(states)
	var (
		tags, groups, texts, rules, origins = make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		since, expires, versions            = make([]time.Time, n), make([]*time.Time, n), make([]int64, n)
	)
	for i, t := range states {
		tags[i], groups[i], texts[i], rules[i], origins[i] = t.Tag, t.Group, t.Value, t.Rule, t.Origin
		since[i], versions[i] = moment(t.Since), t.RuleVersion
		if t.ExpiresAt != 0 {
			at := moment(t.ExpiresAt)
			expires[i] = &at
		}
	}
	return []any{tags, groups, texts, since, expires, rules, versions, origins}
}

// city is the city by which live counts are kept.
func city(traits map[string]event.Trait) string {
	for _, name := range profile.CityOf(traits) {
		return name
	}
	return ""
}

// intent is the measure by which rule packs call it.
func intent(measures map[string]string) any {
	for _, name := range []string{"意向分", "intent"} {
		if v, err := strconv.ParseFloat(measures[name], 64); err == nil {
			return &v
		}
	}
	return nil
}

// verbDelivered is the action that the notifier writes for each delivery.
const verbDelivered = "delivered"

// alert makes the row of an alert or of what was done about it, and that of a
// delivery.
func (e encoder) alert(at place, value []byte) ([]row, error) {
	var a event.Alert
	if err := json.Unmarshal(value, &a); err != nil {
		return nil, fmt.Errorf("decode alert: %w", err)
	}
	if a.AlertID == "" {
		return nil, fmt.Errorf("alert lacks its id: %w", errPoison)
	}
	evidence, err := jsonText(a.Evidence, len(a.Evidence))
	if err != nil {
		return nil, err
	}
	verb, when, act := "raised", a.RaisedAt, event.AlertAction{}
	if a.Action != nil {
		act = *a.Action
		verb, when = act.Verb, act.At
	}
	values := []any{
		a.AlertID, verb, act.EventID, moment(when), e.day(when), a.Profile, a.Rule, a.RuleVersion, a.Tag, a.Severity, a.Title, a.Advice, a.To,
		a.StaffID, filled(a.Staff), a.StoreID, a.Channel, optional(a.ReceivedAt), a.Cause, evidence, filledMap(a.Measures),
		act.By, optional(act.Until), act.To, act.Text,
	}
	values = append(values, orderValues(a.Order)...)
	rows := []row{{tableAlerts, e.month(when), append(values, at.values()...)}}
	if verb == verbDelivered {
		d := []any{a.AlertID, act.EventID, act.By, moment(when), e.day(when), a.Profile, act.To, act.Text}
		rows = append(rows, row{tableDeliveries, e.month(when), append(d, at.values()...)})
	}
	return rows, nil
}
