package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/lint"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// lintView is what there is to look at in the saved rules.
type lintView struct {
	Version  int64          `json:"version"`
	Saved    event.Time     `json:"saved"` // since when the rules are this version
	AsOf     event.Time     `json:"as_of"` // history is whole up to then; null: not known
	Use      lint.Use       `json:"use"`   // how tags are held and were given
	Findings []lint.Finding `json:"findings"`
}

// lintDays is how far the times a tag was given are looked back at.
const lintDays = 30

func (a *API) lintRules(w http.ResponseWriter, r *http.Request) error {
	days, err := number(r, "days")
	if err != nil {
		return err
	}
	if days > 3650 {
		return badRequest("days 最多 3650", "days is at most 3650")
	}
	if days == 0 {
		days = lintDays
	}
	if a.opt.Warehouse == nil {
		return away(errNoWarehouse)
	}
	d, body, err := a.savedRules()
	if err != nil {
		return err
	}
	set, err := rule.Compile(d.Version, body.Files)
	if err != nil {
		return err
	}
	v := lintView{Version: d.Version, Saved: d.Time, AsOf: a.archivedTo(r.Context())}
	since := event.At(a.opt.Now()).Add(-time.Duration(days) * 24 * time.Hour)
	use, err := a.opt.Warehouse.TagUse(r.Context(), warehouse.TagUseQuery{Since: since, Share: lint.OverlapShare})
	if err != nil {
		return err
	}
	v.Use = lint.Use{Days: days, Profiles: use.Profiles, Held: use.Held, Applied: use.Applied, Pairs: []lint.Pair{}}
	for _, p := range use.Pairs {
		v.Use.Pairs = append(v.Use.Pairs, lint.Pair(p))
	}
	static, err := lint.Set(set, body.Files)
	if err != nil {
		return err
	}
	used, err := lint.Used(set, body.Files, v.Use)
	if err != nil {
		return err
	}
	gifts, err := a.gifts()
	if err != nil {
		return err
	}
	given, err := lint.Given(set, body.Files, gifts)
	if err != nil {
		return err
	}
	v.Findings = filled(slices.Concat(static, used, given))
	return answer(w, http.StatusOK, v)
}

// gifts are the tags that definitions give.
func (a *API) gifts() ([]lint.Gift, error) {
	var out []lint.Gift
	for _, kind := range []string{defs.KindChannel, defs.KindStore, defs.KindLink, defs.KindForm} {
		for _, d := range a.opt.Defs.List(kind) {
			body, err := defs.Body[struct{ Tags []string }](d)
			if err != nil {
				return nil, err
			}
			for _, tag := range body.Tags {
				out = append(out, lint.Gift{Kind: kind, ID: d.ID, Tag: tag})
			}
		}
	}
	return out, nil
}
