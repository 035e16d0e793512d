package warehouse

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Cut is a moment of all shards of a generation: the commit number up to which
// each shard counts.
type Cut struct {
	Generation int
	Commits    []int64 // by shard
}

// TagPopulation is how many profiles held a tag at a cut.
type TagPopulation struct{ Known, Anonymous uint64 }

// Recount counts tags by name as of a cut, from the changes up to it. Those of
// the shards must have been archived so far: see [Warehouse.Archived].
func (w *Warehouse) Recount(ctx context.Context, cut Cut) (map[string]TagPopulation, error) {
	query := "WITH " + cut.flags() + ", " + cut.held() + `
SELECT tag, countIf(is_known) AS known, countIf(NOT is_known) AS anonymous
FROM held INNER JOIN flags ON flags.profile_id = held.profile_id
WHERE NOT is_excluded
GROUP BY tag`
	rows, err := w.Query(ctx, w.in(query))
	if err != nil {
		return nil, fmt.Errorf("recount tags: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	out := map[string]TagPopulation{}
	for rows.Next() {
		var tag string
		var p TagPopulation
		if err := rows.Scan(&tag, &p.Known, &p.Anonymous); err != nil {
			return nil, fmt.Errorf("recount tags: %w", err)
		}
		out[tag] = p
	}
	return out, rows.Err()
}

// bounds are the highest versions that count, by shard, as an array of ClickHouse's
// SQL.
func (c Cut) bounds() string {
	out := make([]string, len(c.Commits))
	for n, commit := range c.Commits {
		out[n] = strconv.FormatUint(upTo(c.Generation, commit), 10)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// of is the bound of each profile.
func (c Cut) of() string {
	return "(SELECT profile_id, " + c.bounds() + "[any(shard) + 1] AS bound FROM ${db}.profiles GROUP BY profile_id)"
}

// flags says of each profile whether it was known and excluded at the cut.
func (c Cut) flags() string {
	return `flags AS
(
    SELECT profile_id, argMax(known, place) AS is_known, argMax(excluded, place) AS is_excluded
    FROM
    (
        SELECT f.profile_id AS profile_id, f.known AS known, f.excluded AS excluded,
               (least(f.last_version, b.bound), f.first_version) AS place
        FROM (SELECT profile_id, known, excluded, min(first_version) AS first_version, max(last_version) AS last_version FROM ${db}.profile_flags GROUP BY profile_id, known, excluded) AS f
        INNER JOIN ` + c.of() + ` AS b ON b.profile_id = f.profile_id
        WHERE f.first_version <= b.bound
    )
    GROUP BY profile_id
)`
}

// held are the tags that were held at the cut, with their groups.
func (c Cut) held() string {
	// Rows of an earlier generation count whatever their shard: it had other shards.
	within := fmt.Sprintf("(generation < %d OR generation = %d AND version <= %s[shard + 1])", c.Generation, c.Generation, c.bounds())
	return `held AS
(
    SELECT profile_id, toString(tag) AS tag, tag_value, toString(argMax(tag_group, version)) AS in_group
    FROM ${db}.tag_changes
    WHERE ` + within + `
    GROUP BY profile_id, tag, tag_value
    HAVING argMax(op, version) IN ('applied', 'renewed')
)`
}

// Mark is how far a partition has been archived.
type Mark struct {
	Next       int64 // every record below this offset is in history
	Generation int   // of the newest change below it; 0 when there is none
	Shard      int
	Commit     int64
}

// Archived tells how far a topic's partitions have been archived. A commit is
// whole in history when a mark of a later one stands, or when Next has reached
// the end that the partition had after the commit was published.
func (w *Warehouse) Archived(ctx context.Context, topic string) (map[int]Mark, error) {
	rows, err := w.Query(ctx, w.in(`SELECT partition, max(hi), argMax(generation, (generation, commit)), argMax(shard, (generation, commit)), argMax(commit, (generation, commit))
FROM ${db}.batches WHERE topic = `+quote(topic)+` GROUP BY partition`))
	if err != nil {
		return nil, fmt.Errorf("archived so far of %s: %w", topic, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	out := map[int]Mark{}
	for rows.Next() {
		var partition, shard uint16
		var generation uint32
		var m Mark
		if err := rows.Scan(&partition, &m.Next, &generation, &shard, &m.Commit); err != nil {
			return nil, fmt.Errorf("archived so far of %s: %w", topic, err)
		}
		m.Generation, m.Shard = int(generation), int(shard)
		out[int(partition)] = m
	}
	return out, rows.Err()
}
