package seal_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store/storetest"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
)

// BenchmarkSealText is what the resolver pays per personal field after Warm.
func BenchmarkSealText(b *testing.B) {
	k, err := seal.OpenKeys(b.Context(), seal.KeysOptions{
		Stream: streamtest.Start(b), Redis: storetest.Mini(b), Master: fixedMaster(b, 'b'), Log: zap.NewNop(),
	})
	require.NoError(b, err)
	require.NoError(b, k.Warm(b.Context(), []string{"p1"}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.SealText(b.Context(), "p1", "你好，这款多少钱？"); err != nil {
			b.Fatal(err)
		}
	}
}
