package defs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// ImportOptions say what to import; Dir is needed.
type ImportOptions struct {
	Dir    string
	Lookup func(name string) (string, bool) // os.LookupEnv; nil: no variable is set
	Author string
	Dry    bool // only plan
	// Write writes definitions of a kind in place of Put, such as a rule set that is
	// to be activated.
	Write map[string]func(context.Context, Put) (Def, error)
}

// Action is what an import does with one definition.
type Action string

// The actions of an import.
const (
	ActionCreate    Action = "create"
	ActionUpdate    Action = "update"
	ActionUnchanged Action = "unchanged"
	ActionConflict  Action = "conflict" // changed by somebody else between plan and write
	ActionInvalid   Action = "invalid"  // keeps the whole import from being written
	ActionFailed    Action = "failed"   // could not be written; what follows was not tried
)

// Step is the plan for one definition.
type Step struct {
	Action  Action `json:"action"`
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Version int64  `json:"version,omitempty"` // that stands, or was written
	Detail  string `json:"detail,omitempty"`
	Written bool   `json:"written,omitempty"` // it was to be written, and was

	put Put
}

// Plan is what an import is going to do, or has done.
type Plan struct {
	Dir     string `json:"dir"`
	Steps   []Step `json:"steps"`
	Written bool   `json:"written"` // all that was to be; false: a dry run, refused, or it ended early
}

// Count is how many steps have an action.
func (p Plan) Count(a Action) int {
	n := 0
	for _, s := range p.Steps {
		if s.Action == a {
			n++
		}
	}
	return n
}

// Import reads a folder as Export writes it and brings the definitions to what it
// says. What the folder does not name stays. Importing again changes nothing. If
// anything in the folder is invalid, nothing is written.
func (s *Store) Import(ctx context.Context, opt ImportOptions) (Plan, error) {
	if opt.Lookup == nil {
		opt.Lookup = func(string) (string, bool) { return "", false }
	}
	plan := Plan{Dir: opt.Dir}
	if info, err := os.Stat(opt.Dir); err != nil {
		return plan, fmt.Errorf("import definitions: %w", err)
	} else if !info.IsDir() {
		return plan, fmt.Errorf("import definitions: %s: %w", opt.Dir, fs.ErrInvalid)
	}
	files, err := definitionFiles(opt.Dir)
	if err != nil {
		return plan, fmt.Errorf("read folder %s: %w", opt.Dir, err)
	}
	if plan.Steps, err = s.plan(opt, files); err != nil {
		return plan, err
	}
	if n := plan.Count(ActionInvalid); n > 0 {
		return plan, fmt.Errorf("%d of %d definitions in %s, nothing was written: %w", n, len(plan.Steps), opt.Dir, ErrInvalid)
	}
	if opt.Dry {
		return plan, nil
	}
	err = s.carryOut(ctx, opt, plan.Steps)
	plan.Written = err == nil
	return plan, err
}

func (s *Store) carryOut(ctx context.Context, opt ImportOptions, steps []Step) error {
	for i := range steps {
		step := &steps[i]
		if step.Action != ActionCreate && step.Action != ActionUpdate {
			continue
		}
		write := opt.Write[step.Kind]
		if write == nil {
			write = s.Put
		}
		d, err := write(ctx, step.put)
		switch {
		case errors.Is(err, ErrConflict):
			step.Action, step.Detail = ActionConflict, err.Error()
		case err != nil:
			step.Action, step.Detail = ActionFailed, err.Error()
			return fmt.Errorf("import %s %s: %w", step.Kind, step.ID, err)
		default:
			step.Version, step.Written = d.Version, true
		}
	}
	if slices.ContainsFunc(steps, func(s Step) bool { return s.Action == ActionConflict }) {
		return fmt.Errorf("import of some definitions, import again to see what is left: %w", ErrConflict)
	}
	return nil
}

