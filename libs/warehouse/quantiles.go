package warehouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/govalues/decimal"
)

// Quantiles are the quantiles of a measure over the profiles that counts count.
type Quantiles struct {
	Profiles uint64
	Values   []decimal.Decimal // of each percentage that was asked for; of nobody: none
}

// MeasureQuantiles takes a measure's quantiles from the newest snapshots: that
// of N percent is the smallest value v such that at least N % of the known,
// counted profiles have the measure at or below v. A profile without the measure
// counts as 0; of a window that is full (≥1000) the known part counts. Percents
// are 1 to 99. It fails for a measure whose values are no numbers.
func (w *Warehouse) MeasureQuantiles(ctx context.Context, measure string, percents []int) (Quantiles, error) {
	points := make([]string, len(percents))
	for i, p := range percents {
		points[i] = fmt.Sprintf("toString(minIf(assumeNotNull(value), upto * 100 >= %d * total))", p)
	}
	// Values are compared as decimals; no double comes in between.
	query := `SELECT max(total), sumIf(holders, value IS NULL), [` + strings.Join(points, ", ") + `] FROM
(
    SELECT value, holders, sum(holders) OVER (ORDER BY value ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto, sum(holders) OVER () AS total
    FROM
    (
        SELECT if(measures[` + quote(measure) + `] = '', toDecimal256(0, 19), toDecimal256OrNull(replaceOne(measures[` + quote(measure) + `], '≥', ''), 19)) AS value, count() AS holders
        FROM (SELECT profile_id, measures FROM ${db}.profiles FINAL WHERE known AND NOT excluded)
        WHERE profile_id NOT IN (SELECT profile_id FROM ${db}.merged_today)
        GROUP BY value
    )
)`
	var q Quantiles
	var wrong uint64
	var texts []string
	if err := w.Scalar(ctx, w.in(query), &q.Profiles, &wrong, &texts); err != nil {
		return Quantiles{}, fmt.Errorf("quantiles of %s: %w", measure, err)
	}
	if wrong > 0 {
		return Quantiles{}, fmt.Errorf("quantiles of %s: the value of %d profiles is no number", measure, wrong)
	}
	if q.Profiles == 0 {
		return q, nil
	}
	for _, text := range texts {
		d, err := decimal.Parse(text)
		if err != nil {
			return Quantiles{}, fmt.Errorf("quantiles of %s: %q: %w", measure, text, err)
		}
		q.Values = append(q.Values, d)
	}
	return q, nil
}
