package rule

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/rule/near"
)

func (c *compilation) tag(e entry) {
	if _, ok := c.places[e.key]; ok {
		c.fail(e.again("标签", "the tag %q stands"))
		return
	}
	if strings.Contains(e.key, ":") || e.key == Catalogue || len(e.key) > 200 {
		c.fail(e.at.errorf("标签名不含冒号，不能是 %[1]q，最多 200 字节：冒号用来分开一族标签和它的值 / a tag's name has no colon, is not %[1]q and has at most 200 bytes: a colon parts a family from its value", Catalogue))
		return
	}
	c.places[e.key] = e.at
	f, err := e.value.fields(Keys("tag")...)
	if c.fail(err) {
		return
	}
	t := &Tag{Name: e.key}
	if c.fail(c.readTag(t, e, f)) {
		return
	}
	c.set.Tags = append(c.set.Tags, t)
	c.set.owners[t.Name] = t
	for _, ch := range t.Choose {
		if other, ok := c.set.owners[ch.Tag]; ok && other != t {
			c.fail(e.at.errorf("标签 %[1]q 已经由 %[2]q 给出 / the tag %[1]q is given by %[2]q already", ch.Tag, other.Name))
			return
		}
		c.set.owners[ch.Tag] = t
	}
}

func (c *compilation) readTag(t *Tag, e entry, f map[string]yamlNode) error {
	var err error
	if n, ok := f["group"]; ok {
		if t.Group, err = n.text(); err != nil {
			return err
		}
	}
	if n, ok := f["event"]; ok {
		types, err := n.texts()
		if err != nil {
			return err
		}
		t.Events = map[string]bool{}
		for _, typ := range types {
			t.Events[typ] = true
		}
	}
	s := scope{uses: &t.Uses, event: t.Events != nil, profile: true}
	if n, ok := f["when"]; ok {
		if t.When, t.WhenText, err = c.boolean(n, s); err != nil {
			return err
		}
	}
	if n, ok := f["lasts"]; ok {
		if t.Lasts, err = duration(n); err != nil {
			return err
		}
	}
	if n, ok := f["value"]; ok {
		if t.Value, _, err = c.condition(n, s); err != nil {
			return err
		}
		if t.Events == nil {
			return n.errorf("有 `value` 就要有 `event`：值在这种事件到来时取 / a family needs `event`: its value is taken when such an event comes")
		}
	}
	if n, ok := f["choose"]; ok {
		if err := c.choices(t, n); err != nil {
			return err
		}
	}
	if n, ok := f["times"]; ok {
		if t.Times, err = times(n); err != nil {
			return err
		}
		if t.Events == nil {
			return n.errorf("`times` 数的是事件标签的匹配次数，这个标签没有 `event` / `times` counts matches of an event tag; this tag has no `event`")
		}
	}
	if t.When == nil && t.Events == nil && t.Choose == nil {
		return e.at.errorf("标签要写 `when`、`event` 或 `choose` / a tag needs `when`, `event` or `choose`")
	}
	if t.Choose != nil && (t.When != nil || t.Events != nil || t.Lasts > 0) {
		return e.at.errorf("有 `choose` 的标签不再写 `when`、`event` 或 `lasts` / a tag with `choose` has no `when`, `event` or `lasts` of its own")
	}
	if n, ok := f["alert"]; ok {
		return c.alerts(n, t)
	}
	return nil
}

// alerts reads one alert, or a list of which each has another `each`.
func (c *compilation) alerts(n yamlNode, t *Tag) error {
	all := []yamlNode{n}
	if !n.isMapping() {
		var err error
		if all, err = n.items(); err != nil {
			return err
		}
	}
	for _, one := range all {
		a, err := c.alert(one, t)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(t.Alerts, func(o *Alert) bool { return o.Each == a.Each }) {
			return one.errorf("%[1]q 有两个提醒的 `each` 相同：%[2]s / two alerts of %[1]q have the same `each`: %[2]s", t.Name, a.Each)
		}
		t.Alerts = append(t.Alerts, a)
	}
	return nil
}

// keepForLasts lets the folds that a tag with `lasts` reads keep their facts so
// long that the last moment at which it held can be found again, whatever comes
// late or is merged.
func (c *compilation) keepForLasts() {
	longest := map[string]time.Duration{}
	for _, t := range c.set.Tags {
		for key := range t.Uses.Folds {
			longest[key] = max(longest[key], t.Lasts)
		}
	}
	for key, lasts := range longest {
		c.set.Folds[key].Shape.Keep += lasts
	}
}

