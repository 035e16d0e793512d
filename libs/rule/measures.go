package rule

import (
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/rule/cond"
)

// measureKeys are what a measure may say beside its kind.
func measureKeys() []string {
	keys := []string{"where", "of", "minus", "within", "between", "per", "half_life", "same", "over"}
	for _, k := range MeasureKinds() {
		keys = append(keys, string(k))
	}
	return keys
}

func (c *compilation) measure(e entry) {
	if _, ok := c.set.measures[e.key]; ok {
		c.fail(e.again("度量", "the measure %q stands"))
		return
	}
	if strings.ContainsAny(e.key, " .:()\"'+-*/<>=!") || e.key == "event" {
		c.fail(e.at.errorf("度量的名字是一个词，不含符号和空格，条件里才能用；不能是 %[1]q / a measure's name is one word without signs, so that conditions can use it; not %[1]q", e.key))
		return
	}
	f, err := e.value.fields(Keys("measure")...)
	if c.fail(err) {
		return
	}
	m, err := c.readMeasure(e, f)
	if c.fail(err) {
		return
	}
	m.Number = len(c.set.Measures)
	c.set.measures[m.Name] = m
	c.set.Measures = append(c.set.Measures, m)
}

func (c *compilation) readMeasure(e entry, f map[string]yamlNode) (*Measure, error) {
	m := &Measure{Name: e.key, zone: c.set.Zone}
	spec := foldSpec{naming: e.key}
	if err := c.measureKind(m, e, f, &spec); err != nil {
		return nil, err
	}
	if err := c.measureOptions(m, f, &spec); err != nil {
		return nil, err
	}
	if err := c.measureWindow(m, e, f); err != nil {
		return nil, err
	}
	if m.needsOf() && spec.of == nil {
		return nil, e.at.errorf("%[1]s 要写 `of`：取事件的什么，如 of: event.amount / %[1]s needs `of`: what to take of each event, such as of: event.amount", m.Kind)
	}
	if err := refuseUnbounded(m, f, spec); err != nil {
		return nil, err
	}
	m.shape(&spec)
	m.Fold, m.Keywords = c.fold(spec), spec.uses.Keywords
	if n, ok := f["minus"]; ok {
		if m.Kind != Sum {
			return nil, n.errorf("只有 sum 能写 `minus` / only a sum has `minus`")
		}
		types, err := n.texts()
		if err != nil {
			return nil, err
		}
		less := spec
		less.types = types
		m.Minus = c.fold(less)
	}
	return m, nil
}

// measureKind reads the one kind that a measure is, with its event types.
func (c *compilation) measureKind(m *Measure, e entry, f map[string]yamlNode, spec *foldSpec) error {
	for _, kind := range MeasureKinds() {
		n, ok := f[string(kind)]
		if !ok {
			continue
		}
		if m.Kind != "" {
			return n.errorf("度量只能是其中一种：%[1]s；这里写了 %[2]s 和 %[3]s / a measure is one of %[1]s; here stand %[2]s and %[3]s", kindNames(), m.Kind, kind)
		}
		m.Kind = kind
		var err error
		switch kind {
		case Score:
			spec.points, err = points(n)
		case Sequence:
			err = c.sequence(n, spec)
		default:
			spec.types, err = n.texts()
		}
		if err != nil {
			return err
		}
	}
	if m.Kind == "" {
		return e.at.errorf("度量要写其中一种：%[1]s / a measure needs one of %[1]s", kindNames())
	}
	return nil
}

