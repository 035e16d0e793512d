package rule

import "slices"

// Keys are the keys that may stand in a part of a rule set: set (a file's top),
// keyword, measure, tag, choice, times, alert, escalate, stage, step (of a
// sequence), group, trait. It is the one list: the compiler refuses all others, and schemas/rules.schema.json has the
// same ones.
func Keys(part string) []string { return keys()[part] }

// Parts are the parts that have keys.
func Parts() []string {
	var out []string
	for part := range keys() {
		out = append(out, part)
	}
	slices.Sort(out)
	return out
}

func keys() map[string][]string {
	return map[string][]string{
		"set":      {"zone", "population", "currency", "keywords", "cuts", "rates", "measures", "tags", "stages", "groups", "traits"},
		"keyword":  {"words", "exact", "unless_in", "not_after", "from"},
		"measure":  measureKeys(),
		"tag":      {"group", "event", "when", "lasts", "times", "value", "choose", "alert"},
		"choice":   {"tag", "when"},
		"times":    {"at_least", "per", "once"},
		"alert":    {"each", "to", "severity", "title", "advice", "cooldown", "escalate"},
		"escalate": {"after", "to"},
		"stage":    {"name", "start", "when", "from", "after"},
		"step":     {"event", "not", "where"},
		"group":    {"count_by", "color", "order"},
		"trait":    {"merge", "sources"},
	}
}

// KnownKey says that a word is a key of some part.
func KnownKey(word string) bool {
	for _, list := range keys() {
		if slices.Contains(list, word) {
			return true
		}
	}
	return false
}
