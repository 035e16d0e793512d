package apply

import (
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// alert raises the rule's alert of that kind (enter, match, exit), if it has one,
// unless it is too late or cooling down.
func (j *judge) alert(t *rule.Tag, tag, each string) {
	i := slices.IndexFunc(t.Alerts, func(a *rule.Alert) bool { return a.Each == each })
	if i < 0 || !j.fresh || each != "exit" && j.p.Tags[tag] == nil {
		return
	}
	a := t.Alerts[i]
	key, id := t.Name, event.DeriveID(j.p.ID, t.Name, j.cause)
	if each == "exit" { // cools down by itself, and may stand beside an entry of the same cause
		key, id = "exit:"+t.Name, event.DeriveID(j.p.ID, t.Name, j.cause, each, tag)
	}
	if last, ok := j.p.Alerted[key]; ok && a.Cooldown > 0 && j.at.Sub(last) < a.Cooldown {
		return
	}
	j.p.NoteAlert(key, j.at)
	m := &cond.Moment{Now: j.p.Clock, Profile: j.p, Event: j.ev}
	used := t.Uses
	used.Measures = append(slices.Clone(used.Measures), a.Title.Uses.Measures...)
	out := event.Alert{
		AlertID: id, Profile: j.p.ID, Rule: t.Name, RuleVersion: j.set.Version, Tag: tag,
		Severity: a.Severity, Title: a.Title.Render(m), Advice: a.Advice.Render(m), To: a.To,
		StaffID: j.p.Owner(), RaisedAt: j.at, Cause: j.cause, Evidence: j.evidence(&t.Uses), Measures: j.measures(&used),
	}
	if a.Escalate != nil {
		out.EscalateAt, out.EscalateTo = j.at.Add(a.Escalate.After), a.Escalate.To
	}
	j.address(&out)
	j.res.Alerts = append(j.res.Alerts, out)
}

// address names the staff, store and channel that an alert is for.
func (j *judge) address(out *event.Alert) {
	if j.ev != nil {
		out.ReceivedAt, out.StoreID, out.Channel = j.ev.ReceivedAt, j.ev.StoreID, j.ev.Channel
	}
	person, named := strings.CutPrefix(out.To, "person:")
	switch {
	case out.To == "owners":
		out.Staff = j.p.Staff()
	case out.To == "event.staff" && j.ev != nil && j.ev.StaffID != "":
		out.StaffID = j.ev.StaffID
	case named && person != "":
		out.StaffID = person
	}
	if out.StoreID == "" && len(j.p.Stores) > 0 {
		out.StoreID = j.p.Stores[len(j.p.Stores)-1]
	}
}
