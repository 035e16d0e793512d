package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/user"

	"github.com/tagwire/tagwire/libs/defs"
)

// runDefs exports and imports definitions of a running deployment. Rules go
// through the API, which activates them.
func runDefs(ctx context.Context, s Streams, args []string) error {
	var p place
	fs := flags("defs", s)
	fs.StringVar(&p.data, "data", "", "数据目录 / data folder")
	asJSON := fs.Bool("json", false, "JSON")
	dry := fs.Bool("dry-run", false, "只看会改什么 / only show what would change")
	history := fs.String("history", "", "none：需要历史的指标从现在开始累计 / none: measures that need history begin empty")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) != 2 {
		return defs.ErrUsage
	}
	path := "/rules"
	switch *history {
	case "":
	case "none":
		path += "?history=none"
	default:
		return errors.New("--history 只能是 none / --history can only be none")
	}
	if *dry {
		words = append(words, "--dry-run")
	}
	if err := p.settle(); err != nil {
		return err
	}
	parts, err := connect(ctx, p.data, connectWait)
	if err != nil {
		return err
	}
	err = parts.Defs.Command(ctx, defs.CommandOptions{
		Args: words, Out: s.Out, JSON: *asJSON, Author: author(),
		Write: map[string]func(context.Context, defs.Put) (defs.Def, error){
			defs.KindRules: func(ctx context.Context, put defs.Put) (defs.Def, error) {
				return p.putRules(ctx, parts.Defs, path, put)
			},
		},
	})
	return errors.Join(err, parts.Close())
}

func author() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "tagwire defs"
}

// putRules saves and activates a rule set, and gives the definition that was
// written.
func (p *place) putRules(ctx context.Context, store *defs.Store, path string, put defs.Put) (defs.Def, error) {
	rules, err := defs.Body[defs.Rules](defs.Def{Kind: defs.KindRules, ID: put.ID, Body: put.Body})
	if err != nil {
		return defs.Def{}, err
	}
	res, err := p.ask(ctx, http.MethodPut, path, map[string]any{"files": rules.Files})
	if err != nil {
		return defs.Def{}, fmt.Errorf("activate the rules: %w", err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return defs.Def{}, fmt.Errorf("activate the rules: %w", err)
	}
	d, _ := store.Get(defs.KindRules, put.ID)
	return d, nil
}
