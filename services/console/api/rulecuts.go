package api

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/console/activation"
	"github.com/tagwire/tagwire/services/console/cutpoints"
)

// cutsView are cut points as they were taken; the date is the day of AsOf in the
// rules' zone.
type cutsView struct {
	cutpoints.Taken
	AsOf event.Time `json:"as_of"` // history is whole up to then; null: not known
}

// cutRules takes cut points; nothing changes by it, since rules see only those
// that stand in the rule set.
func (a *API) cutRules(w http.ResponseWriter, r *http.Request) error {
	percents, err := percentages(r.URL.Query().Get("points"))
	if err != nil {
		return err
	}
	set, ok := a.sets.Newest()
	if !ok {
		return notFound("还没有保存过规则", "no rules have been saved yet")
	}
	name := r.URL.Query().Get("measure")
	m, ok := set.Measure(name)
	if !ok {
		return notFound("规则里没有指标 "+strconv.Quote(name), "the rules have no measure "+strconv.Quote(name))
	}
	if !m.Numeric() {
		return badRequest("指标 "+name+"（"+string(m.Kind)+"）的值不是数字，没有分位数", "the measure "+name+" ("+string(m.Kind)+") is no number and has no quantiles")
	}
	if a.opt.Warehouse == nil {
		return away(errNoWarehouse)
	}
	v := cutsView{Taken: cutpoints.Taken{Measure: name}, AsOf: a.archivedTo(r.Context())}
	at := v.AsOf
	if at == 0 {
		at = event.At(a.opt.Now())
	}
	v.Date = at.Std().In(set.Zone).Format(time.DateOnly)
	q, err := a.opt.Warehouse.MeasureQuantiles(r.Context(), name, percents)
	if err != nil {
		return err
	}
	if q.Profiles == 0 {
		return refuse(http.StatusConflict, "no_customers", "历史里还没有已知客户，取不出分位数", "history has no known customer yet, so there is nothing to take cut points of")
	}
	v.Customers = q.Profiles
	for i, p := range percents {
		v.Points = append(v.Points, cutpoints.Point{Point: "p" + strconv.Itoa(p), Value: q.Values[i].Trim(0).String()})
	}
	return answer(w, http.StatusOK, v)
}

// putCuts saves cut points that were taken as a new version of the rules, in
// which nothing else is changed: who saves has seen the very numbers.
func (a *API) putCuts(w http.ResponseWriter, r *http.Request) error {
	version, _, given, err := expected(r)
	if err != nil {
		return err
	}
	var taken cutpoints.Taken
	if err := readJSON(w, r, &taken); err != nil {
		return err
	}
	d, body, err := a.savedRules()
	if err != nil {
		return err
	}
	if given && version > 0 && version != d.Version {
		return &defs.ConflictError{Kind: d.Kind, ID: d.ID, Expect: version, Current: d}
	}
	var refused *cutpoints.RefusedError
	switch err := cutpoints.Put(body.Files, taken); {
	case errors.As(err, &refused):
		return refuse(http.StatusUnprocessableEntity, "cuts_refused", refused.Zh, refused.En)
	case err != nil:
		return err
	}
	return a.saveRules(w, r, activation.Request{Files: body.Files, Author: who(r).by(), Expect: d.Version})
}

// savedRules are the rules as they were saved last.
func (a *API) savedRules() (defs.Def, defs.Rules, error) {
	d, ok := a.opt.Defs.Get(defs.KindRules, defs.RulesID)
	if !ok {
		return d, defs.Rules{}, notFound("还没有保存过规则", "no rules have been saved yet")
	}
	body, err := defs.Body[defs.Rules](d)
	return d, body, err
}

// percentages reads 20,50,80.
func percentages(text string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		p, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || p < 1 || p > 99 {
			return nil, badRequest("points 是 1 到 99 的整数，用逗号隔开，例如 20,50,80", "points are whole numbers from 1 to 99 parted by commas, such as 20,50,80")
		}
		out = append(out, p)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
