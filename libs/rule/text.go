package rule

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/rule/cond"
)

// ParseDuration reads durations such as 7d, 1h30m: ms, s, m, h, d (24 h), w.
func ParseDuration(s string) (time.Duration, error) { return cond.ParseDuration(s) } //nolint:wrapcheck // it says all

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
			return t, fmt.Errorf("{{%s}}: %w", text[m[2]:m[3]], err)
		}
		t.parts = append(t.parts, part{node: node})
		at = m[1]
	}
	if i := strings.Index(text[at:], "{{"); i >= 0 {
		return t, fmt.Errorf("%[1]q 后面缺少 }} / %[1]q has no }} behind it", text[at+i:])
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
