package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tagwire/tagwire/libs/rule/lint"
)

// rulesLint tells what is allowed in a rule set and probably not meant; with a
// running Tagwire also how its tags are held.
func rulesLint(ctx context.Context, s Streams, args []string) error {
	var p place
	fs := flags("rules lint", s)
	p.flagsOf(fs)
	fs.StringVar(&p.token, "token", "", "管理令牌，默认取 TAGWIRE_ADMIN_TOKEN / admin token; default: TAGWIRE_ADMIN_TOKEN")
	days := fs.Int("days", 30, "多少天没有打上算从未 / days without a tag that are told")
	asJSON := fs.Bool("json", false, "JSON")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) != 1 || *days < 1 {
		return usage("rules lint DIR [--url URL --token T | --data DIR] [--days N] [--json]")
	}
	set, files, err := compiled(s, words[0], *asJSON)
	if err != nil {
		return err
	}
	found, err := lint.Set(set, files)
	if err != nil {
		return fmt.Errorf("lint: %w", err)
	}
	if p.url != "" || p.data != "" {
		var live struct {
			Use lint.Use `json:"use"`
		}
		if err := p.get(ctx, fmt.Sprintf("/rules/lint?days=%d", *days), &live); err != nil {
			return err
		}
		used, err := lint.Used(set, files, live.Use)
		if err != nil {
			return fmt.Errorf("lint: %w", err)
		}
		found = append(found, used...)
	}
	return tellFindings(s, words[0], found, *asJSON)
}

// tellFindings prints them; warnings end with code 1, notes alone do not.
func tellFindings(s Streams, path string, found []lint.Finding, asJSON bool) error {
	warnings := 0
	for _, f := range found {
		if f.Level == lint.Warning {
			warnings++
		}
	}
	var err error
	if asJSON {
		if found == nil {
			found = []lint.Finding{}
		}
		err = json.NewEncoder(s.Out).Encode(map[string]any{"ok": warnings == 0, "findings": found})
	} else {
		err = printFindings(s.Out, path, found, warnings)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if warnings > 0 {
		return errSilent
	}
	return nil
}

func printFindings(w io.Writer, path string, found []lint.Finding, warnings int) error {
	var b strings.Builder
	for _, f := range found {
		mark := map[string]string{lint.Warning: "!", lint.Note: "·"}[f.Level]
		fmt.Fprintf(&b, "%s %s:%d:%d: %s / %s\n      → %s / %s\n", mark, fileOf(path, f.File), f.Line, f.Column, f.Zh, f.En, f.DoZh, f.DoEn)
	}
	fmt.Fprintf(&b, "警告 warnings %d, 提示 notes %d\n", warnings, len(found)-warnings)
	_, err := io.WriteString(w, b.String())
	return err
}
