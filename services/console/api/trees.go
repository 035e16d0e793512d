package api

import (
	"context"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// choiceTree is one choice of a `choose` rule with the values it was judged by.
type choiceTree struct {
	Tag  string      `json:"tag"`
	Tree *cond.Shown `json:"tree"`
}

// trees shows the conditions of the rule with their values: as of the subject's
// moment, those of an event tag as of its newest evidence event.
func (a *API) trees(ctx context.Context, s *subject, e *explanation, t *rule.Tag) error {
	for _, c := range t.Choose {
		tree, err := s.rules.ChoiceTree(c)
		if err != nil {
			return err
		}
		e.Choose = append(e.Choose, choiceTree{c.Tag, tree.At(&cond.Moment{Now: s.now, Profile: s.p})})
	}
	tree, err := s.rules.Tree(t)
	if err != nil || tree == nil {
		return err
	}
	m := &cond.Moment{Now: s.now, Profile: s.p}
	if t.Events != nil {
		a.atEvent(ctx, m, e, t)
	}
	e.Tree = tree.At(m)
	return nil
}

// atEvent moves the moment to the newest event that the rule was judged by, and
// says so, or that it is not at hand.
func (a *API) atEvent(ctx context.Context, m *cond.Moment, e *explanation, t *rule.Tag) {
	newest := newestOf(e.Evidence, t)
	if newest == nil {
		e.TreeNote = &sentence{
			"没有可用的依据事件：树中读取事件的部分没有值，以下按客户现在的数据判断。",
			"There is no evidence event: parts that read the event have no value; the rest is judged by the customer's data as of now.",
		}
		return
	}
	if a.opt.Warehouse != nil {
		ev, ok, err := a.opt.Warehouse.Event(ctx, warehouse.EventQuery{Profile: m.Profile.ID, ID: newest.EventID, Type: newest.Type, Time: newest.Time})
		if err != nil {
			a.opt.Log.Warn("an evidence event could not be read from history", zap.String("event_id", newest.EventID), zap.Error(err))
		}
		if ok && err == nil {
			m.Event, m.Now, e.TreeEvent = ev, ev.Time, newest
			e.TreeNote = &sentence{"按最近一次依据事件及其发生的时刻判断。", "Judged by the newest evidence event, at its own time."}
			return
		}
	}
	e.TreeNote = &sentence{
		"依据事件的内容不在历史库中（尚未归档、已过期，或历史库暂不可用）：树中读取事件的部分没有值。",
		"The evidence event's content is not in history (not archived yet, expired, or history is away): parts that read the event have no value.",
	}
}

func newestOf(evidence []event.Evidence, t *rule.Tag) *event.Evidence {
	var newest *event.Evidence
	for i, ev := range evidence {
		if t.Events[ev.Type] && (newest == nil || ev.Time > newest.Time) {
			newest = &evidence[i]
		}
	}
	return newest
}
