package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/fix"
)

// rulesFix rewrites full-width signs to what must be typed.
func rulesFix(s Streams, args []string) error {
	fs := flags("rules fix", s)
	dry := fs.Bool("dry-run", false, "只显示，不写入 / show, write nothing")
	asJSON := fs.Bool("json", false, "JSON")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usage("rules fix DIR [--dry-run] [--json]")
	}
	files, _, err := ReadRules(words[0])
	if err != nil {
		return err
	}
	res, err := fix.Set(files)
	if err != nil {
		return fmt.Errorf("fix: %w", err)
	}
	if !*dry {
		for name, text := range res.Files {
			if err := rewrite(fileOf(words[0], name), text); err != nil {
				return err
			}
		}
	}
	if *asJSON {
		err = json.NewEncoder(s.Out).Encode(map[string]any{"ok": len(res.Left) == 0, "written": !*dry, "lines": filledLines(res.Lines), "errors": res.Left})
	} else {
		err = printFixes(s.Out, words[0], res, *dry)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if len(res.Left) > 0 {
		if !*asJSON {
			fmt.Fprintln(s.Err, res.Left.Error())
		}
		return errSilent
	}
	return nil
}

func filledLines(l []fix.Line) []fix.Line {
	if l == nil {
		return []fix.Line{}
	}
	return l
}

// fileOf is the path of a file that ReadRules has named.
func fileOf(path, name string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, name)
	}
	return path
}

// rewrite replaces a file whole or not at all, and keeps its mode.
func rewrite(path, text string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("fix %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".fix-*")
	if err != nil {
		return fmt.Errorf("fix %s: %w", path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone when it was renamed
	_, err = tmp.WriteString(text)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), info.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("fix %s: %w", path, err)
	}
	return nil
}

func printFixes(w io.Writer, path string, res *fix.Result, dry bool) error {
	var b strings.Builder
	for _, l := range res.Lines {
		fmt.Fprintf(&b, "%s:%d\n- %s\n+ %s\n", fileOf(path, l.File), l.Number, visible(l.Before), l.After)
	}
	switch {
	case len(res.Lines) == 0 && len(res.Left) == 0:
		b.WriteString("规则没有要改的符号 / no sign to change: the rules compile\n")
	case len(res.Lines) == 0:
		b.WriteString("没有能改的符号；以下仍被拒绝 / no sign to change; what follows is still refused\n")
	case dry:
		fmt.Fprintf(&b, "将改 %d 行（--dry-run：未写入） / would change %d lines (--dry-run: nothing written)\n", len(res.Lines), len(res.Lines))
	default:
		fmt.Fprintf(&b, "改了 %d 行 / changed %d lines\n", len(res.Lines), len(res.Lines))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// visible shows tabs, which look like spaces.
func visible(line string) string { return strings.ReplaceAll(line, "\t", "→\t") }

// compiled compiles a folder's rules, or prints why they are refused.
func compiled(s Streams, path string, asJSON bool) (*rule.Set, map[string]string, error) {
	files, _, err := ReadRules(path)
	if err != nil {
		return nil, nil, err
	}
	set, err := rule.Compile(0, files)
	if err != nil {
		return nil, nil, refused(s, err, asJSON)
	}
	return set, files, nil
}
