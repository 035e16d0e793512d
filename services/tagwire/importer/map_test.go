package importer

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

const minimal = "type: order.pay\ntime: $.date\nidentities: [\"user_id:{{id}}\"]\n"

func TestParseMapRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "empty",
		"typ: x\n":                          `m.yaml:1:1: unknown field "typ"`,
		"type: a\ntime: $.t\n":              "`identities` is missing",
		"time: $.t\n":                       "`type` is missing",
		"type: a\n":                         "`time` is missing",
		minimal + "format: xls\n":           "format is csv, whitespace or jsonl",
		minimal + "encoding: big5\n":        "encoding",
		minimal + "delimiter: ab\n":         "delimiter is one character",
		minimal + "header: false\n":         "name the columns by `columns`",
		minimal + "zone: Mars/Base\n":       "time zone",
		minimal + "object: {colour: $.c}\n": "an object has no field \"colour\"",
		minimal + "amount: [1]\n":           "a single value is expected",
		minimal + "amount: {as: number}\n":  "`column` is missing",
		minimal + "properties: {n: {column: n, as: int}}\n":              "`as` is text, number, bool or time",
		minimal + "properties: {n: {column: n, colum: int}}\n":           "unknown field",
		minimal + "text: \"{{}}\"\n":                                     "a column's name is missing in {{}}",
		minimal + "text: $.\n":                                           "a column's name is missing behind",
		"type: a\ntime: {column: t, format: someday}\nidentities: [x]\n": "is not understood",
		"type: a\ntime: {column: t, zone: X}\nidentities: [x]\n":         "time zone",
		minimal + "amount: 1\namount: 2\n":                               "amount",
	} {
		_, err := ParseMap("m.yaml", []byte(text))
		require.Error(t, err, text)
		require.Contains(t, err.Error(), want, text)
		var at *MapError
		require.ErrorAs(t, err, &at, text)
	}
}

func row(names []string, cells ...string) *Row {
	return &Row{Number: 1, Line: 2, names: names, cells: cells}
}

func TestValues(t *testing.T) {
	m, err := ParseMap("m.yaml", []byte(minimal+`
zone: Asia/Shanghai
properties:
  constant: 7
  plain: $.a
  joined: "{{a}}-{{ $.b }}!"
  number: {column: n, as: number}
  flag: {column: f, as: bool}
  day: {column: d, as: time, format: YYYY/M/D, zone: UTC}
  state: {column: s, values: {已付款: paid, 已退款: refunded}, default: other}
  strict: {column: s2, values: {x: y}}
  "deep.er": $.a
`))
	require.NoError(t, err)
	names := []string{"a", "b", "n", "f", "d", "s", "s2"}
	get := func(name string, r *Row) any {
		v := m.Properties[name]
		x, err := v.any(r, m.Missing)
		if err != nil {
			return err.Error()
		}
		return x
	}
	r := row(names, " A ", "B", "￥１，234.50元", "是", "2026/3/5", "已付款", "z")
	require.EqualValues(t, 7, get("constant", r))
	require.Equal(t, "A", get("plain", r))
	require.Equal(t, "A-B!", get("joined", r))
	require.Equal(t, rawNumber("1234.50"), get("number", r))
	require.Equal(t, true, get("flag", r))
	require.Equal(t, "2026-03-05T00:00:00.000Z", get("day", r))
	require.Equal(t, "paid", get("state", r))
	require.Contains(t, get("strict", r), "is not among `values`")
	require.Equal(t, errNone.Error(), get("joined", row(names, "A", "NULL")), "a part that is missing")
	require.Equal(t, "other", get("state", row(names, "A")))
	require.Contains(t, get("number", row(names, "", "", "1,2")), "not a number")
	require.Contains(t, get("flag", row(names, "", "", "", "maybe")), "neither yes nor no")
	require.Equal(t, []string{"date", "id"}, m.Lacks(names))
}

