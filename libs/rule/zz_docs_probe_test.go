package rule_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/tagwire/tagwire/libs/rule"
)

func TestDocsProbe(t *testing.T) {
	for _, f := range []string{"en", "zh"} {
		text, _ := os.ReadFile("../../docs/guides/" + f + "/rules.md")
		for i, m := range regexp.MustCompile("(?s)```yaml tagwire-rules\n(.*?)```").FindAllSubmatch(text, -1) {
			if _, err := rule.Compile(1, map[string]string{"x.yaml": string(m[1])}); err != nil {
				t.Errorf("%s %d: %v", f, i, err)
			} else {
				t.Logf("%s %d ok", f, i)
			}
		}
	}
}
