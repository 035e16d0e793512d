package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagwire/tagwire/libs/rule"
)

// ReadRules reads the YAML files of a folder, or one file; those named
// *_test.yaml are tests, not rules.
func ReadRules(path string) (rules, tests map[string]string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read rules: %w", err)
	}
	names := []string{path}
	if info.IsDir() {
		names = nil
		for _, pattern := range []string{"*.yaml", "*.yml"} {
			found, err := filepath.Glob(filepath.Join(path, pattern))
			if err != nil {
				return nil, nil, fmt.Errorf("read rules: %w", err)
			}
			names = append(names, found...)
		}
	}
	rules, tests = map[string]string{}, map[string]string{}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			return nil, nil, fmt.Errorf("read rules: %w", err)
		}
		if strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(n, ".yaml"), ".yml"), "_test") {
			tests[filepath.Base(n)] = string(b)
		} else {
			rules[filepath.Base(n)] = string(b)
		}
	}
	return rules, tests, nil
}

func rules(ctx context.Context, s Streams, args []string) error {
	if len(args) == 0 {
		return usage("rules check|test|explain|lint|fix DIR, rules schema|cuts")
	}
	switch args[0] {
	case "check":
		return rulesCheck(s, args[1:])
	case "test":
		return rulesTest(s, args[1:])
	case "explain":
		return rulesExplain(s, args[1:])
	case "fix":
		return rulesFix(s, args[1:])
	case "lint":
		return rulesLint(ctx, s, args[1:])
	case "cuts":
		return rulesCuts(ctx, s, args[1:])
	case "schema":
		return rulesSchema(s, args[1:])
	}
	return fmt.Errorf("没有命令 rules %s / there is no command rules %s", args[0], args[0])
}

func rulesCheck(s Streams, args []string) error {
	fs := flag.NewFlagSet("rules check", flag.ContinueOnError)
	fs.SetOutput(s.Err)
	asJSON := fs.Bool("json", false, "JSON")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return errors.New("rules check DIR")
	}
	files, _, err := ReadRules(fs.Arg(0))
	if err != nil {
		return err
	}
	set, err := rule.Compile(0, files)
	var refused rule.Errors
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	if *asJSON {
		out := map[string]any{"ok": err == nil, "errors": refused}
		if set != nil {
			out["notes"] = set.Notes
		}
		if err := json.NewEncoder(s.Out).Encode(out); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	} else if err != nil {
		fmt.Fprintln(s.Err, refused.Error())
	} else {
		fmt.Fprintf(s.Out, "好 / fine: %d 词表 keyword lists, %d 指标 measures, %d 标签 tags, %d 阶段 stages\n", len(set.Keywords), len(set.Measures), len(set.Tags), len(set.Stages))
		for _, n := range set.Notes {
			fmt.Fprintln(s.Out, n.Error())
		}
	}
	if err != nil {
		return errSilent
	}
	return nil
}