func (c *compilation) choices(t *Tag, n yamlNode) error {
	items, err := n.items()
	if err != nil {
		return err
	}
	for _, item := range items {
		f, err := item.fields(Keys("choice")...)
		if err != nil {
			return err
		}
		var ch Choice
		name, ok := f["tag"]
		if !ok {
			return item.errorf("`choose` 的每一项要写 `tag` / a choice needs `tag`")
		}
		if ch.Tag, err = name.text(); err != nil {
			return err
		}
		if slices.ContainsFunc(t.Choose, func(o Choice) bool { return o.Tag == ch.Tag }) {
			return name.errorf("`choose` 里 %[1]q 写了两次 / the choice %[1]q stands here twice", ch.Tag)
		}
		when, ok := f["when"]
		if !ok {
			return item.errorf("`choose` 里 %[1]q 要写 `when` / the choice %[1]q needs `when`", ch.Tag)
		}
		if ch.When, ch.WhenText, err = c.boolean(when, scope{uses: &t.Uses, profile: true}); err != nil {
			return err
		}
		t.Choose = append(t.Choose, ch)
	}
	if len(t.Choose) == 0 {
		return n.errorf("`choose` 至少要有一项 / `choose` needs at least one choice")
	}
	return nil
}

func times(n yamlNode) (*Times, error) {
	f, err := n.fields(Keys("times")...)
	if err != nil {
		return nil, err
	}
	out := &Times{AtLeast: 1}
	if v, ok := f["at_least"]; ok {
		s, err := v.text()
		if err != nil {
			return nil, err
		}
		if out.AtLeast, err = strconv.Atoi(s); err != nil || out.AtLeast < 1 || out.AtLeast > 1000 {
			return nil, v.errorf("at_least 是 1 到 1000 的整数，不能是 %[1]q / at_least is a number from 1 to 1000, not %[1]q", s)
		}
	}
	v, ok := f["per"]
	if !ok {
		return nil, n.errorf("`times` 要写 `per`：day、week 或 month / `times` needs `per`: day, week or month")
	}
	if out.Per, err = oneOf(v, "per", "day", "week", "month"); err != nil {
		return nil, err
	}
	if o, ok := f["once"]; ok {
		out.Once, err = oneOf(o, "once", "period", "ever")
	}
	return out, err
}

// recipients are the fixed words of `to`.
var recipients = []string{"owner", "owners", "event.staff", "leader", "store"}