func TestMoney(t *testing.T) {
	for in, want := range map[string]string{
		"29.33": "29.33", " 1,234,567.8 ": "1234567.8", "¥99": "99", "(12.50)": "-12.50", "－3": "-3", "１２": "12", "5.": "5", "1e3": "1000", "12元": "12",
		"": "?", "abc": "?", "1,2": "?", "1.2.3": "?", "12345678901234567890": "?", "NaN": "?",
	} {
		got := "?"
		if d, err := money(in); err == nil {
			got = d.String()
		}
		require.Equal(t, want, got, in)
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct{ format, in, want string }{
		{"YYYYMMDD", "19970101", "1996-12-31T16:00:00.000Z"},
		{"YYYY-MM-DD HH:mm:ss", "2026-03-05 08:30:01", "2026-03-05T00:30:01.000Z"},
		{"M/D/YYYY H:m", "3/5/2026 8:05", "2026-03-05T00:05:00.000Z"},
		{"YYYY年M月D日", "2026年3月5日", "2026-03-04T16:00:00.000Z"},
		{"unix", "1772668800", "2026-03-05T00:00:00.000Z"},
		{"unix_ms", "1772668800123", "2026-03-05T00:00:00.123Z"},
		{"", "2026/3/5 8:05", "2026-03-05T00:05:00.000Z"},
		{"", "2026-03-05T08:05:00+08:00", "2026-03-05T00:05:00.000Z"},
		{"", "2026-03-05T08:05:00.25", "2026-03-05T00:05:00.250Z"},
		{"", "20260305", "2026-03-04T16:00:00.000Z"},
		{"YYYYMMDD", "1997-01-01", "?"},
		{"", "yesterday", "?"},
		{"unix", "x", "?"},
		{"YYYYMMDD", "19971301", "?"},
	} {
		m, err := ParseMap("m.yaml", []byte("type: a\nidentities: [\"u:{{i}}\"]\ntime: {column: t, format: \""+c.format+"\"}\n"))
		require.NoError(t, err, c.format)
		at, err := m.Time.at(row([]string{"t"}, c.in), nil)
		got := "?"
		if err == nil {
			got = at.String()
		}
		require.Equal(t, c.want, got, "%s %s", c.format, c.in)
	}
}

func TestGuess(t *testing.T) {
	for name, text := range map[string]string{
		"orders.csv":  "\xef\xbb\xbf订单号,手机号,姓名,实付金额(元),下单时间,商品名称,数量,邮编\n0012,13800000000,王芳,\"1,299.00\",2026/3/5 8:05,茶具,2,010000\n",
		"chats.jsonl": `{"external_userid":"wmA","content":"多少钱","time":"2026-03-05 08:30:00","staff_id":"zhang"}` + "\n",
		"people.txt":  "email name city\na@b.cn Li Beijing\n",
		"bare.txt":    " 00004 0001 19970101  2   29.33\n 00004 0001 19970118  2   29.73\n",
	} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		got, err := Guess(path)
		require.NoError(t, err)
		golden(t, filepath.Join("testdata", name+".guess.yaml"), got)
		if name != "people.txt" && name != "bare.txt" { // those say what is missing
			_, err = ParseMap(name, []byte(got))
			require.NoError(t, err, got)
		}
	}
}

var guide = regexp.MustCompile("(?s)```csv tagwire-rows\n(.*?)```.*?```yaml tagwire-map\n(.*?)```")

// The map in the guides takes the rows before it, and guessing them works.
func TestGuides(t *testing.T) {
	for _, path := range []string{"../../../docs/guides/en/sources.md", "../../../docs/guides/zh/sources.md"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		found := guide.FindAllStringSubmatch(string(text), -1)
		require.Len(t, found, 1, path)
		rows := filepath.Join(t.TempDir(), "orders.csv")
		require.NoError(t, os.WriteFile(rows, []byte(found[0][1]), 0o600))
		guessed, err := Guess(rows)
		require.NoError(t, err)
		for _, one := range []string{guessed, found[0][2]} {
			m, err := ParseMap(path, []byte(one))
			require.NoError(t, err)
			table, err := Open(rows, m)
			require.NoError(t, err)
			require.Empty(t, m.Lacks(table.Columns))
			c, err := NewConverter(m)
			require.NoError(t, err)
			var got []string
			for {
				row, err := table.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				e, why := c.Event(row)
				require.Nil(t, why, "%s: %v", path, why)
				got = append(got, e.Type+" "+e.Time.String())
			}
			require.NoError(t, table.Close())
			want := []string{"order.pay 2026-03-05T00:05:00.000Z", "order.refund 2026-03-06T11:40:00.000Z"}
			if one == guessed { // it cannot know what a refund is
				want[1] = "order.pay 2026-03-06T11:40:00.000Z"
			}
			require.Equal(t, want, got, path)
		}
	}
}

// golden compares with a file; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func FuzzMap(f *testing.F) {
	f.Add(minimal)
	f.Add(minimal + "properties: {n: {column: n, as: number, values: {a: 1}, default: x}}\nformat: csv\ncolumns: [id, date]\n")
	f.Add("type: {column: t, values: {a: b}}\ntime: {column: d, format: YYYYMMDDHHmmss}\nidentities: [{column: \"u:{{x}}{{y}}\"}]\nmissing: []\n")
	b, err := os.ReadFile("../../../deploy/examples/cdnow/map.yaml")
	require.NoError(f, err)
	f.Add(string(b))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMap("m.yaml", []byte(text))
		if err != nil {
			return
		}
		c, err := NewConverter(m)
		require.NoError(t, err)
		e, why := c.Event(row([]string{"id", "date", "n"}, "1", "2026-03-05", "x"))
		if (e == nil) == (why == nil) {
			t.Fatal("neither an event nor a refusal, or both")
		}
	})
}
