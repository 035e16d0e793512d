package schemas

import "time"

// Topic is one entry of the catalogue. The incarnation is part of the name:
// partitions are never added, a reshard makes the next incarnation.
type Topic struct {
	Name        string
	Partitions  int
	Compacted   bool          // compacted topics keep the newest value of a key for ever
	Retention   time.Duration // of the others
	MaxMessages int           // bytes of one message
}

// Names of the topics of the first incarnation.
const (
	TopicRaw      = "raw.1"
	TopicEvents   = "events.1"
	TopicChanges  = "changes.1"
	TopicAlerts   = "alerts.1"
	TopicRejected = "rejected.1"
	TopicDefs     = "defs"
	TopicKeys     = "keys"
)

// Incarnation is that of the partitioned topics above.
const Incarnation = 1

// Retention is how long what is not compacted stays.
const Retention = 7 * 24 * time.Hour

const maxMessage = 2 << 20

// Topics is the catalogue for a deployment with the given numbers of shards and
// raw partitions.
func Topics(shards, raw int) []Topic {
	return []Topic{
		{Name: TopicRaw, Partitions: raw, Retention: Retention, MaxMessages: maxMessage},
		{Name: TopicEvents, Partitions: shards, Retention: Retention, MaxMessages: maxMessage},
		{Name: TopicChanges, Partitions: shards, Retention: Retention, MaxMessages: maxMessage},
		{Name: TopicAlerts, Partitions: shards, Retention: Retention, MaxMessages: maxMessage},
		{Name: TopicRejected, Partitions: raw, Retention: Retention, MaxMessages: maxMessage},
		{Name: TopicDefs, Partitions: 1, Compacted: true, MaxMessages: maxMessage},
		{Name: TopicKeys, Partitions: 1, Compacted: true, MaxMessages: maxMessage},
	}
}
