package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/trial"
)

// rulesTest runs the *_test.yaml files beside a rule set.
func rulesTest(s Streams, args []string) error {
	fs := flags("rules test", s)
	asJSON := fs.Bool("json", false, "JSON")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usage("rules test DIR [--json]")
	}
	files, tests, err := ReadRules(words[0])
	if err != nil {
		return err
	}
	if len(tests) == 0 {
		return fmt.Errorf("%s 里没有 *_test.yaml / there is no *_test.yaml in %s", words[0], words[0])
	}
	set, err := rule.Compile(0, files)
	var rep trial.Report
	if err == nil {
		rep, err = trial.Run(set, tests)
	}
	var refused rule.Errors
	switch {
	case errors.As(err, &refused) && *asJSON:
		if err := json.NewEncoder(s.Out).Encode(map[string]any{"ok": false, "errors": refused}); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return errSilent
	case errors.As(err, &refused):
		fmt.Fprintln(s.Err, refused.Error())
		return errSilent
	case err != nil:
		return err
	case *asJSON:
		err = json.NewEncoder(s.Out).Encode(struct {
			OK bool `json:"ok"`
			trial.Report
		}{rep.Failed == 0, rep})
	default:
		err = printTests(s.Out, words[0], rep)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if rep.Failed > 0 {
		return errSilent
	}
	return nil
}

func printTests(w io.Writer, dir string, rep trial.Report) error {
	for _, t := range rep.Tests {
		if t.OK {
			fmt.Fprintf(w, "✓ %s\n", t.Test)
			continue
		}
		fmt.Fprintf(w, "✗ %s\n", t.Test)
		for _, f := range t.Failures {
			what := f.What
			if f.Name != "" && f.Name != f.Expected {
				what += " " + f.Name
			}
			fmt.Fprintf(w, "  %s:%d:%d: %s %s\n      期望 expected  %s\n      实际 got       %s\n", filepath.Join(dir, t.File), f.Line, f.Column, f.Local, what, f.Expected, f.Got)
			if f.Hint != "" {
				fmt.Fprintf(w, "      提示 hint      %s\n", f.Hint)
			}
		}
	}
	_, err := fmt.Fprintf(w, "通过 passed %d, 失败 failed %d\n", rep.Passed, rep.Failed)
	return err
}
