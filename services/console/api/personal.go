package api

import (
	"context"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/seal"
)

// masked stands for what the reader may not see.
const masked = "***"

// open opens the sealed pieces of texts for those who may see them and masks
// them for others.
func (a *API) open(ctx context.Context, p principal, texts []string) ([]string, error) {
	if p.may(seePersonal) {
		return a.opt.Keys.OpenTexts(ctx, texts)
	}
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = seal.Mask(s, masked)
	}
	return out, nil
}

// openFields opens texts in place.
func (a *API) openFields(ctx context.Context, p principal, fields ...*string) error {
	texts := make([]string, len(fields))
	sealed := false
	for i, f := range fields {
		texts[i] = *f
		sealed = sealed || seal.Sealed(*f)
	}
	if !sealed {
		return nil
	}
	opened, err := a.open(ctx, p, texts)
	if err != nil {
		return err
	}
	for i, f := range fields {
		*f = opened[i]
	}
	return nil
}

// openValues opens every text within the values of a map.
func (a *API) openValues(ctx context.Context, p principal, values map[string]any) error {
	var texts []string
	seal.EachText(values, func(s string) string {
		texts = append(texts, s)
		return s
	})
	opened, err := a.open(ctx, p, texts)
	if err != nil {
		return err
	}
	byText := make(map[string]string, len(texts)) // maps have no order to rely on
	for i, s := range texts {
		byText[s] = opened[i]
	}
	seal.EachText(values, func(s string) string { return byText[s] })
	return nil
}

// nameOf is a customer's name as stored, sealed.
func nameOf(p *profile.Profile) string {
	s, _ := p.Traits["name"].Value.(string)
	return s
}

// namesOf are the names of profiles, for lists; who has none is missing.
func (a *API) namesOf(ctx context.Context, p principal, ids []string) (map[string]string, error) {
	if !p.may(seePersonal) || len(ids) == 0 {
		return nil, nil
	}
	found, err := a.shards.Profiles(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(found))
	texts, owners := make([]string, 0, len(found)), make([]string, 0, len(found))
	for id, one := range found {
		if name := nameOf(one); name != "" {
			texts, owners = append(texts, name), append(owners, id)
		}
	}
	opened, err := a.open(ctx, p, texts)
	if err != nil {
		return nil, err
	}
	for i, id := range owners {
		out[id] = opened[i]
	}
	return out, nil
}
