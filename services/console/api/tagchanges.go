package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// tagChangeView is a customer who entered or left a tag.
type tagChangeView struct {
	warehouse.TagChange
	Name string `json:"name,omitempty"`
}

type tagChangePage struct {
	basis
	Changes []tagChangeView `json:"changes"`
	Next    string          `json:"next_cursor"`
}

// tagChanges lists who entered and left a tag, with the cause of each.
func (a *API) tagChanges(w http.ResponseWriter, r *http.Request) error {
	q, err := tagChangesQuery(r)
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
	page, err := a.opt.Warehouse.TagChanges(r.Context(), q)
	if err != nil {
		return err
	}
	var ids []string
	var fields []*string
	for i := range page.Changes {
		c := &page.Changes[i]
		ids = append(ids, c.Profile)
		for e := range c.Evidence {
			fields = append(fields, &c.Evidence[e].ObjectTitle)
		}
	}
	if err := a.openFields(r.Context(), who(r), fields...); err != nil {
		return err
	}
	slices.Sort(ids)
	names, err := a.namesOf(r.Context(), who(r), slices.Compact(ids))
	if err != nil {
		return err
	}
	out := tagChangePage{basis: on, Changes: make([]tagChangeView, len(page.Changes)), Next: page.Next}
	for i, c := range page.Changes {
		out.Changes[i] = tagChangeView{c, names[c.Profile]}
	}
	return answer(w, http.StatusOK, out)
}

// tagChangesQuery reads from, to, op, cursor and limit.
func tagChangesQuery(r *http.Request) (warehouse.TagChangesQuery, error) {
	v := r.URL.Query()
	q := warehouse.TagChangesQuery{Tag: r.PathValue("tag"), Cursor: v.Get("cursor")}
	var err error
	if q.Limit, err = number(r, "limit"); err != nil {
		return q, err
	}
	for name, into := range map[string]*event.Time{"from": &q.From, "to": &q.To} {
		if s := v.Get(name); s != "" {
			if *into, err = event.ParseTime(s); err != nil {
				return q, badRequest("参数 "+name+" 应为时间，例如 2026-05-01T00:00:00Z", "the parameter "+name+" is a time such as 2026-05-01T00:00:00Z")
			}
		}
	}
	known := []event.Op{event.OpApplied, event.OpRemoved, event.OpExpired, event.OpRenewed}
	for _, op := range v["op"] {
		for one := range strings.SplitSeq(op, ",") {
			if !slices.Contains(known, event.Op(one)) {
				return q, badRequest("参数 op 只能是 applied、removed、expired、renewed", "the parameter op is applied, removed, expired or renewed")
			}
			q.Ops = append(q.Ops, event.Op(one))
		}
	}
	return q, nil
}
