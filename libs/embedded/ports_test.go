package embedded

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A port that was taken between finding and opening it: the part never answers
// on it, or dies.
func TestAStolenPortIsReplacedUnlessItWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		never := func(ctx context.Context) error {
			if tries++; tries < 3 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		require.NoError(t, onFreshPorts(t.Context(), false, never))
		require.Equal(t, 3, tries)

		died := problem(ErrPartDied, errors.New("bind"), "", "")
		tries = 0
		require.ErrorIs(t, onFreshPorts(t.Context(), false, func(context.Context) error { tries++; return died }), ErrPartDied)
		require.Equal(t, 4, tries, "a part that always dies is given up")

		tries = 0
		require.ErrorIs(t, onFreshPorts(t.Context(), true, func(context.Context) error { tries++; return died }), ErrPartDied)
		require.Equal(t, 1, tries, "a given address is never replaced")
	})
}
