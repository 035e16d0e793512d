package rule

import (
	"slices"
	"strings"
)

// order puts each tag rule behind those it reads, refuses cycles and unknown
// tags, and notes what depends on arrival.
func (c *compilation) order() {
	const (
		unseen = iota
		open
		done
	)
	state := map[*Tag]int{}
	var sorted []*Tag
	var path []string
	var visit func(t *Tag) bool
	visit = func(t *Tag) bool {
		switch state[t] {
		case done:
			return true
		case open:
			c.fail(c.places[t.Name].errorf("这些标签互相引用，没有尽头：%[1]s / these tags need each other, which has no end: %[1]s", strings.Join(append(path[slices.Index(path, t.Name):], t.Name), " → ")))
			return false
		}
		state[t] = open
		path = append(path, t.Name)
		for _, name := range t.Uses.Tags {
			used, ok := c.set.RuleOf(name)
			if !ok {
				continue // a catalogue's or manual tag: known only when it comes
			}
			if !visit(used) {
				return false
			}
			t.Uses.Timed = t.Uses.Timed || used.Uses.Timed || used.Lasts > 0
			t.Uses.Stage = t.Uses.Stage || used.Uses.Stage // it is judged behind the stage
		}
		path = path[:len(path)-1]
		state[t] = done
		sorted = append(sorted, t)
		return true
	}
	for _, t := range c.set.Tags {
		if !visit(t) {
			return
		}
	}
	c.set.Tags = sorted
	c.stageReaders()
	for _, t := range sorted {
		c.arrival(t)
	}
}

// stageReaders refuses a stage that reads a tag that reads the stage.
func (c *compilation) stageReaders() {
	for _, s := range c.set.Stages {
		for _, name := range s.Uses.Tags {
			if t, ok := c.set.RuleOf(name); ok && t.Uses.Stage {
				c.fail(c.places[t.Name].errorf("阶段 %[1]q 引用标签 %[2]q，标签又引用阶段：请去掉一边 / the stage %[1]q reads the tag %[2]q, which reads the stage: one of them must not", s.Name, t.Name))
			}
		}
	}
}

// arrival notes a tag whose result depends on the order of arrival.
func (c *compilation) arrival(t *Tag) {
	zh, why := "", ""
	switch {
	case t.Times != nil:
		zh, why = "次数随到随计", "occurrences are counted as they came"
	case t.Events != nil:
		zh, why = "事件标签在事件到来时判断", "an event tag is judged when its event comes"
	case t.Uses.Cuts:
		zh, why = "分位点取生效版本里的", "cut points are those of the version in force"
	case t.Uses.Since:
		zh, why = "标签或阶段持有多久，从发现成立时算起", "how long a tag or stage is held depends on when it was found to hold"
	case t.Lasts > 0 && (t.Uses.Traits || t.Uses.Stage || len(t.Uses.Tags) > 0):
		zh, why = "`lasts` 按到达先后看属性、阶段和其他标签", "`lasts` over traits, stages or other tags looks at them as they came"
	default:
		for _, name := range t.Uses.Tags {
			if used, ok := c.set.RuleOf(name); ok && used.Events != nil {
				zh, why = "引用了 "+name, "it reads "+name
			}
		}
	}
	if why != "" {
		c.set.Notes = append(c.set.Notes, c.places[t.Name].errorf("%[1]s：按到达（%[2]s） / %[1]s: as it arrived (%[3]s)", t.Name, zh, why))
	}
}
