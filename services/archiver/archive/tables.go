package archive

// encoderVersion changes whenever the same record would make other rows.
const encoderVersion = 1

// table is one that the archiver writes.
type table struct {
	name    string
	columns []string
}

// The columns of an order and of a place in the log stand at the end of a row.
var (
	placeColumns = []string{"topic", "partition", "offset"}
	orderColumns = []string{"generation", "shard", "commit", "position", "version"}
)

func columns(own []string, more ...[]string) []string {
	out := append([]string(nil), own...)
	for _, m := range more {
		out = append(out, m...)
	}
	return out
}

const (
	tableEvents     = "events"
	tableTags       = "tag_changes"
	tableStages     = "stage_changes"
	tableProfiles   = "profiles"
	tableMerges     = "merges"
	tableQuality    = "quality"
	tableAlerts     = "alerts"
	tableDeliveries = "deliveries"
	tableRejected   = "rejected"
	tableBatches    = "batches"
)

// tables in the order of their inserts; batches come last, since they say that
// a range is whole in history.
func tables() []table {
	return []table{
		{tableEvents, columns([]string{
			"event_id", "profile_id", "type", "time", "sent_day", "original_time", "received_at", "sent_at", "source", "channel", "store_id", "staff_id",
			"touchpoint", "from", "object_type", "object_id", "object_title", "category", "brand", "price", "amount", "currency", "text", "identities", "own",
			"traits", "properties", "context", "tags", "matched", "matches", "backfill", "import", "repair", "place", "log_source", "log_number", "raw",
		}, placeColumns, []string{"version"})},
		{tableTags, columns([]string{
			"change_id", "op", "profile_id", "tag", "tag_group", "tag_value", "rule", "rule_version", "at", "day", "since", "expires_at",
			"reason", "cause", "evidence", "measures", "known", "late",
		}, orderColumns, placeColumns)},
		{tableStages, columns([]string{
			"change_id", "profile_id", "stage", "from_stage", "rule", "rule_version", "at", "day", "reason", "cause", "evidence", "measures", "known", "late",
		}, orderColumns, placeColumns)},
		{tableProfiles, columns([]string{
			"profile_id", "known", "excluded", "stale", "stage", "stage_since", "owner", "owners", "channels", "stores", "identities",
			"city", "province", "industry", "level", "source", "gender", "age", "intent", "traits", "measures",
			"tags", "tag_groups", "tag_values", "tag_since", "tag_expires", "tag_rules", "tag_rule_versions", "tag_origins",
			"first_seen", "last_seen", "clock", "at", "day",
		}, orderColumns, placeColumns)},
		{tableMerges, columns([]string{"other", "profile_id", "change_id", "at", "day", "reason", "cause"}, orderColumns, placeColumns)},
		{tableQuality, columns([]string{"change_id", "kind", "profile_id", "other", "at", "day", "reason", "cause", "version"}, placeColumns)},
		{tableAlerts, columns([]string{
			"alert_id", "verb", "entry_id", "at", "day", "profile_id", "rule", "rule_version", "tag", "severity", "title", "advice", "recipient",
			"staff_id", "staff", "store_id", "channel", "received_at", "cause", "evidence", "measures", "by", "until", "handed_to", "remark",
		}, orderColumns, placeColumns)},
		{tableDeliveries, columns([]string{"alert_id", "delivery_id", "channel", "at", "day", "profile_id", "recipient", "detail"}, placeColumns)},
		{tableRejected, columns([]string{"id", "at", "day", "stage", "source", "event_id", "type", "reason", "detail", "raw", "body"}, placeColumns)},
		{tableBatches, []string{"topic", "partition", "lo", "hi", "records", "poison", "shard", "generation", "commit", "token"}},
	}
}
