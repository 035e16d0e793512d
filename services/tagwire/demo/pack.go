package demo

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/tagwire/tagwire/libs/defs"
)

// author is who has written the demo's definitions.
const author = "demo"

// corp is the made-up WeCom corporation.
const corp = "wwdemo0shop"

// Ids of the sources.
const (
	srcWeCom   = "demo-wecom"
	srcArchive = "demo-archive"
	srcForms   = "demo-forms"
	srcMall    = "demo-mall"
	srcCRM     = "demo-crm"
	srcPast    = "demo-past"
	srcLinks   = "demo-links"
)

// The pack is a copy of deploy/examples/wecom-shop, since a folder outside cannot
// be embedded; a test compares the two.
//
//go:generate cp -r ../../../deploy/examples/wecom-shop/defs ../../../deploy/examples/wecom-shop/rules pack/
//go:embed pack
var packed embed.FS

// pack is the shop as it is set up.
type pack struct {
	bodies map[string]map[string]json.RawMessage // kind → id
	rules  map[string]string
}

func readPack() (*pack, error) {
	p := &pack{bodies: map[string]map[string]json.RawMessage{}, rules: map[string]string{}}
	err := fs.WalkDir(packed, "pack", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := packed.ReadFile(name)
		if err != nil {
			return err
		}
		parts := strings.Split(name, "/")
		id := strings.TrimSuffix(parts[len(parts)-1], ".yaml")
		if parts[1] == "rules" {
			if !strings.HasSuffix(id, "_test") {
				p.rules[id+".yaml"] = string(text)
			}
			return nil
		}
		kind := parts[2]
		if p.bodies[kind] == nil {
			p.bodies[kind] = map[string]json.RawMessage{}
		}
		p.bodies[kind][id], err = yaml.YAMLToJSON(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the demo's pack: %w", err)
	}
	return p, nil
}

// ids are the ids of a kind, sorted.
func (p *pack) ids(kind string) []string {
	var out []string
	for id := range p.bodies[kind] {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// bodyOf decodes a body of the pack.
func bodyOf[T any](p *pack, kind, id string) (T, error) {
	var v T
	if err := json.Unmarshal(p.bodies[kind][id], &v); err != nil {
		return v, fmt.Errorf("read %s %s of the demo's pack: %w", kind, id, err)
	}
	return v, nil
}

// install writes what is not defined yet. What somebody has changed since stays.
func (p *pack) install(ctx context.Context, store *defs.Store, sources map[string]defs.Source) error {
	put := func(kind, id string, body json.RawMessage) error {
		if _, ok := store.Get(kind, id); ok {
			return nil
		}
		_, err := store.Put(ctx, defs.Put{Kind: kind, ID: id, Expect: defs.ExpectNone, Author: author, Body: body})
		if err != nil && !errors.Is(err, defs.ErrConflict) {
			return fmt.Errorf("define %s %s: %w", kind, id, err)
		}
		return nil
	}
	for id, src := range sources {
		body, err := json.Marshal(src)
		if err != nil {
			return fmt.Errorf("encode source %s: %w", id, err)
		}
		if err := put(defs.KindSource, id, body); err != nil {
			return err
		}
	}
	for _, kind := range defs.Kinds() {
		for _, id := range p.ids(kind) {
			if err := put(kind, id, p.bodies[kind][id]); err != nil {
				return err
			}
		}
	}
	return nil
}

// formMapping reads the survey tool that the demo pretends to have.
func formMapping() map[string]any {
	return map[string]any{
		"event_id": "$.entry.id", "time": "$.entry.submitted_at", "form": "$.form", "from": "customer", "touchpoint": "form",
		"staff_id":   "$.hidden.staff",
		"identities": map[string]any{"wecom." + corp: "$.hidden.customer"},
		"properties": map[string]any{
			"name": "$.entry.name", "mobile": "$.entry.mobile", "city": "$.entry.city", "budget": "$.entry.budget", "sport": "$.entry.sport",
		},
	}
}
