package warehouse

import (
	"context"
	"fmt"

	"github.com/tagwire/tagwire/libs/event"
)

// TagUseQuery asks how tags are held now and were given since a moment.
type TagUseQuery struct {
	Since event.Time
	Share float64 // of the pairs: at least this part of those who hold either hold both
}

// TagUse is the answer, among the profiles that counts count.
type TagUse struct {
	Profiles uint64            // all that are counted
	Held     map[string]uint64 // tag → profiles
	Applied  map[string]uint64 // tag → times given since the moment
	Pairs    []TagPair         // of tags without a value
}

// TagPair is two tags with the profiles that hold both, and at least one.
type TagPair struct {
	A, B         string
	Both, Either uint64
}

// TagUse asks for each part once. Each query is exact as of its own moment.
func (w *Warehouse) TagUse(ctx context.Context, q TagUseQuery) (*TagUse, error) {
	out := &TagUse{}
	if err := w.Scalar(ctx, w.in("SELECT count() FROM ${db}.counted"), &out.Profiles); err != nil {
		return nil, fmt.Errorf("count profiles: %w", err)
	}
	var err error
	if out.Held, err = w.countsBy(ctx, "SELECT toString(tag), uniqExact(profile_id) FROM ${bi}.tag_members GROUP BY tag"); err != nil {
		return nil, err
	}
	if out.Applied, err = w.countsBy(ctx, fmt.Sprintf(`SELECT toString(tag), uniqExact(change_id) FROM ${db}.tag_changes
WHERE op = 'applied' AND at >= fromUnixTimestamp64Milli(%d) AND profile_id IN (SELECT profile_id FROM ${db}.counted) GROUP BY tag`, int64(q.Since))); err != nil {
		return nil, err
	}
	rows, err := w.Query(ctx, w.in(`SELECT pair.1 AS a, pair.2 AS b, count() AS n FROM
(
    SELECT arraySort(groupUniqArray(toString(tag))) AS tags,
           arrayJoin(arrayFlatten(arrayMap((x, i) -> arrayMap(y -> (x, y), arraySlice(tags, i + 1)), tags, arrayEnumerate(tags)))) AS pair
    FROM ${bi}.tag_members WHERE tag_value = '' GROUP BY profile_id
)
GROUP BY a, b ORDER BY a, b`))
	if err != nil {
		return nil, fmt.Errorf("pairs of tags: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	for rows.Next() {
		var p TagPair
		if err := rows.Scan(&p.A, &p.B, &p.Both); err != nil {
			return nil, fmt.Errorf("pairs of tags: %w", err)
		}
		p.Either = max(out.Held[p.A]+out.Held[p.B]-p.Both, p.Both)
		if float64(p.Both) >= q.Share*float64(p.Either) {
			out.Pairs = append(out.Pairs, p)
		}
	}
	return out, rows.Err()
}

func (w *Warehouse) countsBy(ctx context.Context, query string) (map[string]uint64, error) {
	rows, err := w.Query(ctx, w.in(query))
	if err != nil {
		return nil, fmt.Errorf("count by tag: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	out := map[string]uint64{}
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, fmt.Errorf("count by tag: %w", err)
		}
		out[name] = n
	}
	return out, rows.Err()
}
