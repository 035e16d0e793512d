package event

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A change is written once for each profile of each commit, so its JSON is made
// by hand: byte for byte what encoding/json makes of the struct, at a fifth of
// the time. A test holds the two together.

// AppendJSON adds the change as JSON.
func (c *Change) AppendJSON(b []byte) ([]byte, error) {
	w := writer{b: b}
	w.open()
	w.text("change_id", c.ChangeID, true)
	w.text("op", string(c.Op), true)
	w.text("profile_id", c.Profile, true)
	w.text("tag", c.Tag, false)
	w.text("group", c.Group, false)
	w.text("value", c.Value, false)
	w.text("stage", c.Stage, false)
	w.text("from_stage", c.FromStage, false)
	w.text("rule", c.Rule, false)
	if c.RuleVersion != 0 {
		w.number("rule_version", c.RuleVersion)
	}
	w.time("at", c.At, true)
	w.time("since", c.Since, false)
	w.time("expires_at", c.ExpiresAt, false)
	w.text("reason", c.Reason, false)
	w.text("cause", c.Cause, true)
	if len(c.Evidence) > 0 {
		w.any("evidence", c.Evidence)
	}
	w.textMap("measures", c.Measures)
	w.text("other", c.Other, false)
	w.bool("known", c.Known, true)
	w.bool("late", c.Late, false)
	w.name("order")
	w.open()
	w.number("g", int64(c.Order.Generation))
	w.number("s", int64(c.Order.Shard))
	w.number("c", c.Order.Commit)
	w.number("i", int64(c.Order.Position))
	w.close()
	if c.Snapshot != nil {
		w.name("snapshot")
		w.snapshot(c.Snapshot)
	}
	w.close()
	return w.b, w.err
}

func (w *writer) snapshot(s *Snapshot) {
	w.open()
	w.bool("known", s.Known, true)
	w.bool("excluded", s.Excluded, false)
	w.identities(s.Identities)
	if len(s.Traits) > 0 {
		w.any("traits", s.Traits)
	}
	if len(s.Tags) > 0 {
		w.name("tags")
		w.b = append(w.b, '[')
		for i := range s.Tags {
			w.comma(i > 0)
			w.tag(&s.Tags[i])
		}
		w.b = append(w.b, ']')
	}
	w.text("stage", s.Stage, false)
	w.time("stage_since", s.StageSince, false)
	w.text("owner", s.Owner, false)
	w.texts("owners", s.Owners)
	w.texts("channels", s.Channels)
	w.texts("stores", s.Stores)
	w.time("first_seen", s.FirstSeen, true)
	w.time("last_seen", s.LastSeen, true)
	w.time("clock", s.Clock, true)
	w.textMap("measures", s.Measures)
	w.bool("stale", s.Stale, false)
	w.close()
}

func (w *writer) tag(t *TagState) {
	w.open()
	w.text("tag", t.Tag, true)
	w.text("group", t.Group, false)
	w.text("value", t.Value, false)
	w.time("since", t.Since, true)
	w.time("expires_at", t.ExpiresAt, false)
	w.text("rule", t.Rule, true)
	w.number("rule_version", t.RuleVersion)
	w.text("origin", t.Origin, false)
	if len(t.Evidence) > 0 {
		w.any("evidence", t.Evidence)
	}
	w.close()
}

// AppendText adds a text as JSON.
func AppendText(b []byte, s string) []byte {
	w := writer{b: b}
	w.quote(s) // a text always encodes
	return w.b
}

// writer builds one JSON text. always writes a field that is empty as well.
type writer struct {
	b   []byte
	err error
}

func (w *writer) open()  { w.b = append(w.b, '{') }
func (w *writer) close() { w.b = append(w.b, '}') }

func (w *writer) comma(needed bool) {
	if needed {
		w.b = append(w.b, ',')
	}
}

func (w *writer) name(n string) {
	w.comma(w.b[len(w.b)-1] != '{')
	w.b = append(append(append(w.b, '"'), n...), '"', ':')
}

func (w *writer) text(n, v string, always bool) {
	if v != "" || always {
		w.name(n)
		w.quote(v)
	}
}

func (w *writer) number(n string, v int64) {
	w.name(n)
	w.b = strconv.AppendInt(w.b, v, 10)
}

func (w *writer) bool(n string, v, always bool) {
	if v || always {
		w.name(n)
		w.b = strconv.AppendBool(w.b, v)
	}
}

func (w *writer) time(n string, v Time, always bool) {
	if v != 0 || always {
		w.name(n)
		w.b = v.appendJSON(w.b)
	}
}

func (w *writer) texts(n string, v []string) {
	if len(v) == 0 {
		return
	}
	w.name(n)
	w.b = append(w.b, '[')
	for i, s := range v {
		w.comma(i > 0)
		w.quote(s)
	}
	w.b = append(w.b, ']')
}

func (w *writer) identities(v []Identity) {
	w.name("identities")
	if v == nil {
		w.b = append(w.b, "null"...)
		return
	}
	w.b = append(w.b, '[')
	for i, id := range v {
		w.comma(i > 0)
		w.quote(id.String())
	}
	w.b = append(w.b, ']')
}

func (w *writer) textMap(n string, v map[string]string) {
	if len(v) == 0 {
		return
	}
	w.name(n)
	w.b = append(w.b, '{')
	for i, k := range slices.Sorted(maps.Keys(v)) {
		w.comma(i > 0)
		w.quote(k)
		w.b = append(w.b, ':')
		w.quote(v[k])
	}
	w.b = append(w.b, '}')
}

// any is for what is rare or of any type.
func (w *writer) any(n string, v any) {
	w.name(n)
	b, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, b...)
}

// quote writes a text that stands as it is between quotes; others go through
// encoding/json.
func (w *writer) quote(s string) {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
				w.escape(s)
				return
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			w.escape(s)
			return
		}
		i += n
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}

func (w *writer) escape(s string) {
	b, err := json.Marshal(s)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, b...)
}
