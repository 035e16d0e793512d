package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tagwire/tagwire/libs/store"
)

func TestRefusalsAreCauses(t *testing.T) {
	var causes []string
	for _, answer := range []string{"owner", "behind", "lost"} {
		err := store.Refused(answer)
		assert.Error(t, err, answer)
		causes = append(causes, store.Cause(fmt.Errorf("commit 7 of shard 3: %w", err)))
	}
	assert.NoError(t, store.Refused("ok"))
	assert.Equal(t, store.Causes(), append(causes, store.Cause(errors.New("connection refused"))))
}
