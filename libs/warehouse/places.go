package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/profile"
)

// TagPlace is a tag within a value of a dimension.
type TagPlace struct{ Tag, Dimension, Value string }

// PlacesRecount is what history says of tags by dimension.
type PlacesRecount struct {
	Counts map[TagPlace]TagPopulation
	// Undecided profiles have moved on after the cut, to where they had been before
	// it: history does not keep where they stood in between.
	Undecided uint64
}

// RecountBy counts tags by the dimensions of their groups as of a cut; what holds
// for [Warehouse.Recount] holds here.
func (w *Warehouse) RecountBy(ctx context.Context, cut Cut, dims profile.Dimensions) (PlacesRecount, error) {
	out := PlacesRecount{Counts: map[TagPlace]TagPopulation{}}
	query := "WITH " + cut.flags() + ", " + cut.held() + ", " + cut.places() + `
SELECT tag, at.1 AS dimension, at.2 AS value, countIf(is_known) AS known, countIf(NOT is_known) AS anonymous
FROM held INNER JOIN flags ON flags.profile_id = held.profile_id INNER JOIN places ON places.profile_id = held.profile_id
ARRAY JOIN ` + standsIn(dims) + ` AS at
WHERE NOT is_excluded
GROUP BY tag, dimension, value
UNION ALL
SELECT '', '', '', countIf(undecided) AS known, toUInt64(0) AS anonymous FROM places`
	rows, err := w.Query(ctx, w.in(query))
	if err != nil {
		return out, fmt.Errorf("recount tags by dimension: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	for rows.Next() {
		var at TagPlace
		var p TagPopulation
		if err := rows.Scan(&at.Tag, &at.Dimension, &at.Value, &p.Known, &p.Anonymous); err != nil {
			return out, fmt.Errorf("recount tags by dimension: %w", err)
		}
		if at.Tag == "" {
			out.Undecided += p.Known
			continue
		}
		out.Counts[at] = p
	}
	return out, rows.Err()
}

// places says where each profile stood at the cut. Where it stands now it stood
// since the first time that it is known to have, unless it had left in between:
// then it is undecided.
func (c Cut) places() string {
	return `places AS
(
    SELECT profile_id, argMax(channels, place) AS channels, argMax(stores, place) AS stores, argMax(owners, place) AS owners, argMax(city, place) AS city,
           maxIf(first_version, last_version > bound) AS open_since,
           open_since > 0 AND arrayCount(v -> v >= open_since, groupArray(last_version)) > 1 AS undecided
    FROM
    (
        SELECT f.*, b.bound AS bound, (least(f.last_version, b.bound), f.first_version) AS place
        FROM (SELECT profile_id, channels, stores, owners, city, min(first_version) AS first_version, max(last_version) AS last_version
              FROM ${db}.profile_places GROUP BY profile_id, channels, stores, owners, city) AS f
        INNER JOIN ` + c.of() + ` AS b ON b.profile_id = f.profile_id
        WHERE f.first_version <= b.bound
    )
    GROUP BY profile_id
)`
}

// standsIn are the pairs of dimension and value in which a held tag is counted.
func standsIn(dims profile.Dimensions) string {
	groups := map[string][]string{}
	for group, list := range dims {
		for _, dim := range list {
			groups[dim] = append(groups[dim], group)
		}
	}
	parts := []string{"CAST([], 'Array(Tuple(String, String))')"}
	for dim, column := range map[string]string{
		profile.DimChannel: "channels", profile.DimStore: "stores", profile.DimStaff: "owners", profile.DimCity: "if(city = '', [], [city])",
	} {
		if of := groups[dim]; len(of) > 0 {
			slices.Sort(of)
			parts = append(parts, fmt.Sprintf("if(in_group IN (%s), arrayMap(v -> (%s, v), %s), [])", quoteAll(of), quote(dim), column))
		}
	}
	slices.Sort(parts)
	return "arrayConcat(" + strings.Join(parts, ", ") + ")"
}
