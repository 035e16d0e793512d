package rule

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/rule/cond"
)

var durationPart = regexp.MustCompile(`^(\d+)(ms|s|m|h|d|w)`)

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// ParseDuration reads durations such as 7d, 1h30m: ms, s, m, h, d (24 h), w.
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest := s
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%q is not a duration: write a number with ms, s, m, h, d or w, such as 7d", s)
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n > int64(100*365*24*time.Hour/units[m[2]]) {
			return 0, fmt.Errorf("the duration %q is longer than 100 years", s)
		}
		total += time.Duration(n) * units[m[2]]
		rest = rest[len(m[0]):]
	}
	if total <= 0 {
		return 0, fmt.Errorf("%q is not a duration longer than nothing", s)
	}
	return total, nil
}

// Template is a text with {{…}} places.
type Template struct {
	parts []part
	Uses  Uses
}

type part struct {
	text string
	node cond.Node
}

var place = regexp.MustCompile(`\{\{(.*?)\}\}`)

func (c *compilation) template(text string, withEvent bool) (Template, error) {
	var t Template
	at := 0
	for _, m := range place.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			t.parts = append(t.parts, part{text: text[at:m[0]]})
		}
		node, err := cond.Compile(strings.TrimSpace(text[m[2]:m[3]]), scope{c: c, uses: &t.Uses, event: withEvent, profile: true, bare: true})
		if err != nil {
			return t, fmt.Errorf("in {{%s}}: %w", text[m[2]:m[3]], err)
		}
		t.parts = append(t.parts, part{node: node})
		at = m[1]
	}
	if at < len(text) {
		t.parts = append(t.parts, part{text: text[at:]})
	}
	return t, nil
}

// Render fills the places; a missing value leaves nothing, a sealed one its
// token.
func (t Template) Render(m *cond.Moment) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.node == nil {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(p.node.Eval(m).String())
	}
	return strings.TrimSpace(b.String())
}
