package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// pastRules are windows, absences, tags that last, a tier and stages; pastQuery
// says the same in SQL over the file.
const pastRules = `
measures:
  近30天订单数: {count: order.pay, within: 30d}
  近90天订单数: {count: order.pay, within: 90d}
  近365天订单数: {count: order.pay, within: 365d}
  近90天消费: {sum: order.pay, of: event.amount, within: 90d}
  消费: {sum: order.pay, of: event.amount}
  订单数: {count: order.pay}
  大单数: {count: order.pay, where: 'event.amount >= 50'}
  近180天金额: {distinct: order.pay, of: event.amount, within: 180d}
tags:
  月内两单: {group: 活跃, when: 近30天订单数 >= 2}
  刚活跃过: {group: 活跃, when: 近30天订单数 >= 2, lasts: 14d}
  季度大户: {group: 消费, when: 近90天消费 >= 100}
  刚下大单: {group: 消费, event: order.pay, when: event.amount >= 50, lasts: 14d}
  沉睡: {group: 活跃, when: '订单数 >= 1 and absent("order.pay", "60d")'}
  睡着的大户: {group: 活跃, when: 'tag("沉睡") and 大单数 >= 2'}
  等级:
    group: 等级
    choose:
      - {tag: 钻石, when: 消费 >= 500}
      - {tag: 黄金, when: 消费 >= 100}
      - {tag: 普通, when: 消费 > 0}
stages:
  - {name: 潜在, start: true}
  - {name: 新, when: 订单数 >= 1}
  - {name: 活跃, when: 近90天订单数 >= 2}
  - {name: 忠诚, when: 近365天订单数 >= 6}
  - {name: 流失, when: '订单数 >= 1 and absent("order.pay", "180d")'}
`

// pastQuery gives a line for each customer who had ordered by the moment. Orders
// within 30 days of the one before make 刚活跃过 hold from the later one until 14
// days after the earlier one has left the window.
const pastQuery = `WITH toInt64(%d) AS now, toInt64(86400000) AS day
SELECT customer, concat(
  arrayStringConcat(arraySort(arrayFilter(x -> x != '', [
    if(n30 >= 2, '月内两单', ''),
    if(arrayExists((b, a) -> b - a < 30 * day AND now < a + 44 * day, arraySlice(ts, 2), arraySlice(ts, 1, length(ts) - 1)), '刚活跃过', ''),
    if(s90 >= 100, '季度大户', ''),
    if(large > 0 AND largest_at + 14 * day > now, '刚下大单', ''),
    if(last + 60 * day <= now, '沉睡', ''),
    if(last + 60 * day <= now AND large >= 2, '睡着的大户', ''),
    multiIf(total >= 500, '钻石', total >= 100, '黄金', total > 0, '普通', '')])), ','), '|',
  multiIf(last + 180 * day <= now, '流失', n365 >= 6, '忠诚', n90 >= 2, '活跃', '新'), '|',
  arrayStringConcat([toString(n30), toString(s90), toString(total), toString(n), toString(large), toString(amounts)], '|'))
FROM
(
  SELECT customer, count() AS n, sum(amount) AS total, max(t) AS last, arraySort(groupArray(t)) AS ts,
    countIf(t > now - 30 * day) AS n30, countIf(t > now - 90 * day) AS n90, countIf(t > now - 365 * day) AS n365,
    sumIf(amount, t > now - 90 * day) AS s90, countIf(amount >= 50) AS large, maxIf(t, amount >= 50) AS largest_at,
    uniqExactIf(amount, t > now - 180 * day) AS amounts
  FROM filed.orders WHERE t <= now GROUP BY customer
)`

