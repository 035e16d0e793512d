package tagging

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/schemas"
)

// alertAction is the action that an event carries, nil when it is none.
func alertAction(e *event.Event) *event.AlertAction {
	verb := e.AlertVerb()
	if verb == "" {
		return nil
	}
	a := &event.AlertAction{
		Verb: verb, By: e.Properties.String("by"), At: e.Time, EventID: e.EventID,
		To: e.Properties.String("to"), Text: e.Properties.String("text"),
	}
	if until, err := event.ParseTime(e.Properties.String("until")); err == nil {
		a.Until = until
	}
	return a
}

// alertAction sends what a person did after the alert, in the same partition, so
// it never overtakes the alert.
func (o *owner) alertAction(bt *batch, h *held, e *event.Event, a *event.AlertAction) error {
	if !h.p.Remember(profile.IDHash(e.Source, e.EventID), e.ReceivedAt) {
		return nil
	}
	bt.touch(h.p.ID)
	b, err := event.EncodeJSON(event.Alert{AlertID: e.Properties.String("alert_id"), Profile: h.p.ID, Cause: e.EventID, RaisedAt: e.Time, Action: a})
	if err != nil {
		return err
	}
	bt.put(schemas.TopicAlerts, o.number, h.p.ID, b)
	return nil
}
