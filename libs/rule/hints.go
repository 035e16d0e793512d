package rule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/libs/rule/near"
)

// What a refusal says would be right stands here, in one place.

// profileNames are the names of a condition that are no measures.
func profileNames() []string {
	return []string{"event", "trait", "traits", "stage", "known", "owner", "owners", "channels", "stores"}
}

// functionNames are the functions of a condition.
func functionNames() []string {
	var names []string
	for _, f := range Functions() {
		names = append(names, f.Name)
	}
	return append(names, "len")
}

// eventFields are the event's fields.
func eventFields() []string {
	return slices.AppendSeq([]string{"properties", "context", "traits", "object", "amount"}, maps.Keys(textFields))
}

func objectFields() []string { return []string{"type", "id", "title", "category", "brand", "price"} }

// unknownName refuses a name of a condition, and says what it may have meant.
func (c *compilation) unknownName(name string) error {
	known := slices.AppendSeq(profileNames(), maps.Keys(c.set.measures))
	if err := wide(name, known); err != nil {
		return err
	}
	zh, en := c.suggest(name, known)
	return fmt.Errorf("不认识的名字 %[1]q%[2]s / unknown name %[1]q%[3]s", name, zh, en)
}

// wide names a full-width letter or digit of an unknown name, where no other name
// is nearer than what is spelt without.
func wide(name string, known []string) error {
	sign, narrow := cond.Narrow(name)
	if sign == "" {
		return nil
	}
	if _, near := near.Name(name, known); near && !slices.Contains(known, narrow) {
		return nil
	}
	return errors.New(sign)
}

func (c *compilation) suggest(name string, known []string) (zh, en string) {
	if slices.ContainsFunc(c.set.Keywords, func(l keywordList) bool { return l.Name == name }) {
		return fmt.Sprintf("：它是词表，写成 keyword(%q)", name), fmt.Sprintf("; it is a keyword list: write keyword(%q)", name)
	}
	_, given := c.set.owners[name]
	if _, placed := c.places[name]; given || placed {
		return fmt.Sprintf("：它是标签，写成 tag(%q)", name), fmt.Sprintf("; it is a tag: write tag(%q)", name)
	}
	if slices.Contains(eventFields(), name) {
		return "：事件的字段写成 event." + name, "; the event's field is event." + name
	}
	if zh, en = near.Hint(name, known); zh != "" {
		return zh, en
	}
	const others = "event., trait., stage, known, owner, owners, channels, stores"
	return "：它不是度量，也不是 " + others, "; it is neither a measure nor " + others
}

func unknownFunction(name string) error {
	names := functionNames()
	if err := wide(name, names); err != nil {
		return err
	}
	zh, en := near.Hint(name, names)
	return fmt.Errorf("不认识的函数 %[1]q%[2]s：有 %[4]s / unknown function %[1]q%[3]s; there are %[4]s", name, zh, en, strings.Join(names, ", "))
}

// noList refuses a keyword list that is not there.
func (c *compilation) noList(name string) error {
	var lists []string
	for _, l := range c.set.Keywords {
		lists = append(lists, l.Name)
	}
	zh, en := near.Hint(name, lists)
	return fmt.Errorf("没有词表 %[1]q%[2]s / there is no keyword list %[1]q%[3]s", name, zh, en)
}
