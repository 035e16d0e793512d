package schemas

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReasonsHoldsEveryReasonOnce(t *testing.T) {
	text, err := os.ReadFile("reasons.go")
	require.NoError(t, err)
	var want []Reason
	for _, m := range regexp.MustCompile(`Reason = "([^"]+)"`).FindAllSubmatch(text, -1) {
		want = append(want, Reason(m[1]))
	}
	assert.Equal(t, want, Reasons())
}
