package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What doctor warns of stands in both guides, in a row that names doctor.
func TestTheGuidesNameWhatDoctorDemands(t *testing.T) {
	for _, language := range []string{"zh", "en"} {
		text, err := os.ReadFile("../../../docs/guides/" + language + "/real-parts.md")
		require.NoError(t, err)
		for _, setting := range []string{
			"min.insync.replicas", "unclean", "offsets.topic.replication.factor", "offsets.retention.minutes", "retention.ms", "cleanup.policy",
			"message.timestamp.type", "appendonly", "appendfsync", "redis.replicas", "10,000", "async_insert", "NTP",
		} {
			found := false
			for line := range strings.Lines(string(text)) {
				found = found || strings.HasPrefix(line, "|") && strings.Contains(line, setting) && strings.Contains(line, "doctor")
			}
			require.True(t, found, "%s: %s", language, setting)
		}
	}
}
