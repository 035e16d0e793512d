package defs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// Usage is what `tagwire defs` takes.
const Usage = `tagwire defs export FOLDER             write all definitions as YAML files, secrets as ${TAGWIRE_SECRET_…}
tagwire defs import FOLDER [--dry-run] [--history none]
                                       bring the definitions to what the folder says; what it does not name stays.
                                       --history none: measures that need history begin empty`

// ErrUsage is the answer to arguments that say nothing.
var ErrUsage = errors.New("usage:\n" + Usage)

// CommandOptions are the arguments and where to print; Lookup defaults to os.LookupEnv.
type CommandOptions struct {
	Args   []string // behind `tagwire defs`
	Out    io.Writer
	JSON   bool
	Author string
	Lookup func(name string) (string, bool)
	Write  map[string]func(context.Context, Put) (Def, error) // see ImportOptions
}

// Command is `tagwire defs export|import`.
func (s *Store) Command(ctx context.Context, opt CommandOptions) error {
	var words []string
	dry := false
	for _, a := range opt.Args {
		switch {
		case a == "--dry-run" || a == "--dry":
			dry = true
		case strings.HasPrefix(a, "-"):
			return fmt.Errorf("unknown flag %s; %w", a, ErrUsage)
		default:
			words = append(words, a)
		}
	}
	if len(words) != 2 {
		return ErrUsage
	}
	if opt.Lookup == nil {
		opt.Lookup = os.LookupEnv
	}
	switch words[0] {
	case "export":
		out, err := s.Export(words[1])
		if err != nil {
			return err
		}
		return opt.print(out, out.print)
	case "import":
		plan, err := s.Import(ctx, ImportOptions{Dir: words[1], Lookup: opt.Lookup, Author: opt.Author, Dry: dry, Write: opt.Write})
		return errors.Join(err, opt.print(plan, plan.print))
	}
	return ErrUsage
}

func (opt CommandOptions) print(v any, asText func(io.Writer) error) error {
	if !opt.JSON {
		return asText(opt.Out)
	}
	enc := json.NewEncoder(opt.Out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func (e Exported) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d files in %s\n", len(e.Files), e.Dir)
	for _, name := range e.Removed {
		fmt.Fprintf(&b, "removed, no longer defined: %s\n", name)
	}
	for _, name := range e.Extra {
		fmt.Fprintf(&b, "left alone, not a definition here but an import would read it: %s\n", name)
	}
	if len(e.Secrets) > 0 {
		b.WriteString("secrets are not in it; to import it elsewhere set\n  " + strings.Join(e.Secrets, "\n  ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p Plan) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range p.Steps {
		line := fmt.Sprintf("%s\t%s/%s", s.Action, s.Kind, s.ID)
		if s.Detail != "" {
			line += "\t" + s.Detail
		}
		if left(s) && p.begun() {
			line += "\t未写入 / not written"
		}
		fmt.Fprintln(t, line)
	}
	if p.begun() && !p.Written {
		fmt.Fprintf(t, "%d 个已写入，%d 个未写入，%d 个不变；改正后再导入一次即可 / %d written, %d not written, %d unchanged: mend what failed and import again\n",
			p.written(), p.left(), p.Count(ActionUnchanged), p.written(), p.left(), p.Count(ActionUnchanged))
		return t.Flush()
	}
	done := "to be written (dry run, nothing was)"
	switch {
	case p.Count(ActionInvalid) > 0:
		done = "not written: mend what is invalid first"
	case p.Written:
		done = "written"
	}
	fmt.Fprintf(t, "%d created, %d updated, %d unchanged, %d in conflict, %d invalid: %s\n", p.Count(ActionCreate),
		p.Count(ActionUpdate), p.Count(ActionUnchanged), p.Count(ActionConflict), p.Count(ActionInvalid), done)
	return t.Flush()
}

// left says that a definition was to be written and was not.
func left(s Step) bool {
	return !s.Written && s.Action != ActionUnchanged && s.Action != ActionInvalid
}

func (p Plan) left() (n int) {
	for _, s := range p.Steps {
		if left(s) {
			n++
		}
	}
	return n
}

func (p Plan) written() (n int) {
	for _, s := range p.Steps {
		if s.Written {
			n++
		}
	}
	return n
}

// begun says that the import went beyond its plan.
func (p Plan) begun() bool {
	return p.Written || p.written() > 0 || p.Count(ActionFailed)+p.Count(ActionConflict) > 0
}
