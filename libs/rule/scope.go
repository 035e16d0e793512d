package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/libs/rule/near"
)

// scope resolves the names of one condition and notes what it reads.
type scope struct {
	c       *compilation
	uses    *Uses
	event   bool // the event may be read
	profile bool // measures, traits and tags may be read
	bare    bool // an unknown name is a trait (templates)
}

var errNoEvent = errors.New("`event` can be read by event tags and `where` only: a state tag holds without an event")

// Name resolves an identifier.
func (s scope) Name(name string, path []string) (cond.Node, error) {
	switch name {
	case "event":
		if !s.event {
			return nil, errNoEvent
		}
		s.uses.Event = true
		return eventField(path)
	case "trait", "traits":
		if err := s.needProfile(name); err != nil {
			return nil, err
		}
		s.uses.Traits = true
		return traitNode(strings.Join(path, ".")), nil
	case "stage", "known", "owner", "owners", "channels", "stores":
		if err := s.needProfile(name); err != nil {
			return nil, err
		}
		if name == "stage" {
			s.uses.Stage = true
		} else {
			s.uses.Traits = true
		}
		return profileField(name), nil
	}
	if len(path) == 0 {
		if m, ok := s.c.set.measures[name]; ok {
			if err := s.needProfile(name); err != nil {
				return nil, err
			}
			return s.measure(m), nil
		}
	}
	if s.bare {
		return traitNode(strings.Join(append([]string{name}, path...), ".")), nil
	}
	return nil, fmt.Errorf("unknown name %q%s", name, s.c.suggest(name))
}

func (s scope) needProfile(name string) error {
	if s.profile {
		return nil
	}
	return fmt.Errorf("%q cannot be read here: `where` and `of` look at the event alone", name)
}

func (s scope) measure(m *Measure) cond.Node {
	s.uses.Measures = append(s.uses.Measures, m.Name)
	s.uses.fold(m.Fold)
	if m.Minus != nil {
		s.uses.fold(m.Minus)
	}
	if m.Within > 0 || m.Kind == Score {
		s.uses.Timed = true
	}
	switch {
	case m.Kind == Score:
		return scoreNode{measureNode{m}}
	case m.Kind == Count && m.Within > 0:
		return countNode{measureNode{m}}
	}
	return measureNode{m}
}

func (u *Uses) fold(f *Fold) {
	if u.Folds == nil {
		u.Folds = map[string]bool{}
	}
	u.Folds[f.Key] = true
	u.numbers.Add(f)
}

// Call resolves a function.
func (s scope) Call(name string, args []cond.Value) (cond.Node, error) {
	text := make([]string, len(args))
	for i, a := range args {
		if a.Kind != cond.Text {
			return nil, fmt.Errorf("%s takes texts in quotes", name)
		}
		text[i] = a.Text
	}
	switch name {
	case "keyword":
		return s.keyword(text)
	case "absent":
		return s.absent(text)
	case "tag":
		return s.tag(text)
	case "first", "regular", "stopped", "restarted":
		return nil, fmt.Errorf("%s() is not served in this version", name)
	}
	return nil, fmt.Errorf("unknown function %q%s; there are keyword(list), tag(name), absent(event, duration), len(list)", name, near.Hint(name, functionNames()))
}

func (s scope) keyword(args []string) (cond.Node, error) {
	if len(args) != 1 {
		return nil, errors.New(`keyword takes one list: keyword("询价")`)
	}
	if !s.event {
		return nil, errNoEvent
	}
	list := args[0]
	if !slices.ContainsFunc(s.c.set.Keywords, func(l keywordList) bool { return l.Name == list }) {
		return nil, fmt.Errorf("there is no keyword list %q%s", list, s.c.nearList(list))
	}
	s.uses.Keywords = append(s.uses.Keywords, list)
	s.uses.Event = true
	version := s.c.set.listVersions[list]
	return cond.Func(func(m *cond.Moment) cond.Value {
		return cond.BoolOf(m.Event != nil && slices.ContainsFunc(m.Event.Matched, func(x event.Match) bool { return x.List == list && x.Version == version }))
	}), nil
}

func (s scope) absent(args []string) (cond.Node, error) {
	if len(args) != 2 {
		return nil, errors.New(`absent takes an event type and a duration: absent("order.pay", "90d")`)
	}
	if err := s.needProfile("absent"); err != nil {
		return nil, err
	}
	d, err := ParseDuration(args[1])
	if err != nil {
		return nil, err
	}
	f := s.c.fold(foldSpec{types: []string{args[0]}, naming: "absent " + args[0]})
	s.uses.fold(f)
	s.uses.Timed = true
	return absentNode{f, d}, nil
}

func (s scope) tag(args []string) (cond.Node, error) {
	if len(args) != 1 {
		return nil, errors.New(`tag takes one name: tag("高意向")`)
	}
	if err := s.needProfile("tag"); err != nil {
		return nil, err
	}
	name := args[0]
	s.uses.Tags = append(s.uses.Tags, name)
	return cond.Func(func(m *cond.Moment) cond.Value { return cond.BoolOf(m.Profile.Tags[name].Holds()) }), nil
}

