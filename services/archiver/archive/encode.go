package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // days must not depend on the machine's zone files

	"github.com/govalues/decimal"
	shop "github.com/shopspring/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// row is one row and the month of its table's partition, 0 where the table has
// none.
type row struct {
	table  string
	month  int
	values []any
}

// place is where a record stands in the log.
type place struct {
	topic     string
	partition int
	offset    int64
}

func (p place) values() []any { return []any{p.topic, uint16(p.partition), p.offset} }

func (p place) String() string { return fmt.Sprintf("%s/%d/%d", p.topic, p.partition, p.offset) }

// encoder makes rows. It holds nothing that changes: the same record makes the
// same rows on every machine, for ever.
type encoder struct{ zone *time.Location }

func newEncoder() (encoder, error) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return encoder{}, fmt.Errorf("load zone: %w", err)
	}
	return encoder{zone}, nil
}

// errPoison marks records that cannot become rows.
var errPoison = errors.New("cannot be archived")

// encode makes the rows of a record; order is that of a change, when it is one.
func (e encoder) encode(topic string, partition int, r stream.Record) (rows []row, order event.Order, err error) {
	at := place{topic, partition, r.Offset}
	switch topic {
	case schemas.TopicEvents:
		rows, err = e.record(at, r.Value)
	case schemas.TopicChanges:
		rows, order, err = e.change(at, r.Value)
	case schemas.TopicAlerts:
		rows, err = e.alert(at, r.Value)
	case schemas.TopicRejected:
		rows, err = e.rejected(at, r.Value)
	default:
		err = fmt.Errorf("topic %s is not archived: %w", topic, errPoison)
	}
	return rows, order, err
}

// poison is the row of a record that could not be read.
func (e encoder) poison(topic string, partition int, r stream.Record, cause error) row {
	at := place{topic, partition, r.Offset}
	when := event.At(r.Time)
	values := []any{
		event.DeriveID("poison", at.String()), moment(when), e.day(when), "archiver", "", "", "",
		string(schemas.ReasonPoison), cause.Error(), at.String(), "",
	}
	return row{tableRejected, e.month(when), append(values, at.values()...)}
}

// Times that ClickHouse's types can hold.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2260, 1, 1, 0, 0, 0, 0, time.UTC)
)

// moment is a time as ClickHouse holds it; what it cannot hold becomes the
// nearest it can.
func moment(t event.Time) time.Time {
	v := t.Std()
	if v.Before(earliest) {
		return earliest
	}
	if v.After(latest) {
		return latest
	}
	return v
}

// optional is a time that may be missing.
func optional(t event.Time) any {
	if t == 0 {
		return nil
	}
	return moment(t)
}

// day is the date in the zone of reports, as ClickHouse takes dates.
func (e encoder) day(t event.Time) time.Time {
	y, m, d := moment(t).In(e.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (e encoder) month(t event.Time) int {
	d := e.day(t)
	return d.Year()*100 + int(d.Month())
}

func orderValues(o event.Order) []any {
	return []any{uint32(o.Generation), uint16(o.Shard), o.Commit, uint32(o.Position), warehouse.Version(o)}
}

// number is a decimal as ClickHouse takes it: six digits behind the point.
func number(d *decimal.Decimal) (any, error) {
	if d == nil {
		return nil, nil
	}
	v, err := shop.NewFromString(d.String())
	if err != nil {
		return nil, fmt.Errorf("number %s: %w", d, err)
	}
	v = v.RoundBank(6)
	return &v, nil
}

// jsonText is an open value as text, empty when there is nothing in it (n is
// how much). Maps are written in the order of their keys.
func jsonText(v any, n int) (string, error) {
	if n == 0 {
		return "", nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(b), nil
}

// filled keeps a column of lists from being sent nil.
func filled(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func filledMap(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func identities(ids []event.Identity) []string {
	out := make([]string, len(ids))
	for n, id := range ids {
		out[n] = id.String()
	}
	return out
}

// traitText is a trait as a scalar text; lists and objects have none.
func traitText(t event.Trait) string {
	switch v := t.Value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}

func age(t event.Trait) any {
	n, err := strconv.ParseFloat(strings.TrimSpace(traitText(t)), 64)
	if err != nil || n < 0 || n > 150 {
		return nil
	}
	v := uint8(n)
	return &v
}
