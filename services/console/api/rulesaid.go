package api

import (
	"errors"
	"net/http"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/explain"
	"github.com/tagwire/tagwire/services/console/cutpoints"
)

// rulesSaid are the rules in sentences, with the cut points that they carry.
type rulesSaid struct {
	Version int64                `json:"version,omitempty"` // 0: a text that is not saved
	Rules   []ruleSentence       `json:"rules"`
	Groups  []rule.Group         `json:"groups"`
	Cuts    []cutpoints.Standing `json:"cuts"`
}

type ruleSentence struct {
	explain.Sentence
	Group   string `json:"group,omitempty"`   // of a tag
	Numeric bool   `json:"numeric,omitempty"` // a measure that has cut points
}

// saidRules says the saved rules.
func (a *API) saidRules(w http.ResponseWriter, _ *http.Request) error {
	d, body, err := a.savedRules()
	if err != nil {
		return err
	}
	v, err := say(d.Version, body.Files)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, v)
}

// sayRules says rules that somebody is writing; nothing is saved.
func (a *API) sayRules(w http.ResponseWriter, r *http.Request) error {
	files, err := readRules(w, r)
	if err != nil {
		return err
	}
	v, err := say(0, files)
	if errs, ok := errors.AsType[rule.Errors](err); ok {
		return mistaken(errs)
	}
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, v)
}

func say(version int64, files map[string]string) (rulesSaid, error) {
	set, err := rule.Compile(version, files)
	if err != nil {
		return rulesSaid{}, err
	}
	said, err := explain.Set(files)
	if err != nil {
		return rulesSaid{}, err
	}
	v := rulesSaid{Version: version, Rules: []ruleSentence{}, Groups: filled(set.Groups)}
	for _, s := range said {
		one := ruleSentence{Sentence: s}
		switch s.Kind {
		case explain.Tag, explain.Choice, explain.Alert:
			if t, ok := set.RuleOf(s.Name); ok {
				one.Group = t.Group
			}
		case explain.Measure:
			m, ok := set.Measure(s.Name)
			one.Numeric = ok && m.Numeric()
		}
		v.Rules = append(v.Rules, one)
	}
	v.Cuts, err = cutpoints.In(set, files)
	return v, err
}