func traitNode(name string) cond.Node {
	return cond.Func(func(m *cond.Moment) cond.Value {
		t, ok := m.Profile.Traits[name]
		if !ok {
			return cond.Value{}
		}
		return cond.Of(t.Value)
	})
}

func profileField(name string) cond.Node {
	var read func(*profile.Profile) cond.Value
	switch name {
	case "stage":
		read = func(p *profile.Profile) cond.Value { return textOrAbsent(p.Stage) }
	case "known":
		read = func(p *profile.Profile) cond.Value { return cond.BoolOf(p.Known()) }
	case "owner":
		read = func(p *profile.Profile) cond.Value { return textOrAbsent(p.Owner()) }
	case "owners":
		read = func(p *profile.Profile) cond.Value { return cond.ListOf(p.Staff()) }
	case "channels":
		read = func(p *profile.Profile) cond.Value { return cond.ListOf(p.Channels) }
	default:
		read = func(p *profile.Profile) cond.Value { return cond.ListOf(p.Stores) }
	}
	return cond.Func(func(m *cond.Moment) cond.Value { return read(m.Profile) })
}

func textOrAbsent(s string) cond.Value {
	if s == "" {
		return cond.Value{}
	}
	return cond.TextOf(s)
}

// eventField reads a field of the event's envelope; unknown names are refused
// when the rule is saved, not found missing when it runs.
func eventField(path []string) (cond.Node, error) {
	if len(path) == 0 {
		return nil, errors.New("name a field of the event: event.amount, event.properties.page")
	}
	var read func(*event.Event) cond.Value
	rest := strings.Join(path[1:], ".")
	switch path[0] {
	case "properties":
		read = func(e *event.Event) cond.Value { return fieldAt(e.Properties, rest) }
	case "context":
		read = func(e *event.Event) cond.Value { return fieldAt(e.Context, rest) }
	case "traits":
		read = func(e *event.Event) cond.Value { return fieldAt(e.Traits, rest) }
	case "object":
		return objectField(rest)
	case "amount":
		read = func(e *event.Event) cond.Value {
			if e.Amount == nil {
				return cond.Value{}
			}
			return cond.NumberOf(*e.Amount)
		}
	default:
		f, ok := textFields[path[0]]
		if !ok || len(path) > 1 {
			return nil, fmt.Errorf("the event has no field %q%s; its own fields are event.properties.…", strings.Join(path, "."), near.Hint(path[0], eventFields()))
		}
		read = func(e *event.Event) cond.Value { return textOrAbsent(f(e)) }
	}
	return cond.Func(func(m *cond.Moment) cond.Value {
		if m.Event == nil {
			return cond.Value{}
		}
		return read(m.Event)
	}), nil
}

// textFields are the envelope's plain fields by name.
var textFields = map[string]func(*event.Event) string{
	"type":       func(e *event.Event) string { return e.Type },
	"event_id":   func(e *event.Event) string { return e.EventID },
	"time":       func(e *event.Event) string { return e.Time.String() },
	"source":     func(e *event.Event) string { return e.Source },
	"staff_id":   func(e *event.Event) string { return e.StaffID },
	"channel":    func(e *event.Event) string { return e.Channel },
	"store_id":   func(e *event.Event) string { return e.StoreID },
	"touchpoint": func(e *event.Event) string { return e.Touchpoint },
	"from":       func(e *event.Event) string { return e.From },
	"currency":   func(e *event.Event) string { return e.Currency },
}

func objectField(name string) (cond.Node, error) {
	var read func(*event.Object) cond.Value
	switch name {
	case "type":
		read = func(o *event.Object) cond.Value { return textOrAbsent(o.Type) }
	case "id":
		read = func(o *event.Object) cond.Value { return textOrAbsent(o.ID) }
	case "title":
		read = func(o *event.Object) cond.Value { return textOrAbsent(o.Title) }
	case "category":
		read = func(o *event.Object) cond.Value { return textOrAbsent(o.Category) }
	case "brand":
		read = func(o *event.Object) cond.Value { return textOrAbsent(o.Brand) }
	case "price":
		read = func(o *event.Object) cond.Value {
			if o.Price == nil {
				return cond.Value{}
			}
			return cond.NumberOf(*o.Price)
		}
	default:
		return nil, fmt.Errorf("an object has type, id, title, category, brand, price; not %q%s", name, near.Hint(name, objectFields()))
	}
	return cond.Func(func(m *cond.Moment) cond.Value {
		if m.Event == nil || m.Event.Object == nil {
			return cond.Value{}
		}
		return read(m.Event.Object)
	}), nil
}

func fieldAt(f event.Fields, path string) cond.Value {
	v, ok := f.Get(path)
	if !ok {
		return cond.Value{}
	}
	return cond.Of(v)
}
