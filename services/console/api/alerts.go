package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
)

// alertView is an alert with its customer's name.
type alertView struct {
	inbox.Alert
	Name string `json:"name,omitempty"`
}

type alertPage struct {
	Alerts []alertView `json:"alerts"`
	Next   string      `json:"next_cursor"`
}

// maxNames is how many customers of a page of alerts are looked up by name; the
// titles of longer pages name them anyway.
const maxNames = 200

// showAlerts opens what is sealed.
func (a *API) showAlerts(ctx context.Context, by principal, list []inbox.Alert) ([]alertView, error) {
	out := make([]alertView, len(list))
	fields := make([]*string, 0, 3*len(list))
	var ids []string
	for i, one := range list {
		out[i].Alert = one
		fields = append(fields, &out[i].Title, &out[i].Advice, &out[i].Reason)
		if !slices.Contains(ids, one.Profile) && len(ids) < maxNames {
			ids = append(ids, one.Profile)
		}
	}
	if err := a.openFields(ctx, by, fields...); err != nil {
		return nil, err
	}
	names, err := a.namesOf(ctx, by, ids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Name = names[out[i].Profile]
	}
	return out, nil
}

func (a *API) alerts(w http.ResponseWriter, r *http.Request) error {
	limit, err := number(r, "limit")
	if err != nil {
		return err
	}
	q := inbox.Query{State: inbox.State(r.URL.Query().Get("state")), Cursor: r.URL.Query().Get("cursor"), Limit: limit}
	if q.State != "" && !slices.Contains(inbox.States(), q.State) {
		return badRequest("state 应为 open、claimed、acked、snoozed、dismissed 或 expired", "state is open, claimed, acked, snoozed, dismissed or expired")
	}
	page, err := a.opt.Inbox.List(r.Context(), q)
	if err != nil {
		return err
	}
	views, err := a.showAlerts(r.Context(), who(r), page.Alerts)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, alertPage{Alerts: views, Next: page.Next})
}

func (a *API) alert(w http.ResponseWriter, r *http.Request) error {
	one, err := a.opt.Inbox.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return a.answerAlert(w, r, http.StatusOK, one)
}

func (a *API) answerAlert(w http.ResponseWriter, r *http.Request, status int, one *inbox.Alert) error {
	views, err := a.showAlerts(r.Context(), who(r), []inbox.Alert{*one})
	if err != nil {
		return err
	}
	return answer(w, status, views[0])
}

func (a *API) alertStream(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	// The feed's place is taken before the headers say that the stream is open.
	updates := a.opt.Inbox.Follow(ctx, r.Header.Get("Last-Event-ID"))
	s, err := openStream(w)
	if err != nil {
		return nil
	}
	return pump(ctx, s, updates, func(u inbox.Update) error {
		if u.Resync {
			return s.name(u.ID, "resync")
		}
		views, err := a.showAlerts(ctx, who(r), []inbox.Alert{*u.Alert})
		if err != nil {
			return err
		}
		data, err := json.Marshal(views[0])
		if err != nil {
			return err
		}
		return s.send(u.ID, data)
	})
}

// alertRequest is what an action may say.
type alertRequest struct {
	Until   event.Time `json:"until"`
	To      string     `json:"to"`
	StaffID string     `json:"staff_id"`
	Text    string     `json:"text"`
	Reason  string     `json:"reason"`
	Note    string     `json:"note"`
	Outcome string     `json:"outcome"`
	Channel string     `json:"channel"`
}

// action is what a person does about an alert, with how to see that it is done.
type action struct {
	verb  string
	to    string
	text  string
	until event.Time
	done  func(*inbox.Alert) bool
}

// peopleVerbs are the actions of people; the notifier has others.
func peopleVerbs() []string {
	return []string{
		inbox.VerbSeen, inbox.VerbClaim, inbox.VerbAck, inbox.VerbSnooze, inbox.VerbDismiss, inbox.VerbHandover, inbox.VerbOutcome,
	}
}

