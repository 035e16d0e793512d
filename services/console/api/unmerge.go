package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// unmerge takes identities out of a customer: they become one of their own, each
// with its own past. It answers when the tagger has parted them; the pasts follow
// as soon as history has caught up.
func (a *API) unmerge(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Identities []string `json:"identities"`
		Reason     string   `json:"reason"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if a.opt.Warehouse == nil {
		return away(errNoWarehouse)
	}
	p, err := a.find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if len(in.Reason) > maxNote {
		return badRequest("reason 最多 4000 字节", "reason has at most 4000 bytes")
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" && p.PartedBy(&event.Unmerge{EventID: key}) {
		return a.partedAlready(w, r, p, in.Identities) // the answer was lost
	}
	moved, err := a.moved(p, in.Identities)
	if err != nil {
		return err
	}
	if err := a.historyThere(r.Context()); err != nil {
		return away(err) // both would wait for their pasts
	}
	out, done, err := a.perform(r, deed{typ: event.TypeUnmerge, text: strings.TrimSpace(in.Reason), properties: event.Fields{"identities": moved}})
	if err != nil {
		return err
	}
	parted := unmergeAnswer{doneAnswer: out}
	if done != nil {
		parted.New = done.Split[fmt.Sprint(moved[0])]
	}
	return answer(w, out.status(), parted)
}

// historyWait is how long history may take to say that it is there.
const historyWait = 2 * time.Second

func (a *API) historyThere(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, historyWait)
	defer cancel()
	return a.opt.Warehouse.Ping(ctx)
}

// unmergeAnswer names the customer that the identities have become.
type unmergeAnswer struct {
	doneAnswer
	New string `json:"new_profile_id,omitempty"`
}

// partedAlready answers a request that has been done.
func (a *API) partedAlready(w http.ResponseWriter, r *http.Request, p *profile.Profile, texts []string) error {
	s, err := a.subjectOf(r.Context(), p.ID)
	if err != nil {
		return err
	}
	out := unmergeAnswer{doneAnswer: doneAnswer{EventID: r.Header.Get("Idempotency-Key"), Profile: p.ID, Committed: true}}
	for _, text := range texts {
		if id, err := event.ParseIdentity(text); err == nil && out.New == "" {
			out.New = p.Split[a.stored(id).String()]
		}
	}
	if out.View, err = a.view(r.Context(), who(r), s); err != nil {
		return err
	}
	return answer(w, http.StatusOK, out)
}

// partedBy says that an unmerge has taken effect: its event waits for the past, as
// what comes behind it does.
func partedBy(p *profile.Profile, e *event.Event) bool {
	return e.Type == event.TypeUnmerge && p.PartedBy(&event.Unmerge{EventID: e.EventID})
}

// moved checks that the identities are the customer's and that some are left.
func (a *API) moved(p *profile.Profile, texts []string) ([]any, error) {
	var out []any
	for _, s := range texts {
		id, err := event.ParseIdentity(s)
		if err != nil {
			return nil, badRequest(fmt.Sprintf("身份 %q 应写作 命名空间:值", s), fmt.Sprintf("the identity %q is not namespace:value", s))
		}
		if id = a.stored(id); !slices.Contains(p.Identities, id) {
			return nil, refuse(http.StatusUnprocessableEntity, "not_its_identity",
				fmt.Sprintf("该客户没有身份 %s，可能已经拆出，请刷新后再试", s), fmt.Sprintf("this customer does not have the identity %s; it may have left already, please reload", s))
		}
		if !slices.Contains(out, any(id.String())) {
			out = append(out, id.String())
		}
	}
	switch len(out) {
	case 0:
		return nil, badRequest("请选择要拆出的身份", "name the identities that are to leave")
	case len(p.Identities):
		return nil, refuse(http.StatusUnprocessableEntity, "nothing_left", "至少要留下一个身份，否则没有可拆分的", "at least one identity must stay, or there is nothing to part")
	}
	return out, nil
}
