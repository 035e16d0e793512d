package apply

import (
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
)

// set1 makes one tag of a rule hold (until, 0: open end) or not, unless a person
// has decided about it.
func (j *judge) set1(t *rule.Tag, name, value string, hold bool, until event.Time) {
	if _, manual := j.p.Manual[name]; manual {
		return
	}
	old := j.p.Tags[name]
	switch {
	case hold && old == nil:
		j.put(name, &profile.Tag{
			Group: t.Group, Value: value, Since: j.since(t), Expires: until, Rule: t.Name, Version: j.set.Version, Origin: "rule",
			Evidence: j.evidence(&t.Uses),
		}, event.OpApplied, j.measures(&t.Uses))
		j.alert(t, name, "enter")
	case hold && (old.Expires != until || old.Rule != t.Name || old.Group != t.Group):
		renewed := *old
		renewed.Expires, renewed.Rule, renewed.Version, renewed.Group = until, t.Name, j.set.Version, t.Group
		if j.ev != nil {
			renewed.Evidence = j.evidence(&t.Uses)
		}
		j.put(name, &renewed, event.OpRenewed, j.measures(&t.Uses))
	case !hold && old != nil:
		j.drop(name, event.OpRemoved, j.measures(&t.Uses))
		j.alert(t, name, "exit")
	}
}

// since is when a tag that is applied now began to hold.
func (j *judge) since(t *rule.Tag) event.Time {
	if t.Events != nil && j.ev != nil {
		return j.ev.Time
	}
	return j.at
}

func (j *judge) put(name string, t *profile.Tag, op event.Op, measures map[string]string) {
	if j.p.Tags == nil {
		j.p.Tags = map[string]*profile.Tag{}
	}
	j.p.Tags[name] = t
	j.note(name, t, op, measures)
	if len(t.Evidence) > keptEvidence {
		t.Evidence = t.Evidence[:keptEvidence:keptEvidence]
	}
}

func (j *judge) drop(name string, op event.Op, measures map[string]string) {
	t := j.p.Tags[name]
	delete(j.p.Tags, name)
	j.note(name, t, op, measures)
}

func (j *judge) note(name string, t *profile.Tag, op event.Op, measures map[string]string) {
	c := j.change(op, "tag:"+name)
	c.Tag, c.Group, c.Value, c.Since, c.ExpiresAt = name, t.Group, t.Value, t.Since, t.Expires
	c.Rule, c.RuleVersion, c.Evidence, c.Measures = t.Rule, t.Version, t.Evidence, measures
	if op == event.OpExpired {
		c.Reason = ReasonExpiry
	}
	if j.tags == nil {
		j.tags = map[string]bool{}
	}
	j.tags[name] = true
	if family, _, found := strings.Cut(name, ":"); found {
		j.tags[family] = true // whoever reads all its values
	}
	j.p.TagsChanged()
	if j.open != nil {
		j.open.Add(j.set.TagReaders(name))
	} else {
		j.p.ForgetLevels() // not judged by its rule
	}
	j.res.Changes = append(j.res.Changes, c)
}

// catalogue applies the tags that definitions give: channels, links, forms. A tag that
// a rule decides at every moment is the rule's alone: it would take the other away again
// whenever something else lets it be judged.
func (j *judge) catalogue(names []string) {
	for _, name := range names {
		if _, manual := j.p.Manual[name]; manual || name == "" || j.p.Tags[name] != nil {
			continue
		}
		if t, ok := j.set.RuleOf(name); ok && t.State() {
			continue
		}
		j.put(name, &profile.Tag{
			Since: j.ev.Time, Rule: rule.Catalogue, Version: j.set.Version, Origin: rule.Catalogue,
			Evidence: []event.Evidence{evidenceOf(j.ev)},
		}, event.OpApplied, nil)
	}
}

// manual takes a person's decision: tag.add, tag.remove, tag.release.
func (j *judge) manual() {
	name := j.ev.Properties.String("tag")
	if name == "" {
		return
	}
	j.reason = ReasonManual
	defer func() { j.reason = ReasonRule }()
	by := j.ev.StaffID
	switch j.ev.Type {
	case "tag.add":
		j.p.SetManual(name, profile.Manual{On: true, At: j.ev.Time, By: by})
		if j.p.Tags[name] == nil {
			j.put(name, &profile.Tag{
				Group: j.ev.Properties.String("group"), Since: j.ev.Time, Rule: "manual", Version: j.set.Version,
				Origin: "manual", Evidence: []event.Evidence{evidenceOf(j.ev)},
			}, event.OpApplied, nil)
		}
	case "tag.remove":
		j.p.SetManual(name, profile.Manual{At: j.ev.Time, By: by})
		if j.p.Tags[name] != nil {
			j.drop(name, event.OpRemoved, nil)
		}
	case "tag.release":
		if _, ok := j.p.Manual[name]; ok {
			delete(j.p.Manual, name)
			if t := j.p.Tags[name]; t != nil && t.Origin == "manual" {
				j.drop(name, event.OpRemoved, nil)
			}
			j.all = true // the rules decide again
		}
	}
}

func evidenceOf(e *event.Event) event.Evidence {
	ev := event.Evidence{EventID: e.EventID, Type: e.Type, Time: e.Time, Source: e.Source}
	if e.Object != nil {
		ev.ObjectTitle = e.Object.Title
	}
	for _, m := range e.Matched {
		ev.Matched = append(ev.Matched, m.Words...)
	}
	return ev
}

const (
	maxEvidence  = 5 // of a change or an alert
	keptEvidence = 3 // of those, what the profile keeps with the tag
)

// evidence is the event at hand and the newest others that fed what the rule
// reads.
func (j *judge) evidence(u *rule.Uses) []event.Evidence {
	var out []event.Evidence
	if j.ev != nil {
		out = append(out, evidenceOf(j.ev))
	}
	for i := len(j.p.Recent) - 1; i >= 0 && len(out) < maxEvidence; i-- {
		r := j.p.Recent[i]
		if j.ev != nil && r.EventID == j.ev.EventID {
			continue
		}
		for key := range u.Folds {
			if _, feeds := j.set.Folds[key].Types[r.Type]; feeds {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

// measures are the values that the rule reads, as of now.
func (j *judge) measures(u *rule.Uses) map[string]string {
	if len(u.Measures) == 0 {
		return nil
	}
	out := make(map[string]string, len(u.Measures))
	for _, name := range u.Measures {
		if m, ok := j.set.Measure(name); ok {
			out[name] = m.Value(j.p, j.p.Clock).String()
		}
	}
	return out
}