// plan has one step per definition, in the order of Kinds.
func (s *Store) plan(opt ImportOptions, files []string) ([]Step, error) {
	rules := map[string]string{}
	from := map[string]string{} // definition → file
	var steps []Step
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(opt.Dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, fmt.Errorf("read definition: %w", err)
		}
		kind, rest, _ := strings.Cut(name, "/")
		if kind == KindRules {
			rules[rest] = string(text)
			continue
		}
		step := Step{Kind: kind, ID: strings.TrimSuffix(rest, filepath.Ext(rest))}
		raw, err := yaml.YAMLToJSON(text)
		other := from[kind+"/"+step.ID]
		from[kind+"/"+step.ID] = name
		switch {
		case other != "":
			step.Action, step.Detail = ActionInvalid, "is in "+other+" and in "+name
		case err != nil:
			step.Action, step.Detail = ActionInvalid, name+" is not YAML: "+yaml.FormatError(err, false, false)
		default:
			s.planOne(opt, &step, raw)
		}
		steps = append(steps, step)
	}
	if len(rules) > 0 {
		raw, err := json.Marshal(Rules{Files: rules})
		if err != nil {
			return nil, fmt.Errorf("encode rules: %w", err)
		}
		step := Step{Kind: KindRules, ID: RulesID}
		s.planOne(opt, &step, raw)
		steps = append(steps, step)
	}
	order := Kinds()
	slices.SortStableFunc(steps, func(a, b Step) int { return slices.Index(order, a.Kind) - slices.Index(order, b.Kind) })
	return steps, nil
}

// planOne compares what a file says with what stands.
func (s *Store) planOne(opt ImportOptions, step *Step, raw json.RawMessage) {
	current := s.latest(step.Kind, step.ID)
	step.put = Put{Kind: step.Kind, ID: step.ID, Expect: current.Version, Author: opt.Author}
	if current.Deleted {
		step.put.Expect = ExpectNone
	}
	step.Version = step.put.Expect
	raw, err := resolve(opt.Lookup, step, raw)
	if err == nil {
		step.put.Body = raw
		var b body
		if b, err = s.check(step.put, current); err == nil {
			step.Action = compare(b, current)
			return
		}
	}
	step.Action, step.Detail = ActionInvalid, err.Error()
	if _, ok := errors.AsType[*InvalidError](err); ok {
		step.Detail = strings.TrimPrefix(err.Error(), step.Kind+" "+step.ID+": ")
	}
}

func compare(b body, current Def) Action {
	if current.Version == 0 || current.Deleted {
		return ActionCreate
	}
	old, err := decode(current.Kind, current.Body)
	if err != nil {
		return ActionUpdate
	}
	for _, one := range []body{old, b} {
		if rules, ok := one.(*Rules); ok {
			// A folder holds their files. From when measures keep facts is for who
			// activates them to say, and never for the folder.
			rules.Warming, rules.NoHistory = nil, false
		}
	}
	x, errX := json.Marshal(old)
	y, errY := json.Marshal(b)
	if errX == nil && errY == nil && string(x) == string(y) {
		return ActionUnchanged
	}
	return ActionUpdate
}

var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// resolve puts values in the place of ${…} in secret fields. A variable that is
// not set keeps the value that stands.
func resolve(lookup func(string) (string, bool), step *Step, raw json.RawMessage) (json.RawMessage, error) {
	if err := checkName(step.Kind, step.ID); err != nil {
		return nil, err
	}
	b, problems := parse(step.Kind, raw)
	if len(problems) > 0 {
		return nil, &InvalidError{Kind: step.Kind, ID: step.ID, Problems: problems}
	}
	for _, f := range b.secrets() {
		m := reference.FindStringSubmatch(*f.value)
		if m == nil {
			continue
		}
		v, ok := lookup(m[1])
		switch {
		case ok && v != "":
			*f.value = v
		case step.Version > 0:
			*f.value = SecretMask
			step.Detail = strings.TrimPrefix(step.Detail+", "+m[1]+" is not set, the secret stays", ", ")
		default:
			problems = append(problems, Problem{f.path, "is a secret: set the variable " + m[1]})
		}
	}
	if len(problems) > 0 {
		return nil, &InvalidError{Kind: step.Kind, ID: step.ID, Problems: problems}
	}
	return json.Marshal(b)
}