func kindNames() string {
	var names []string
	for _, k := range MeasureKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func (m *Measure) needsOf() bool {
	switch m.Kind {
	case Sum, Avg, Min, Max, Distinct, Top:
		return true
	}
	return false
}

func (m *Measure) takesOf() bool { return m.needsOf() || m.Kind == Last || m.Kind == First }

func (c *compilation) measureOptions(m *Measure, f map[string]yamlNode, spec *foldSpec) error {
	var err error
	if n, ok := f["where"]; ok {
		if spec.where, spec.whereText, err = c.boolean(n, scope{uses: &spec.uses, event: true}); err != nil {
			return err
		}
	}
	if n, ok := f["of"]; ok {
		if spec.of, spec.ofText, err = c.condition(n, scope{uses: &spec.uses, event: true}); err != nil {
			return err
		}
		if !m.takesOf() {
			return n.errorf("%[1]s 不能写 `of` / %[1]s takes no `of`", m.Kind)
		}
	} else if m.Kind == Last || m.Kind == First {
		spec.ofText = "event.time"
		if spec.of, err = cond.Compile(spec.ofText, scope{c: c, uses: &Uses{}, event: true}); err != nil {
			return err
		}
	}
	if n, ok := f["same"]; ok {
		if m.Kind != Sequence {
			return n.errorf("只有序列能写 `same` / only a sequence has `same`")
		}
		if spec.same, spec.sameText, err = c.condition(n, scope{uses: &spec.uses, event: true}); err != nil {
			return err
		}
	}
	if n, ok := f["half_life"]; ok {
		if m.HalfLife, err = duration(n); err != nil {
			return err
		}
		if m.Kind != Score {
			return n.errorf("只有分数能写 `half_life` / only a score has `half_life`")
		}
	}
	return nil
}

// measureWindow reads which stretch of time the measure looks at.
func (c *compilation) measureWindow(m *Measure, e entry, f map[string]yamlNode) error {
	var err error
	windows := 0
	for _, key := range []string{"within", "between", "per"} {
		n, ok := f[key]
		if !ok {
			continue
		}
		if windows++; windows > 1 {
			return n.errorf("一个度量只有一个时间窗：within、between 或 per / a measure has one window: within, between or per")
		}
		if m.Kind == TimeSince || m.Kind == Sequence && key != "within" || m.Kind == Score && key != "within" {
			return n.errorf("%[1]s 不能写 `%[2]s` / %[1]s takes no `%[2]s`", m.Kind, key)
		}
		switch key {
		case "within":
			m.Within, err = duration(n)
		case "between":
			m.Between, err = between(n)
		default:
			m.Per, err = oneOf(n, "per", "day", "week", "month")
		}
		if err != nil {
			return err
		}
	}
	if n, ok := f["over"]; ok {
		if m.Kind != Sequence {
			return n.errorf("只有序列能写 `over`：只计这么久以内完成的 / only a sequence has `over`: its completions of so long are counted")
		}
		if m.Over, err = duration(n); err != nil {
			return err
		}
	}
	if m.Kind == Sequence && m.Within == 0 {
		return e.at.errorf("序列要写 `within`：最多用多久完成，如 within: 2h / a sequence needs `within`: how long it may take, such as within: 2h")
	}
	return nil
}

// between reads [near, far]: from so long ago to so long ago.
func between(n yamlNode) ([]time.Duration, error) {
	items, err := n.items()
	if err != nil {
		return nil, err
	}
	if len(items) != 2 {
		return nil, n.errorf("`between` 写两个时长，如 [30d, 90d]：90 天前到 30 天前 / `between` takes two lengths of time, such as [30d, 90d]: from 90 to 30 days ago")
	}
	var out []time.Duration
	for _, item := range items {
		d, err := duration(item)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if out[0] >= out[1] {
		return nil, n.errorf("`between` 先写近的一端：[30d, 90d] / `between` begins with the nearer end: [30d, 90d]")
	}
	return out, nil
}

// refuseUnbounded refuses sets of values that every event makes a new one of.
func refuseUnbounded(m *Measure, f map[string]yamlNode, spec foldSpec) error {
	if m.Kind != Distinct && m.Kind != Top {
		return nil
	}
	for _, field := range []string{"event.event_id", "event.time"} {
		if spec.ofText == field {
			return f["of"].errorf("%[1]s 每个事件都不同，集合没有尽头：请改为计次数（count） / %[1]s is another value with each event: a set of it has no end. Count the events instead", field)
		}
	}
	return nil
}

func duration(n yamlNode) (time.Duration, error) {
	s, err := n.text()
	if err != nil {
		return 0, err
	}
	d, err := ParseDuration(s)
	if err != nil {
		return 0, n.errorf("%s", err)
	}
	return d, nil
}

func points(n yamlNode) (map[string]decimal.Decimal, error) {
	es, err := n.entries()
	if err != nil {
		return nil, err
	}
	out := map[string]decimal.Decimal{}
	for _, e := range es {
		s, err := e.value.text()
		if err != nil {
			return nil, err
		}
		d, err := decimal.Parse(s)
		if err != nil {
			return nil, e.value.errorf("分数是数字，不能是 %[1]q / points are a number, not %[1]q", s)
		}
		out[e.key] = d
	}
	if len(out) == 0 {
		return nil, n.errorf("要写出每种事件的分数：score: {link.open: 5} / a score needs points: score: {link.open: 5}")
	}
	return out, nil
}