func (a *API) alertAction(w http.ResponseWriter, r *http.Request) error {
	verb := r.PathValue("verb")
	if verb == inbox.VerbResend {
		return a.resend(w, r)
	}
	if !slices.Contains(peopleVerbs(), verb) {
		return notFound("没有这个操作", "there is no such action; there are "+strings.Join(peopleVerbs(), ", "))
	}
	var in alertRequest
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	one, err := a.opt.Inbox.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	by := who(r).by()
	act, err := in.action(verb, by, event.At(a.opt.Now()))
	if err != nil {
		return err
	}
	taken := verb == inbox.VerbClaim && one.State == inbox.Claimed && one.ClaimedBy != by
	if taken || !inbox.Allowed(verb, one.State) {
		p := refuse(http.StatusConflict, "not_allowed", "提醒当前状态不允许此操作，可能已被他人处理", "the alert's state does not allow this; somebody else may have dealt with it")
		p.Now = map[string]any{"state": one.State, "claimed_by": one.ClaimedBy}
		return p
	}
	props := event.Fields{"alert_id": one.AlertID}
	for name, v := range map[string]string{"to": act.to, "text": act.text, "until": act.until.String()} {
		if v != "" {
			props[name] = v
		}
	}
	if _, err := a.publish(r, one.Profile, deed{typ: "alert." + verb, properties: props}); err != nil {
		return err
	}
	after, done := a.acted(r.Context(), one, act)
	status := http.StatusOK
	if !done {
		status = http.StatusAccepted
	}
	return a.answerAlert(w, r, status, after)
}

// acted waits until the inbox shows the action; else it gives the alert as it
// was read last.
func (a *API) acted(ctx context.Context, last *inbox.Alert, act action) (*inbox.Alert, bool) {
	ctx, cancel := context.WithTimeout(ctx, a.opt.CommitWait)
	defer cancel()
	for {
		one, err := a.opt.Inbox.Get(ctx, last.AlertID)
		if err == nil {
			if last = one; act.done(one) {
				return one, true
			}
		}
		if !sleep(ctx, pollEvery) {
			return last, false
		}
	}
}

func (in alertRequest) action(verb, by string, now event.Time) (action, error) {
	out := action{verb: verb}
	switch verb {
	case inbox.VerbSeen:
		out.done = func(x *inbox.Alert) bool { return x.SeenAt != 0 }
	case inbox.VerbClaim:
		out.done = func(x *inbox.Alert) bool { return x.State == inbox.Claimed && x.ClaimedBy == by }
	case inbox.VerbAck:
		out.done = func(x *inbox.Alert) bool { return x.State == inbox.Acked }
	case inbox.VerbSnooze:
		out.until = in.Until
		if in.Until <= now {
			return out, badRequest("until 应为将来的时间，例如 2026-03-02T09:00:00Z", "until is a time to come, such as 2026-03-02T09:00:00Z")
		}
		out.done = func(x *inbox.Alert) bool { return x.State == inbox.Snoozed && x.SnoozedUntil == in.Until }
	case inbox.VerbDismiss:
		out.text = joined(in.Reason, in.Note, in.Text)
		out.done = func(x *inbox.Alert) bool { return x.State == inbox.Dismissed }
	case inbox.VerbHandover:
		if out.to = strings.TrimSpace(cmp.Or(in.To, in.StaffID)); out.to == "" {
			return out, badRequest("to 不能为空：交给谁", "to is missing: who takes it over")
		}
		out.done = func(x *inbox.Alert) bool { return x.StaffID == out.to && x.State == inbox.Open }
	case inbox.VerbOutcome:
		if out.text = joined(in.Outcome, in.Text); out.text == "" {
			return out, badRequest("outcome 不能为空：结果如何", "outcome is missing: what came of it")
		}
		out.done = func(x *inbox.Alert) bool { return x.Outcome == out.text }
	}
	if len(out.text) > maxNote {
		return out, badRequest("文字太长，最多 4000 字节", "the text is longer than 4,000 bytes")
	}
	return out, nil
}

// joined is what is given of several fields that mean the same, in one text.
func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}

// resend asks for dead deliveries to be made again.
func (a *API) resend(w http.ResponseWriter, r *http.Request) error {
	var in alertRequest
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := a.opt.Inbox.Resend(r.Context(), id, in.Channel, event.At(a.opt.Now())); err != nil {
		return err
	}
	one, err := a.opt.Inbox.Get(r.Context(), id)
	if err != nil {
		return err
	}
	return a.answerAlert(w, r, http.StatusAccepted, one)
}
