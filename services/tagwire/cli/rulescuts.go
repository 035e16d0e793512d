package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/tagwire/tagwire/services/console/cutpoints"
)

// cutsTaken are cut points as the API gives them.
type cutsTaken struct {
	cutpoints.Taken
	AsOf string `json:"as_of"`
}

// rulesCuts takes the cut points of a measure from all known customers and
// prints them as a rule set's block; with --write it saves that as a new version.
func rulesCuts(ctx context.Context, s Streams, args []string) error {
	var p place
	fs := flags("rules cuts", s)
	p.flagsOf(fs)
	fs.StringVar(&p.token, "token", "", "管理令牌，默认取 TAGWIRE_ADMIN_TOKEN / admin token; default: TAGWIRE_ADMIN_TOKEN")
	measure := fs.String("measure", "", "指标 / measure")
	points := fs.String("points", "20,50,80", "百分位，1 到 99 / percentages from 1 to 99")
	write := fs.Bool("write", false, "把分位点写成规则的新版本 / save them as a new version of the rules")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) > 0 || *measure == "" {
		return usage("rules cuts --measure M [--points 20,50,80] [--url URL --token T | --data DIR] [--write]")
	}
	var taken cutsTaken
	if err := p.get(ctx, "/rules/cuts?"+url.Values{"measure": {*measure}, "points": {*points}}.Encode(), &taken); err != nil {
		return err
	}
	asOf := taken.AsOf
	if asOf == "" {
		asOf = "未知 not known"
	}
	_, err = fmt.Fprintf(s.Out, "# %d 个已知客户 known customers, 截至 as of %s\ncuts:\n  %s\n", taken.Customers, asOf, taken.Entry())
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if !*write {
		return nil
	}
	return p.writeCuts(ctx, s.Out, taken.Taken)
}

// writeCuts saves the newest rule set with the cut points in it; nothing else of
// it is touched.
func (p *place) writeCuts(ctx context.Context, out io.Writer, taken cutpoints.Taken) error {
	res, err := p.ask(ctx, http.MethodPut, "/rules/cuts", taken)
	if err != nil {
		return fmt.Errorf("save the rules: %w", err)
	}
	var saved struct {
		Version   int64 `json:"version"`
		Unchanged bool  `json:"unchanged"`
	}
	err = errors.Join(json.NewDecoder(res.Body).Decode(&saved), res.Body.Close())
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if saved.Unchanged {
		_, err = fmt.Fprintf(out, "# 版本 %d 已是如此 / version %d says so already\n", saved.Version, saved.Version)
	} else {
		_, err = fmt.Fprintf(out, "# 已存为版本 %d / saved as version %d\n", saved.Version, saved.Version)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
