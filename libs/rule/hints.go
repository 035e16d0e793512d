package rule

import (
	"fmt"
	"maps"
	"slices"

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

// suggest says what an unknown name of a condition may have meant.
func (c *compilation) suggest(name string) string {
	if slices.ContainsFunc(c.set.Keywords, func(l keywordList) bool { return l.Name == name }) {
		return fmt.Sprintf("; it is a keyword list: write keyword(%q)", name)
	}
	_, given := c.set.owners[name]
	if _, placed := c.places[name]; given || placed {
		return fmt.Sprintf("; it is a tag: write tag(%q)", name)
	}
	if slices.Contains(eventFields(), name) {
		return "; the event's field is event." + name
	}
	if hint := near.Hint(name, slices.AppendSeq(profileNames(), maps.Keys(c.set.measures))); hint != "" {
		return hint
	}
	return "; it is neither a measure nor event., trait., stage, known, owner, owners, channels, stores"
}

// nearList is the keyword list that may have been meant.
func (c *compilation) nearList(name string) string {
	var lists []string
	for _, l := range c.set.Keywords {
		lists = append(lists, l.Name)
	}
	return near.Hint(name, lists)
}
