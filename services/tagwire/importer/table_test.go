package importer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/tagwire/tagwire/schemas"
)

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func rows(t testing.TB, path string, m *Map) (*Table, []*Row) {
	t.Helper()
	table, err := Open(path, m)
	require.NoError(t, err)
	var out []*Row
	for {
		r, err := table.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		out = append(out, r)
	}
	require.NoError(t, table.Close())
	return table, out
}

func TestFormatsAreDetected(t *testing.T) {
	gbk, err := simplifiedchinese.GB18030.NewEncoder().String("客户编号,城市\n1,北京\n")
	require.NoError(t, err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write([]byte("a,b\n1,2\n"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for _, c := range []struct {
		name, text, format string
		column, want       string
	}{
		{"a.csv", "a,b\n1,\"x, \"\"y\"\"\nz\"\n", FormatCSV, "b", "x, \"y\"\nz"},
		{"a.tsv", "a\tb\n1\t2 3\n", FormatCSV, "b", "2 3"},
		{"a.txt", "a;b\n1;2\n", FormatCSV, "b", "2"},
		{"a.txt", "  a  b \r\n\r\n 00004 0001\r\n", FormatWhitespace, "b", "0001"},
		{"a.txt", `{"a":1,"in":{"b":"x"}}` + "\n", FormatJSONLines, "in.b", "x"},
		{"a.csv", "\xef\xbb\xbfa,b\n1,2\n", FormatCSV, "a", "1"},
		{"a.csv", gbk, FormatCSV, "城市", "北京"},
		{"a.csv.gz", packed.String(), FormatCSV, "b", "2"},
	} {
		table, got := rows(t, write(t, c.name, []byte(c.text)), &Map{})
		require.Equal(t, c.format, table.Format, c.text)
		require.Len(t, got, 1, c.text)
		require.NoError(t, got[0].Bad)
		require.Equal(t, c.want, got[0].Get(c.column))
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	long := strings.Repeat("x", maxLine+1)
	_, got := rows(t, write(t, "a.txt", []byte("a b\n1 2 3\n1\n"+long+" 1\n1 2\n")), &Map{Format: FormatWhitespace})
	require.Len(t, got, 4)
	for i, want := range []string{"3 columns, 2 are named", "1 columns, 2 are named", "longer than", ""} {
		if want == "" {
			require.NoError(t, got[i].Bad)
			continue
		}
		require.ErrorContains(t, got[i].Bad, want)
	}
	require.EqualValues(t, 5, got[3].Line)
	_, got = rows(t, write(t, "a.csv", []byte("a,b\n1\n1,2,,\n1,2,3\n\xff\xfe,1\n,\n")), &Map{Encoding: "utf-8"})
	require.Len(t, got, 4, "a line of empty cells is none")
	require.NoError(t, got[0].Bad, "sheets leave empty ends out")
	require.NoError(t, got[1].Bad)
	require.ErrorContains(t, got[2].Bad, "3 columns")
	require.ErrorContains(t, got[3].Bad, "not valid text")
	_, got = rows(t, write(t, "a.jsonl", []byte("{\"a\":1}\n[1]\n{\"a\":\n{} {}\nnull\n")), &Map{})
	require.NoError(t, got[0].Bad)
	for _, r := range got[1:] {
		require.Error(t, r.Bad)
	}
	_, err := Open(write(t, "e.csv", nil), &Map{})
	require.ErrorContains(t, err, "empty")
}

func cdnow(t testing.TB) *Map {
	t.Helper()
	b, err := os.ReadFile("../../../deploy/examples/cdnow/map.yaml")
	require.NoError(t, err)
	m, err := ParseMap("map.yaml", b)
	require.NoError(t, err)
	return m
}

// TestEqualRowsAreDistinct counts the real file by the ids of its rows.
func TestEqualRowsAreDistinct(t *testing.T) {
	m := cdnow(t)
	read := func() (ids []string, distinct map[string]bool) {
		c, err := NewConverter(m)
		require.NoError(t, err)
		_, all := rows(t, "../../../deploy/examples/cdnow/testdata/CDNOW_master.txt", m)
		distinct = map[string]bool{}
		for _, r := range all {
			e, why := c.Event(r)
			require.Nil(t, why)
			ids = append(ids, e.ID)
			distinct[e.ID] = true
		}
		return ids, distinct
	}
	ids, distinct := read()
	require.Len(t, distinct, 69659)
	again, _ := read()
	require.Equal(t, ids, again, "ids are the same in every run")
	m.Name = "other"
	other, _ := read()
	require.NotEqual(t, ids[0], other[0])
}

func TestEventOnTheWire(t *testing.T) {
	m, err := ParseMap("m.yaml", []byte(`
name: shop
type: {column: 状态, values: {已付款: Order Completed, 客服消息: Message Received}}
time: {column: 时间, format: YYYY-MM-DD HH:mm:ss}
identities: ["user_id:{{编号}}", "phone:{{手机}}"]
amount: $.金额
currency: CNY
channel: 门店
object: {title: $.商品, price: $.单价}
properties: {件数: {column: 件数, as: number}, "地址.城市": $.城市}
traits: {name: $.姓名}
`))
	require.NoError(t, err)
	names := []string{"编号", "手机", "姓名", "状态", "时间", "金额", "商品", "单价", "件数", "城市"}
	c, err := NewConverter(m)
	require.NoError(t, err)
	e, why := c.Event(row(names, "u1", "", "王芳", "已付款", "2026-03-05 08:30:00", "¥1,299.00", "茶具", "649.5", "2", "杭州"))
	require.Nil(t, why)
	e2, why := c.Event(row(names, "u1", "", "王芳", "客服消息", "2026-03-05 08:30:00"))
	require.Nil(t, why)
	var b bytes.Buffer
	require.NoError(t, json.Indent(&b, append(append(append([]byte("["), e.JSON...), ','), append(e2.JSON, ']')...), "", "  "))
	golden(t, "testdata/events.json", b.String()+"\n")
	own, err := ParseMap("m.yaml", []byte(minimal+"id: \"o-{{no}}\"\n"))
	require.NoError(t, err)
	c, err = NewConverter(own)
	require.NoError(t, err)
	e, why = c.Event(row([]string{"id", "date", "no"}, "1", "2026-03-05", "77"))
	require.Nil(t, why)
	require.Equal(t, "o-77", e.ID)
}

func TestRefusedRows(t *testing.T) {
	m, err := ParseMap("m.yaml", []byte(minimal+"amount: $.amount\nproperties: {n: {column: n, as: number}}\n"))
	require.NoError(t, err)
	c, err := NewConverter(m)
	require.NoError(t, err)
	names := []string{"id", "date", "amount", "n"}
	for _, x := range []struct {
		reason schemas.Reason
		cells  []string
	}{
		{schemas.ReasonNoIdentity, []string{"", "2026-03-05"}},
		{schemas.ReasonBadTime, []string{"1", ""}},
		{schemas.ReasonBadTime, []string{"1", "soon"}},
		{schemas.ReasonBadTime, []string{"1", "1970-01-01"}},
		{schemas.ReasonWrongType, []string{"1", "2026-03-05", "much"}},
		{schemas.ReasonWrongType, []string{"1", "2026-03-05", "1", "many"}},
	} {
		_, why := c.Event(row(names, x.cells...))
		require.NotNil(t, why, x.cells)
		require.Equal(t, x.reason, why.Reason, why.Detail)
	}
	_, why := c.Event(&Row{Bad: errors.New("cut")})
	require.Equal(t, schemas.ReasonMalformed, why.Reason)
}

func FuzzRows(f *testing.F) {
	for _, s := range []string{
		"customer_id date number_of_cds dollar_value\r\n 00001 19970101  1   11.77\r\n", "a,b\n1,\"2\n", "{\"a\":{\"b\":[1]}}\n{}\nnull\n", "\xff\xfe,\x00\n", "a;b;c\n;;\n1;2;3;4\n", "\n\n\n",
	} {
		f.Add([]byte(s), "", "customer_id")
		f.Add([]byte(s), FormatCSV, "a")
		f.Add([]byte(s), FormatJSONLines, "a.b")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, format, column string) {
		path := filepath.Join(dir, "x.txt")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		m, err := ParseMap("m.yaml", []byte(minimal))
		require.NoError(t, err)
		if format == FormatCSV || format == FormatJSONLines || format == FormatWhitespace {
			m.Format = format
		}
		table, err := Open(path, m)
		if err != nil {
			return
		}
		c, err := NewConverter(m)
		require.NoError(t, err)
		for last := int64(0); ; {
			r, err := table.Next()
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			require.Greater(t, r.Number, last)
			last = r.Number
			_ = r.Get(column)
			if e, why := c.Event(r); (e == nil) == (why == nil) {
				t.Fatal("neither an event nor a refusal, or both")
			}
		}
		require.NoError(t, table.Close())
	})
}
