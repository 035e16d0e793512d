package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/explain"
)

// refused prints the refusals of a set; the command is over.
func refused(s Streams, err error, asJSON bool) error {
	var errs rule.Errors
	if !errors.As(err, &errs) {
		return err
	}
	if asJSON {
		if err := json.NewEncoder(s.Out).Encode(map[string]any{"ok": false, "errors": errs}); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	} else {
		fmt.Fprintln(s.Err, errs.Error())
	}
	return errSilent
}

// rulesExplain says each rule in one sentence.
func rulesExplain(s Streams, args []string) error {
	fs := flags("rules explain", s)
	asJSON := fs.Bool("json", false, "JSON")
	lang := fs.String("lang", "", "zh 或 en，不写则两种 / zh or en; both without it")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) != 1 || *lang != "" && *lang != "zh" && *lang != "en" {
		return usage("rules explain DIR [--lang zh|en] [--json]")
	}
	files, _, err := ReadRules(words[0])
	if err != nil {
		return err
	}
	if _, err := rule.Compile(0, files); err != nil {
		return refused(s, err, *asJSON)
	}
	said, err := explain.Set(files)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	if *asJSON {
		err = json.NewEncoder(s.Out).Encode(map[string]any{"ok": true, "rules": said})
	} else {
		err = printSentences(s.Out, said, *lang)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func printSentences(w io.Writer, said []explain.Sentence, lang string) error {
	kinds := map[string]string{
		explain.Keyword: "词表 keyword", explain.Measure: "指标 measure", explain.Tag: "标签 tag", explain.Choice: "可选 choice",
		explain.Alert: "提醒 alert", explain.Stage: "阶段 stage",
	}
	for _, one := range said {
		var err error
		switch lang {
		case "zh", "en":
			text := one.Zh
			if lang == "en" {
				text = one.En
			}
			_, err = fmt.Fprintf(w, "[%s] %s\n", kinds[one.Kind], text)
		default:
			_, err = fmt.Fprintf(w, "[%s] %s\n    %s\n", kinds[one.Kind], one.Zh, one.En)
		}
		if err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}
