package lint

import (
	"fmt"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/source"
)

// Gift is a tag that a definition (a channel, a link, a form …) gives.
type Gift struct {
	Kind, ID string // of the definition
	Tag      string
}

// Given looks for tags that definitions would give and a rule of the set decides: the
// rule decides alone, so they are not given.
func Given(set *rule.Set, files map[string]string, gifts []Gift) ([]Finding, error) {
	src, err := source.Read(files)
	if err != nil {
		return nil, err
	}
	l := &linter{set: set, src: src, check: "not_given"}
	places := l.places()
	for _, g := range gifts {
		if t, ok := set.RuleOf(g.Tag); ok && t.State() {
			l.add(Warning, places[g.Tag], g.Tag, both{
				fmt.Sprintf("%s「%s」的定义也要打「%s」，但这个标签由规则决定：该定义不会打上它", inChinese(g.Kind), g.ID, g.Tag),
				fmt.Sprintf("the definition of the %s %q gives %q as well, but a rule decides this tag: the definition does not give it", g.Kind, g.ID, g.Tag),
			}, both{"给其中一个换个名字；需要两者时，在规则的 when 里写上渠道的条件", "give one of them another name; where both are meant, let the rule's `when` read what the definition stands for"})
		}
	}
	return l.out, nil
}

// inChinese is what people call a kind of definition.
func inChinese(kind string) string {
	switch kind {
	case "channel":
		return "渠道"
	case "store":
		return "门店"
	case "link":
		return "链接"
	case "form":
		return "表单"
	}
	return kind
}
