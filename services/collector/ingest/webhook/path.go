package webhook

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// ErrPath is the cause of every refusal of a path.
var ErrPath = errors.New("a path is written like $.entry.phone, $.list[0] or $.answers[ref=x].text")

// step is one move into a value: by name, by place, or to the first member of a
// list whose field has a value.
type step struct {
	name  string
	index int
	where []step
	equal string
	kind  byte // n, i, w
}

// path is a compiled path; whole starts at the body where a member is at hand.
type path struct {
	whole bool
	steps []step
}

const maxSteps = 32

func parsePath(s string) (path, error) {
	var p path
	rest, ok := strings.CutPrefix(s, "$$")
	p.whole = ok
	if !ok {
		if rest, ok = strings.CutPrefix(s, "$"); !ok {
			return p, fmt.Errorf("%.60q: %w", s, ErrPath)
		}
	}
	var err error
	if p.steps, err = parseSteps(rest); err != nil {
		return p, fmt.Errorf("%.60q: %w", s, err)
	}
	return p, nil
}

func parseSteps(s string) ([]step, error) {
	var steps []step
	for s != "" {
		if len(steps) == maxSteps {
			return nil, ErrPath
		}
		var st step
		var err error
		switch s[0] {
		case '.':
			end := strings.IndexAny(s[1:], ".[")
			if end < 0 {
				end = len(s) - 1
			}
			st, s = step{kind: 'n', name: s[1 : 1+end]}, s[1+end:]
			if st.name == "" {
				return nil, ErrPath
			}
		case '[':
			end := strings.IndexByte(s, ']')
			if end < 0 {
				return nil, ErrPath
			}
			if st, err = parseBracket(s[1:end]); err != nil {
				return nil, err
			}
			s = s[end+1:]
		default:
			return nil, ErrPath
		}
		steps = append(steps, st)
	}
	return steps, nil
}

func parseBracket(in string) (step, error) {
	if n, err := strconv.Atoi(in); err == nil {
		return step{kind: 'i', index: n}, nil
	}
	if len(in) >= 3 && (in[0] == '\'' || in[0] == '"') && in[len(in)-1] == in[0] {
		return step{kind: 'n', name: in[1 : len(in)-1]}, nil
	}
	field, equal, ok := strings.Cut(in, "=")
	if !ok || field == "" {
		return step{}, ErrPath
	}
	where, err := parseSteps("." + field)
	if err != nil {
		return step{}, err
	}
	return step{kind: 'w', where: where, equal: strings.Trim(equal, `'"`)}, nil
}

// scope is what paths start from.
type scope struct{ member, whole any }

func (p path) in(s scope) any {
	if p.whole {
		return walk(s.whole, p.steps)
	}
	return walk(s.member, p.steps)
}

func walk(v any, steps []step) any {
	for _, st := range steps {
		switch x := v.(type) {
		case map[string]any:
			if st.kind != 'n' {
				return nil
			}
			v = x[st.name]
		case []any:
			v = st.ofList(x)
		default:
			return nil
		}
	}
	return v
}

func (st step) ofList(list []any) any {
	switch st.kind {
	case 'i':
		i := st.index
		if i < 0 {
			i += len(list)
		}
		if i >= 0 && i < len(list) {
			return list[i]
		}
	case 'w':
		for _, x := range list {
			if got := walk(x, st.where); got != nil && envelope.ScalarText(got) == st.equal {
				return x
			}
		}
	}
	return nil
}
