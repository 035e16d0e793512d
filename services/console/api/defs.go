package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
)

// defView is a definition as the API shows it: secrets masked.
type defView struct {
	Kind    string          `json:"kind"`
	ID      string          `json:"id"`
	Version int64           `json:"version"`
	Author  string          `json:"author"`
	Time    event.Time      `json:"time"`
	Body    json.RawMessage `json:"body"`
}

func viewDef(d defs.Def) defView {
	d = defs.Masked(d)
	if d.Body == nil {
		d.Body = json.RawMessage("{}")
	}
	return defView{d.Kind, d.ID, d.Version, d.Author, d.Time, d.Body}
}

func defKind(r *http.Request) (string, error) {
	kind := r.PathValue("kind")
	if !slices.Contains(defs.Kinds(), kind) {
		return "", notFound("没有这类定义", "there is no such kind; there are "+strings.Join(defs.Kinds(), ", "))
	}
	return kind, nil
}

func (a *API) listDefs(w http.ResponseWriter, r *http.Request) error {
	kind, err := defKind(r)
	if err != nil {
		return err
	}
	items := []defView{}
	for _, d := range a.opt.Defs.List(kind) {
		items = append(items, viewDef(d))
	}
	return answer(w, http.StatusOK, map[string]any{"items": items})
}

func (a *API) getDef(w http.ResponseWriter, r *http.Request) error {
	kind, err := defKind(r)
	if err != nil {
		return err
	}
	d, ok := a.opt.Defs.Get(kind, r.PathValue("id"))
	if !ok {
		return defs.ErrNotFound
	}
	w.Header().Set("ETag", etag(d.Version))
	return answer(w, http.StatusOK, viewDef(d))
}

// writable refuses the rules, which take effect in another way.
func writable(r *http.Request) (string, error) {
	kind, err := defKind(r)
	if err == nil && kind == defs.KindRules {
		err = refuse(http.StatusConflict, "use_rules", "规则请通过 PUT /api/v1/rules 保存，以便检查并生效", "save rules by PUT /api/v1/rules, which checks and activates them")
	}
	return kind, err
}

func (a *API) putDef(w http.ResponseWriter, r *http.Request) error {
	kind, err := writable(r)
	if err != nil {
		return err
	}
	version, star, given, err := expected(r)
	if err != nil {
		return err
	}
	put := defs.Put{Kind: kind, ID: r.PathValue("id"), Expect: defs.ExpectNone, Author: who(r).by()}
	status := http.StatusCreated
	if given {
		put.Expect, status = version, http.StatusOK
		if d, exists := a.opt.Defs.Get(kind, put.ID); star && exists {
			put.Expect = d.Version
		} else if star || version == 0 {
			return &defs.ConflictError{Kind: kind, ID: put.ID, Expect: version}
		}
	}
	if put.Body, err = readBody(w, r, maxRules); err != nil {
		return err
	}
	d, err := a.opt.Defs.Put(r.Context(), put)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(d.Version))
	return answer(w, status, viewDef(d))
}

func (a *API) deleteDef(w http.ResponseWriter, r *http.Request) error {
	kind, err := writable(r)
	if err != nil {
		return err
	}
	version, star, given, err := expected(r)
	if err != nil {
		return err
	}
	put := defs.Put{Kind: kind, ID: r.PathValue("id"), Expect: defs.ExpectAny, Author: who(r).by()}
	if given && !star {
		put.Expect = version
	}
	if _, err := a.opt.Defs.Delete(r.Context(), put); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
