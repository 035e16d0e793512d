package parts

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/schemas"
)

func TestRetentionOfRawAndEventsIsConfigured(t *testing.T) {
	cfg := config.Default()
	require.Equal(t, schemas.Topics(cfg.Shards, cfg.RawPartitions), Topics(&cfg), "the default is the catalogue's")
	cfg.Kafka.Retention = 30 * 24 * time.Hour
	for _, one := range Topics(&cfg) {
		switch one.Name {
		case schemas.TopicRaw, schemas.TopicEvents:
			require.Equal(t, cfg.Kafka.Retention, one.Retention, one.Name)
		default:
			require.NotEqual(t, cfg.Kafka.Retention, one.Retention, one.Name)
		}
	}
}
