package event_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

// AppendJSON writes what encoding/json writes, byte for byte.
func TestAppendJSONIsJSON(t *testing.T) {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "高意向", `a"b\c`, "<&>", "\u2028", "\xff", "\x00\t\x7f", "plain"}), rapid.String())
	texts := rapid.SliceOfN(text, 0, 3)
	moment := rapid.Custom(func(t *rapid.T) event.Time {
		return event.Time(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 4e12)).Draw(t, "ms"))
	})
	evidence := rapid.Custom(func(t *rapid.T) event.Evidence {
		return event.Evidence{EventID: text.Draw(t, "id"), Type: text.Draw(t, "type"), Time: moment.Draw(t, "time"), Matched: texts.Draw(t, "matched")}
	})
	measures := rapid.MapOfN(text, text, 0, 3)
	tag := rapid.Custom(func(t *rapid.T) event.TagState {
		return event.TagState{
			Tag: text.Draw(t, "tag"), Group: text.Draw(t, "group"), Value: text.Draw(t, "value"), Since: moment.Draw(t, "since"), ExpiresAt: moment.Draw(t, "expires"),
			Rule: text.Draw(t, "rule"), RuleVersion: rapid.Int64().Draw(t, "version"), Origin: text.Draw(t, "origin"),
			Evidence: rapid.SliceOfN(evidence, 0, 2).Draw(t, "evidence"),
		}
	})
	snapshot := rapid.Custom(func(t *rapid.T) *event.Snapshot {
		s := &event.Snapshot{
			Known: rapid.Bool().Draw(t, "known"), Excluded: rapid.Bool().Draw(t, "excluded"), Tags: rapid.SliceOfN(tag, 0, 3).Draw(t, "tags"),
			Stage: text.Draw(t, "stage"), StageSince: moment.Draw(t, "since"), Owner: text.Draw(t, "owner"), Owners: texts.Draw(t, "owners"),
			Channels: texts.Draw(t, "channels"), Stores: texts.Draw(t, "stores"), FirstSeen: moment.Draw(t, "first"), LastSeen: moment.Draw(t, "last"),
			Clock: moment.Draw(t, "clock"), Measures: measures.Draw(t, "measures"), Stale: rapid.Bool().Draw(t, "stale"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "identities") {
			s.Identities = append(s.Identities, event.Identity{Namespace: "user_id", Value: text.Draw(t, "value")})
		}
		if rapid.Bool().Draw(t, "traits") {
			s.Traits = map[string]event.Trait{text.Draw(t, "name"): {Value: text.Draw(t, "value"), Time: moment.Draw(t, "time")}}
		}
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		c := event.Change{
			ChangeID: text.Draw(t, "id"), Op: event.Op(text.Draw(t, "op")), Profile: text.Draw(t, "profile"), Tag: text.Draw(t, "tag"), Group: text.Draw(t, "group"),
			Value: text.Draw(t, "value"), Stage: text.Draw(t, "stage"), FromStage: text.Draw(t, "from"), Rule: text.Draw(t, "rule"),
			RuleVersion: rapid.Int64().Draw(t, "version"), At: moment.Draw(t, "at"), Since: moment.Draw(t, "since"), ExpiresAt: moment.Draw(t, "expires"),
			Reason: text.Draw(t, "reason"), Cause: text.Draw(t, "cause"), Evidence: rapid.SliceOfN(evidence, 0, 2).Draw(t, "evidence"),
			Measures: measures.Draw(t, "measures"), Other: text.Draw(t, "other"), Known: rapid.Bool().Draw(t, "known"), Late: rapid.Bool().Draw(t, "late"),
			Order: event.Order{Generation: 1, Shard: 7, Commit: rapid.Int64().Draw(t, "commit"), Position: 3},
		}
		if rapid.Bool().Draw(t, "with a snapshot") {
			c.Snapshot = snapshot.Draw(t, "snapshot")
		}
		want, err := json.Marshal(&c)
		require.NoError(t, err)
		have, err := c.AppendJSON(nil)
		require.NoError(t, err)
		require.Equal(t, string(want), string(have))
	})
}
