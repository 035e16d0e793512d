package schemas_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/schemas"
)

func TestReasonsHoldsEveryReasonOnce(t *testing.T) {
	text, err := os.ReadFile("reasons.go")
	require.NoError(t, err)
	var want []schemas.Reason
	for _, m := range regexp.MustCompile(`Reason = "([^"]+)"`).FindAllSubmatch(text, -1) {
		want = append(want, schemas.Reason(m[1]))
	}
	assert.Equal(t, want, schemas.Reasons())
}