// pastDates are ten moments of the two years of the file. Orders are of
// midnight, so that midnights are the very ends of windows.
func pastDates() []event.Time {
	zone := time.FixedZone("", 8*3600)
	midnight := func(y int, m time.Month, d int) event.Time { return event.At(time.Date(y, m, d, 0, 0, 0, 0, zone)) }
	return []event.Time{
		midnight(1997, 1, 15), midnight(1997, 2, 28), midnight(1997, 4, 1) - 1, midnight(1997, 5, 10), midnight(1997, 7, 1).Add(9 * time.Hour),
		midnight(1997, 9, 30), midnight(1997, 12, 31), midnight(1998, 3, 1) - 1, midnight(1998, 6, 30), midnight(1999, 1, 1),
	}
}

// owner is the product's warehouse as the product itself opens it.
func (p *product) owner() *warehouse.Warehouse {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, "secrets.json"))
	require.NoError(p.t, err)
	var secrets struct{ ClickHouse string }
	require.NoError(p.t, json.Unmarshal(b, &secrets))
	w, err := warehouse.New(warehouse.Config{Addrs: []string{p.at.ClickHouseNative}, User: embedded.ClickHouseUser, Password: secrets.ClickHouse}, zap.NewNop())
	require.NoError(p.t, err)
	p.t.Cleanup(func() { require.NoError(p.t, w.Close()) })
	return w
}

// filed makes a table of the file's lines.
func filed(t testing.TB, w *warehouse.Warehouse) {
	t.Helper()
	require.NoError(t, w.Exec(t.Context(), "CREATE DATABASE filed"))
	require.NoError(t, w.Exec(t.Context(), "CREATE TABLE filed.orders (customer String, t Int64, amount Decimal(18, 2)) ENGINE = MergeTree ORDER BY customer"))
	f, err := os.Open(cdnow(t, "testdata/CDNOW_master.txt"))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var rows []string
	flush := func() {
		require.NoError(t, w.Exec(t.Context(), `INSERT INTO filed.orders SELECT s[1], toUnixTimestamp(toDateTime(concat(s[2], ' 00:00:00'), 'Asia/Shanghai')) * 1000, toDecimal64(s[3], 2)
			FROM (SELECT splitByChar(' ', arrayJoin(splitByChar(',', '`+strings.Join(rows, ",")+`'))) AS s)`))
		rows = nil
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		c := strings.Fields(lines.Text())
		if len(c) != 4 || c[0] == "customer_id" {
			continue
		}
		day := c[1][:4] + "-" + c[1][4:6] + "-" + c[1][6:]
		if rows = append(rows, c[0]+" "+day+" "+c[3]); len(rows) == 5000 {
			flush()
		}
	}
	flush()
	var n uint64
	require.NoError(t, w.Scalar(t.Context(), "SELECT count() FROM filed.orders", &n))
	require.Equal(t, cdnowOrders, strconv.FormatUint(n, 10))
}

// byFile are the lines that SQL gives, by customer.
func byFile(t testing.TB, w *warehouse.Warehouse, moment event.Time) map[string]string {
	t.Helper()
	rows, err := w.Query(t.Context(), fmt.Sprintf(pastQuery, int64(moment)))
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	out := map[string]string{}
	for rows.Next() {
		var customer, line string
		require.NoError(t, rows.Scan(&customer, &line))
		out[customer] = line
	}
	require.NoError(t, rows.Err())
	return out
}

// pastLine is the line of what the product says.
func pastLine(tags []string, stage string, measures map[string]any) string {
	slices.Sort(tags)
	parts := []string{strings.Join(tags, ","), stage}
	for _, name := range []string{"近30天订单数", "近90天消费", "消费", "订单数", "大单数"} {
		parts = append(parts, plain(fmt.Sprint(measures[name])))
	}
	amounts, _ := measures["近180天金额"].([]any)
	return strings.Join(append(parts, strconv.Itoa(len(amounts))), "|")
}

