package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/ruleset"
)

// pastView is a customer as it was at a moment, which is AsOf.
type pastView struct {
	*profileView
	ArchivedTo event.Time `json:"archived_to"` // up to when history is certainly whole; null: not known
	Late       bool       `json:"late,omitempty"`
}

func (a *API) at(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("time") == "" {
		return badRequest("缺少参数 time", "the parameter time is missing")
	}
	s, err := a.pastOf(r.Context(), r.PathValue("id"), r.URL.Query())
	if err != nil {
		return err
	}
	v, err := a.view(r.Context(), who(r), &s.subject)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, pastView{v, s.archivedTo, s.late})
}

// subjectAsked is the customer as of today, or as it was at the moment that the
// request names.
func (a *API) subjectAsked(r *http.Request) (*subject, error) {
	if r.URL.Query().Get("time") == "" {
		return a.subjectOf(r.Context(), r.PathValue("id"))
	}
	s, err := a.pastOf(r.Context(), r.PathValue("id"), r.URL.Query())
	if err != nil {
		return nil, err
	}
	return &s.subject, nil
}

// pastSubject is a customer at a past moment.
type pastSubject struct {
	subject
	archivedTo event.Time
	late       bool
}

// pastOf folds a customer's history up to the moment, by the rules in force
// today or by the version that the query names.
func (a *API) pastOf(ctx context.Context, id string, q url.Values) (*pastSubject, error) {
	moment, err := a.moment(q.Get("time"))
	if err != nil {
		return nil, err
	}
	if a.opt.Warehouse == nil {
		return nil, away(errNoWarehouse)
	}
	today, err := a.find(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &pastSubject{subject: subject{now: moment}}
	if s.rules, err = a.rulesAsked(ctx, today, q.Get("rules")); err != nil {
		return nil, err
	}
	if s.archivedTo, err = a.archivedBehind(ctx, today, moment); err != nil {
		return nil, err
	}
	life, err := a.opt.Warehouse.Life(ctx, today.ID)
	if err != nil {
		return nil, err
	}
	then := apply.At(s.rules.Set, life, a.whoThen(life, id, moment), moment)
	if then.Profile.FirstSeen == 0 {
		return nil, notYet(life, then.Profile.ID, moment)
	}
	then.Profile.Internal = today.Internal // a list of today, not a fact
	s.p, s.late = then.Profile, then.Late
	return s, nil
}

// whoThen is the profile that {id} stood for: before a merge each of the two.
func (a *API) whoThen(life *event.Life, id string, moment event.Time) string {
	ident, err := event.ParseIdentity(id)
	switch {
	case err != nil:
		return id
	case ident.Namespace == directNamespace:
		return ident.Value
	}
	return life.Holder(a.stored(ident), moment)
}

// moment reads the parameter time: RFC 3339 or milliseconds since 1970.
func (a *API) moment(text string) (event.Time, error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	t := event.Time(ms)
	if err != nil {
		// A plus sign that was not escaped arrives as a blank.
		i := strings.LastIndexByte(text, ' ')
		if t, err = event.ParseTime(text); err != nil && i > 0 {
			t, err = event.ParseTime(text[:i] + "+" + text[i+1:])
		}
	}
	switch now := event.At(a.opt.Now()); {
	case err != nil || t <= 0:
		return 0, badRequest("参数 time 应为 RFC 3339 时间（如 2026-03-01T08:00:00+08:00）或毫秒数", "the parameter time is an RFC 3339 time, like 2026-03-01T08:00:00+08:00, or a number of milliseconds")
	case t > now:
		return 0, badRequest(fmt.Sprintf("参数 time 晚于现在（%s），只能查看过去的时刻", now), fmt.Sprintf("the parameter time lies after now (%s); only past moments can be seen", now))
	}
	return t, nil
}

// rulesAsked are the rules that judge the past: those in force in the shard of
// the customer, or a version that was asked for.
func (a *API) rulesAsked(ctx context.Context, today *profile.Profile, version string) (*ruleset.Version, error) {
	if version == "" {
		pos, err := a.shards.Of(today.ID).Read(ctx)
		if err != nil {
			return nil, err
		}
		return a.sets.At(pos.Rules)
	}
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil || n < 1 {
		return nil, badRequest("参数 rules 应为规则版本号", "the parameter rules is the number of a version of the rules")
	}
	v, err := a.sets.At(n)
	if err != nil {
		p := notFound(fmt.Sprintf("没有可用的规则版本 %d", n), fmt.Sprintf("there is no usable version %d of the rules", n))
		p.cause = err
		return nil, p
	}
	return v, nil
}

// notYet says since when the customer is known.
func notYet(life *event.Life, id string, moment event.Time) error {
	var first event.Time
	own, _ := life.Of(id, moment)
	for _, a := range own {
		if first == 0 || a.Event.Time < first {
			first = a.Event.Time
		}
	}
	if first == 0 {
		return notFound("历史中没有该客户的任何事件，无法还原当时的画像", "history holds no event of this customer, so it cannot be shown as it was")
	}
	return notFound(
		fmt.Sprintf("该客户在 %s 还没有出现，最早的事件发生于 %s，请选择之后的时刻", moment, first),
		fmt.Sprintf("this customer was not known yet at %s: its first event happened at %s; please ask for a later moment", moment, first))
}

// archivedBehind waits until all that the log holds of the customer now is in
// history, unless history is whole up to the moment anyway. It gives up to when
// history is known to be whole, and refuses when the archiver is behind.
func (a *API) archivedBehind(ctx context.Context, p *profile.Profile, moment event.Time) (event.Time, error) {
	to := a.archivedTo(ctx)
	if to >= moment {
		return to, nil
	}
	ends := map[string][]stream.Range{}
	for _, topic := range []string{schemas.TopicEvents, schemas.TopicChanges} {
		var err error
		if ends[topic], err = a.opt.Stream.Ranges(ctx, topic, a.opt.Shards); err != nil {
			return 0, err
		}
	}
	began, tick := time.Now(), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for {
		whole, err := a.passed(ctx, append([]string{p.ID}, p.Absorbed...), ends)
		if err != nil || whole {
			return max(to, a.archivedTo(ctx)), err
		}
		if time.Since(began) > a.opt.CommitWait {
			return 0, behind(to)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
}

// passed says that the partitions of the profiles are in history up to ends.
func (a *API) passed(ctx context.Context, profiles []string, ends map[string][]stream.Range) (bool, error) {
	for topic, ranges := range ends {
		marks, err := a.opt.Warehouse.Archived(ctx, topic)
		if err != nil {
			return false, err
		}
		for _, id := range profiles {
			n := event.Shard(id, a.opt.Shards)
			if r := ranges[n]; r.End > r.First && marks[n].Next < r.End {
				return false, nil
			}
		}
	}
	return true, nil
}

// behind is the refusal while the archiver has not caught up.
func behind(to event.Time) error {
	known := cmp.Or(to.String(), "?")
	p := refuse(http.StatusServiceUnavailable, "history_behind",
		"历史库还没有追上日志（目前确认完整到 "+known+"），此时刻的画像可能不完整，请稍后重试",
		"history has not caught up with the log yet (certainly whole up to "+known+"), so the customer as of then might lack events; please try again in a moment")
	p.after = 5
	return p
}