func (c *compilation) alert(n yamlNode, t *Tag) (*Alert, error) {
	f, err := n.fields(Keys("alert")...)
	if err != nil {
		return nil, err
	}
	a := &Alert{Each: "enter", To: "owner", Severity: "medium"}
	if v, ok := f["each"]; ok {
		if a.Each, err = oneOf(v, "each", "enter", "match", "exit"); err != nil {
			return nil, err
		}
	}
	if v, ok := f["severity"]; ok {
		if a.Severity, err = oneOf(v, "severity", "low", "medium", "high"); err != nil {
			return nil, err
		}
	}
	if v, ok := f["to"]; ok {
		if a.To, err = recipient(v); err != nil {
			return nil, err
		}
	}
	if a.Each == "match" && t.Events == nil {
		return nil, n.errorf("`each: match` 在事件标签每次匹配时提醒，这个标签没有 `event` / `each: match` alerts at every matching event; this tag has no `event`")
	}
	for key, into := range map[string]*Template{"title": &a.Title, "advice": &a.Advice} {
		v, ok := f[key]
		if !ok {
			continue
		}
		s, err := v.text()
		if err != nil {
			return nil, err
		}
		if *into, err = c.template(s, true); err != nil {
			return nil, v.errorf("%s", err)
		}
	}
	if _, ok := f["title"]; !ok {
		if a.Title, err = c.template("{{name}} "+t.Name, false); err != nil {
			return nil, err
		}
	}
	if v, ok := f["cooldown"]; ok {
		if a.Cooldown, err = duration(v); err != nil {
			return nil, err
		}
	}
	if v, ok := f["escalate"]; ok {
		if a.Escalate, err = escalation(v); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func recipient(n yamlNode) (string, error) {
	s, err := n.text()
	if err != nil {
		return "", err
	}
	if slices.Contains(recipients, s) || strings.HasPrefix(s, "team:") || strings.HasPrefix(s, "person:") {
		return s, nil
	}
	zh, en := near.Hint(s, recipients)
	return "", n.errorf("`to` 只能是 %[1]s、team:x、person:x，不能是 %[2]q%[3]s / `to` is one of %[1]s, team:x, person:x; not %[2]q%[4]s", strings.Join(recipients, ", "), s, zh, en)
}

func escalation(n yamlNode) (*Escalation, error) {
	f, err := n.fields(Keys("escalate")...)
	if err != nil {
		return nil, err
	}
	after, okAfter := f["after"]
	to, okTo := f["to"]
	if !okAfter || !okTo {
		return nil, n.errorf("`escalate` 要写 `after` 和 `to` / `escalate` needs `after` and `to`")
	}
	out := &Escalation{}
	if out.After, err = duration(after); err != nil {
		return nil, err
	}
	out.To, err = recipient(to)
	return out, err
}

func (c *compilation) stages(n yamlNode) {
	items, err := n.items()
	if c.fail(err) {
		return
	}
	for _, item := range items {
		f, err := item.fields(Keys("stage")...)
		if c.fail(err) {
			return
		}
		if c.fail(c.stage(item, f)) {
			return
		}
	}
	c.knownFroms()
}

// knownFroms refuses a `from` that names no stage: the move could never be.
func (c *compilation) knownFroms() {
	var names []string
	for _, s := range c.set.Stages {
		names = append(names, s.Name)
	}
	for _, n := range c.froms {
		from, err := n.texts()
		c.fail(err)
		for _, name := range from {
			if !slices.Contains(names, name) {
				zh, en := near.Hint(name, names)
				c.fail(n.errorf("没有阶段 %[1]q%[2]s：有 %[4]s / there is no stage %[1]q%[3]s; there are %[4]s", name, zh, en, strings.Join(names, ", ")))
			}
		}
	}
	c.froms = nil
}

func (c *compilation) stage(item yamlNode, f map[string]yamlNode) error {
	var st Stage
	name, ok := f["name"]
	if !ok {
		return item.errorf("阶段要写 `name` / a stage needs `name`")
	}
	var err error
	if st.Name, err = name.text(); err != nil {
		return err
	}
	if slices.ContainsFunc(c.set.Stages, func(o Stage) bool { return o.Name == st.Name }) {
		return name.errorf("阶段 %[1]q 写了两次 / the stage %[1]q stands here twice", st.Name)
	}
	if v, ok := f["start"]; ok {
		s, err := v.text()
		if err != nil || s != "true" && s != "false" {
			return v.errorf("start 只能是 true 或 false / start is true or false")
		}
		st.Start = s == "true"
		if other := slices.IndexFunc(c.set.Stages, func(o Stage) bool { return o.Start }); st.Start && other >= 0 {
			return v.errorf("已经有起始阶段 %[1]q：客户只能从一个阶段开始 / the stage %[1]q is the start already; a customer can begin in one only", c.set.Stages[other].Name)
		}
	}
	if v, ok := f["when"]; ok {
		if st.When, st.WhenText, err = c.boolean(v, scope{uses: &st.Uses, profile: true}); err != nil {
			return err
		}
		if st.Uses.Stage {
			return v.errorf("阶段的条件不能引用阶段：限制从哪里进入请用 `from` / a stage's condition cannot read the stage; `from` restricts the moves")
		}
	}
	if v, ok := f["from"]; ok {
		if st.From, err = v.texts(); err != nil {
			return err
		}
		c.set.Notes = append(c.set.Notes, v.errorf("阶段 %[1]q 有 `from`：按到达 / the stage %[1]q has `from`: as it arrived", st.Name))
		c.froms = append(c.froms, v)
	}
	if v, ok := f["after"]; ok {
		if st.After, err = duration(v); err != nil {
			return err
		}
		st.Uses.Timed = true
		c.set.Notes = append(c.set.Notes, v.errorf("阶段 %[1]q 有 `after`：按到达 / the stage %[1]q has `after`: as it arrived", st.Name))
	}
	if !st.Start && st.When == nil {
		return item.errorf("阶段 %[1]q 要写 `when` 或 `start: true` / the stage %[1]q needs `when` or `start: true`", st.Name)
	}
	c.set.Stages = append(c.set.Stages, st)
	return nil
}