// plain is a decimal without zeros at its end.
func plain(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// byHistory are the lines of all customers at each moment, from one reading of
// the history.
func byHistory(t testing.TB, w *warehouse.Warehouse, s *rule.Set, moments []event.Time) []map[string]string {
	t.Helper()
	out := make([]map[string]string, len(moments))
	for i := range out {
		out[i] = map[string]string{}
	}
	require.NoError(t, w.Lives(t.Context(), func(l *event.Life) error {
		for i, moment := range moments {
			p := apply.At(s, l, l.Profile, moment).Profile
			if p.FirstSeen == 0 {
				continue
			}
			values := map[string]any{}
			for _, m := range s.Measures {
				values[m.Name] = m.Value(p, moment).JSON()
			}
			b, err := json.Marshal(values)
			if err != nil {
				return err
			}
			clear(values)
			if err := json.Unmarshal(b, &values); err != nil {
				return err
			}
			out[i][p.Identities[0].Value] = pastLine(slices.Collect(maps.Keys(p.Tags)), p.Stage, values)
		}
		return nil
	}))
	return out
}

// byAPI is the line of one customer.
func (p *product) byAPI(customer string, moment event.Time) string {
	p.t.Helper()
	var a answer
	require.Eventually(p.t, func() bool { // it asks to come again while history is behind what the new rules have changed
		a = p.api("GET", "/profiles/"+url.PathEscape("user_id:"+customer)+"/at?time="+url.QueryEscape(moment.String()), nil)
		return a.code != http.StatusServiceUnavailable
	}, historyIn, 200*time.Millisecond, "%s", later(func() string { return a.String() }))
	if a.code == http.StatusNotFound {
		return ""
	}
	require.Equal(p.t, http.StatusOK, a.code, "%s", a)
	var v struct {
		Tags     []struct{ Tag string }
		Measures map[string]any
		Stage    struct{ Name string }
		Inexact  []string
		AsOf     event.Time `json:"as_of"`
	}
	require.NoError(p.t, json.Unmarshal(a.body, &v), "%s", a)
	require.Equal(p.t, moment, v.AsOf)
	require.Empty(p.t, v.Inexact)
	var tags []string
	for _, t := range v.Tags {
		tags = append(tags, t.Tag)
	}
	return pastLine(tags, v.Stage.Name, v.Measures)
}

// requirePast: at ten past moments every customer of the file is what SQL over
// the file says, from history as a whole, and a sample of them by …/at?time=.
func (p *product) requirePast() {
	p.t.Helper()
	a := p.api("PUT", "/rules?history=none", []byte(pastRules), "Content-Type", "application/yaml")
	require.Equal(p.t, http.StatusOK, a.code, "%s", a)
	s, err := rule.Compile(2, map[string]string{"rules.yaml": pastRules})
	require.NoError(p.t, err)
	w := p.owner()
	filed(p.t, w)
	moments := pastDates()
	var want []map[string]string
	for _, m := range moments {
		want = append(want, byFile(p.t, w, m))
	}
	require.Len(p.t, want[len(want)-1], 23570)
	got := byHistory(p.t, w, s, moments)
	for i := range moments {
		requireLines(p.t, want[i], got[i], moments[i])
	}
	customers := slices.Sorted(maps.Keys(want[len(want)-1]))
	for n := 0; n < len(customers); n += 1572 { // fifteen of them
		for i, m := range moments {
			require.Equal(p.t, want[i][customers[n]], p.byAPI(customers[n], m), "customer %s at %s", customers[n], m)
		}
	}
}

// requireLines says what differs, but not all of 23,570.
func requireLines(t testing.TB, want, got map[string]string, moment event.Time) {
	t.Helper()
	var differ []string
	for customer, line := range want {
		if got[customer] != line {
			differ = append(differ, customer+": "+line+" by the file, "+got[customer])
		}
	}
	slices.Sort(differ)
	require.Empty(t, differ[:min(5, len(differ))], "%d customers at %s", len(differ), moment)
	require.Len(t, got, len(want), "customers at %s", moment)
}
