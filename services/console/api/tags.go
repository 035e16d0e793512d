package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/services/console/live"
	"github.com/tagwire/tagwire/services/console/shards"
)

func (a *API) tags(w http.ResponseWriter, r *http.Request) error {
	by, err := dimension(r)
	if err != nil {
		return err
	}
	v, err := a.board.Now(r.Context())
	if err != nil {
		return err
	}
	if by != "" {
		v = v.By(by)
	}
	return answer(w, http.StatusOK, v)
}

// dimension is `by`: the dimension by whose values counts are split; empty: none.
func dimension(r *http.Request) (string, error) {
	by := r.URL.Query().Get("by")
	if by == "" || slices.Contains(rule.Dimensions(), by) {
		return by, nil
	}
	all := strings.Join(rule.Dimensions(), ", ")
	return "", badRequest("参数 by 只能是 "+all, "the parameter by is one of "+all)
}

const (
	boardPace = 500 * time.Millisecond // changed counts go out no more often
	boardIdle = 2 * time.Second        // and the time alone no more often than this
)

func (a *API) tagStream(w http.ResponseWriter, r *http.Request) error {
	by, err := dimension(r)
	if err != nil {
		return err
	}
	first, err := a.board.Now(r.Context())
	if err != nil {
		return err
	}
	s, err := openStream(w)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	return pump(ctx, s, a.views(ctx, first), func(v *live.View) error {
		data, err := v.JSON(by)
		if err != nil {
			return err
		}
		return s.send("", data)
	})
}

// views gives the board now and whenever it is worth sending, until ctx ends.
// Who reads slowly gets the newest, not all.
func (a *API) views(ctx context.Context, first *live.View) <-chan *live.View {
	out := make(chan *live.View)
	go func() { // ends with ctx, which the caller cancels
		defer close(out)
		v := first
		for {
			select {
			case out <- v:
			case <-ctx.Done():
				return
			}
			if v = a.nextView(ctx, v); v == nil {
				return
			}
		}
	}()
	return out
}

// nextView waits for a view that differs from the one sent; nil when ctx ends.
func (a *API) nextView(ctx context.Context, sent *live.View) *live.View {
	pace, idle := time.After(boardPace), time.After(boardIdle)
	paced, idled := false, false
	for {
		v, changed := a.board.Watch()
		switch {
		case v == nil || v == sent:
		case idled, paced && v.Counted() != sent.Counted():
			return v
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-pace:
			paced = true
		case <-idle:
			idled = true
		}
	}
}

// memberView is a customer who holds a tag.
type memberView struct {
	warehouse.Member
	Name string `json:"name,omitempty"`
}

// basis is what every list from history stands on: up to when it is certainly
// whole, and the rules that all shards have.
type basis struct {
	AsOf         event.Time `json:"as_of"`
	RulesVersion int64      `json:"rules_version"`
}

func (a *API) basis(ctx context.Context) (basis, error) {
	all, err := a.shards.Peek(ctx)
	if err != nil {
		return basis{}, err
	}
	lowest, _ := shards.Lowest(all)
	return basis{a.archivedTo(ctx), lowest}, nil
}

type memberPage struct {
	basis
	Members []memberView `json:"members"`
	Next    string       `json:"next_cursor"`
}

func (a *API) members(w http.ResponseWriter, r *http.Request) error {
	limit, err := number(r, "limit")
	if err != nil {
		return err
	}
	if a.opt.Warehouse == nil {
		return away(errNoWarehouse)
	}
	on, err := a.basis(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	in := map[string]string{}
	for _, dim := range rule.Dimensions() {
		if q.Has(dim) {
			in[dim] = q.Get(dim)
		}
	}
	page, err := a.opt.Warehouse.Members(r.Context(), warehouse.MembersQuery{Tag: r.PathValue("tag"), In: in, After: q.Get("cursor"), Limit: limit})
	if err != nil {
		return err
	}
	ids := make([]string, len(page.Members))
	for i, m := range page.Members {
		ids[i] = m.Profile
	}
	names, err := a.namesOf(r.Context(), who(r), ids)
	if err != nil {
		return err
	}
	out := memberPage{basis: on, Members: make([]memberView, len(page.Members)), Next: page.Next}
	for i, m := range page.Members {
		out.Members[i] = memberView{m, names[m.Profile]}
	}
	return answer(w, http.StatusOK, out)
}
