package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/services/console/live"
)

func (a *API) tags(w http.ResponseWriter, r *http.Request) error {
	v, err := a.board.Now(r.Context())
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, v)
}

const (
	boardPace = 500 * time.Millisecond // changed counts go out no more often
	boardIdle = 2 * time.Second        // and the time alone no more often than this
)

func (a *API) tagStream(w http.ResponseWriter, r *http.Request) error {
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
		data, err := v.JSON()
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

type memberPage struct {
	AsOf    event.Time   `json:"as_of"`
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
	to := a.archivedTo(r.Context())
	page, err := a.opt.Warehouse.Members(r.Context(), warehouse.MembersQuery{Tag: r.PathValue("tag"), After: r.URL.Query().Get("cursor"), Limit: limit})
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
	out := memberPage{AsOf: to, Members: make([]memberView, len(page.Members)), Next: page.Next}
	for i, m := range page.Members {
		out.Members[i] = memberView{m, names[m.Profile]}
	}
	return answer(w, http.StatusOK, out)
}
