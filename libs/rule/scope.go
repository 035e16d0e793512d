package rule

import (
	"errors"
	"fmt"
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

var errNoEvent = errors.New("`event` 只能写在事件标签和 `where` 里：状态标签成立时没有事件 / `event` can be read by event tags and `where` only: a state tag holds without an event")

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
	return nil, s.c.unknownName(name)
}

func (s scope) needProfile(name string) error {
	if s.profile {
		return nil
	}
	return fmt.Errorf("这里不能写 %[1]q：`where` 和 `of` 只看事件本身 / %[1]q cannot be read here: `where` and `of` look at the event alone", name)
}

func (s scope) measure(m *Measure) cond.Node {
	s.uses.Measures = append(s.uses.Measures, m.Name)
	s.uses.fold(m.Fold)
	if m.Minus != nil {
		s.uses.fold(m.Minus)
	}
	if m.far() > 0 || m.Kind == Score || m.Kind == TimeSince {
		s.uses.Timed = true
	}
	switch {
	case m.Kind == Score:
		return scoreNode{measureNode{m}}
	case m.Kind == TimeSince:
		return spanNode{measureNode{m}}
	case m.Kind == Count && m.Within > 0:
		return countNode{measureNode{m}}
	case m.Kind == Sum && m.Within > 0 && m.Minus == nil:
		return sumNode{measureNode{m}}
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
		return nil, errors.New("请写出事件的字段：event.amount、event.properties.page / name a field of the event: event.amount, event.properties.page")
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
			zh, en := near.Hint(path[0], eventFields())
			return nil, fmt.Errorf("事件没有字段 %[1]q%[2]s：自带的属性写成 event.properties.… / the event has no field %[1]q%[3]s; its own fields are event.properties.…", strings.Join(path, "."), zh, en)
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
		zh, en := near.Hint(name, objectFields())
		return nil, fmt.Errorf("对象有 type、id、title、category、brand、price，没有 %[1]q%[2]s / an object has type, id, title, category, brand, price; not %[1]q%[3]s", name, zh, en)
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
