package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// The formats of files.
const (
	FormatCSV        = "csv"
	FormatWhitespace = "whitespace"
	FormatJSONLines  = "jsonl"
)

// Map says what the columns of a file are.
type Map struct {
	Name       string           `yaml:"name"`       // of the import; part of every row's id
	Format     string           `yaml:"format"`     // csv, whitespace, jsonl; empty: detected
	Encoding   string           `yaml:"encoding"`   // utf-8, gb18030; empty: detected
	Delimiter  string           `yaml:"delimiter"`  // of csv; empty: detected
	Header     *bool            `yaml:"header"`     // the first line is a header; default: unless columns are named
	Columns    []string         `yaml:"columns"`    // names where there is no header, or instead of it
	Missing    []string         `yaml:"missing"`    // texts that mean: no value
	Zone       string           `yaml:"zone"`       // of times without one; default Asia/Shanghai
	ID         Value            `yaml:"id"`         // the row's own id; without it one is made
	Type       Value            `yaml:"type"`       // of the event
	Time       Value            `yaml:"time"`       // when it happened
	Identities []Value          `yaml:"identities"` // namespace:value
	Amount     Value            `yaml:"amount"`
	Currency   Value            `yaml:"currency"`
	Text       Value            `yaml:"text"`
	From       Value            `yaml:"from"`
	StaffID    Value            `yaml:"staff_id"`
	Channel    Value            `yaml:"channel"`
	StoreID    Value            `yaml:"store_id"`
	Touchpoint Value            `yaml:"touchpoint"`
	Object     map[string]Value `yaml:"object"` // type, id, title, category, brand, price
	Properties map[string]Value `yaml:"properties"`
	Traits     map[string]Value `yaml:"traits"`

	zone *time.Location
}

// objectFields are what an object may have.
func objectFields() []string { return []string{"type", "id", "title", "category", "brand", "price"} }

// MapError is a refusal of a map with its place, line 0 where there is none.
type MapError struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

func (e *MapError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// ParseMap reads a map; file is its name for errors.
func ParseMap(file string, text []byte) (*Map, error) {
	m := &Map{}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(m); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &MapError{File: file, Message: "映射文件是空的 / the map is empty"}
		}
		return nil, yamlError(file, err)
	}
	if err := m.check(); err != nil {
		return nil, &MapError{File: file, Message: err.Error()}
	}
	return m, nil
}

func yamlError(file string, err error) error {
	out := &MapError{File: file, Message: err.Error()}
	if at, ok := errors.AsType[yaml.Error](err); ok {
		out.Message = at.GetMessage()
		if t := at.GetToken(); t != nil && t.Position != nil {
			out.Line, out.Column = t.Position.Line, t.Position.Column
		}
	}
	out.Message, _, _ = strings.Cut(out.Message, "\n")
	return out
}

func (m *Map) check() error {
	if m.Format != "" && !slices.Contains([]string{FormatCSV, FormatWhitespace, FormatJSONLines}, m.Format) {
		return fmt.Errorf("format 应为 csv、whitespace 或 jsonl，而不是 %q / format is csv, whitespace or jsonl, not %q", m.Format, m.Format)
	}
	if e := strings.ToLower(m.Encoding); e != "" && !slices.Contains([]string{"utf-8", "utf8", "gb18030", "gbk", "gb2312"}, e) {
		return fmt.Errorf("不认识编码 %q，可用 utf-8 或 gb18030 / encoding %q is not known; utf-8 and gb18030 are", m.Encoding, m.Encoding)
	}
	if m.Delimiter == `\t` {
		m.Delimiter = "\t"
	}
	if r := []rune(m.Delimiter); len(r) > 1 || len(r) == 1 && strings.ContainsRune("\"\r\n\uFEFF\uFFFD", r[0]) {
		return fmt.Errorf("delimiter 应是一个字符 / delimiter is one character, not %q", m.Delimiter)
	}
	if m.Header != nil && !*m.Header && len(m.Columns) == 0 && m.Format != FormatJSONLines {
		return errors.New("没有表头时请用 columns 写出列名 / without a header, name the columns by `columns`")
	}
	if m.Zone == "" {
		m.Zone = "Asia/Shanghai"
	}
	zone, err := time.LoadLocation(m.Zone)
	if err != nil || m.Zone == "Local" {
		return fmt.Errorf("不认识时区 %q / the time zone %q is not known; write one such as Asia/Shanghai", m.Zone, m.Zone)
	}
	m.zone = zone
	switch {
	case m.Type.empty():
		return errors.New("缺少 type：每行是什么事件，例如 type: order.pay / `type` is missing: what event a row is, such as type: order.pay")
	case m.Time.empty():
		return errors.New("缺少 time：哪一列是时间，例如 time: $.date / `time` is missing: which column says when, such as time: $.date")
	case len(m.Identities) == 0:
		return errors.New("缺少 identities：这行是谁，例如 identities: [\"user_id:{{customer_id}}\"] / `identities` is missing: whose the row is, such as identities: [\"user_id:{{customer_id}}\"]")
	}
	for name := range m.Object {
		if !slices.Contains(objectFields(), name) {
			return fmt.Errorf("object 没有字段 %q / an object has no field %q; it has %s", name, name, strings.Join(objectFields(), ", "))
		}
	}
	if m.Missing == nil {
		m.Missing = []string{"NULL", "null", `\N`, "N/A", "-"}
	}
	m.Time.as = "time"
	return m.Time.layout(m.zone)
}

// values are all that read columns.
func (m *Map) values() []*Value {
	out := []*Value{&m.ID, &m.Type, &m.Time, &m.Amount, &m.Currency, &m.Text, &m.From, &m.StaffID, &m.Channel, &m.StoreID, &m.Touchpoint}
	for i := range m.Identities {
		out = append(out, &m.Identities[i])
	}
	for _, set := range []map[string]Value{m.Object, m.Properties, m.Traits} {
		for _, v := range set {
			out = append(out, &v)
		}
	}
	return out
}

// Lacks names the columns that the map reads and the file does not have.
func (m *Map) Lacks(columns []string) []string {
	var out []string
	for _, v := range m.values() {
		for _, name := range v.reads {
			if !slices.Contains(columns, name) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Value is where a field comes from: "$.column", a text with {{column}} places,
// a constant, or a mapping {column, as, format, zone, values, default}.
type Value struct {
	constant any
	parts    []piece
	reads    []string
	as       string // text, number, bool, time
	format   string
	zone     *time.Location
	layouts  []string
	values   map[string]any
	fallback any
	set      bool
}

type piece struct{ text, column string }

func (v *Value) empty() bool { return !v.set }

var place = regexp.MustCompile(`\{\{\s*(?:\$\.)?(.*?)\s*\}\}`)

type longValue struct {
	Column  string         `yaml:"column"`
	As      string         `yaml:"as"`
	Format  string         `yaml:"format"`
	Zone    string         `yaml:"zone"`
	Values  map[string]any `yaml:"values"`
	Default any            `yaml:"default"`
}

// UnmarshalYAML reads the short and the long form.
func (v *Value) UnmarshalYAML(decode func(any) error) error {
	var raw any
	if err := decode(&raw); err != nil {
		return err
	}
	if _, long := raw.(map[string]any); !long {
		return v.short(raw)
	}
	var l longValue
	if err := decode(&l); err != nil {
		return err
	}
	if l.Column == "" {
		return errors.New("缺少 column：写出列名 / `column` is missing: the column's name")
	}
	if l.As != "" && !slices.Contains([]string{"text", "number", "bool", "time"}, l.As) {
		return fmt.Errorf("as 应为 text、number、bool 或 time / `as` is text, number, bool or time, not %q", l.As)
	}
	text := l.Column
	if !strings.Contains(text, "{{") && !strings.HasPrefix(text, "$.") {
		text = "$." + text
	}
	if err := v.short(text); err != nil {
		return err
	}
	v.as, v.format, v.values, v.fallback = l.As, l.Format, l.Values, l.Default
	if l.Zone != "" {
		zone, err := time.LoadLocation(l.Zone)
		if err != nil || l.Zone == "Local" {
			return fmt.Errorf("不认识时区 %q / the time zone %q is not known", l.Zone, l.Zone)
		}
		v.zone = zone
	}
	if v.as == "time" || v.format != "" {
		return v.layout(v.zone)
	}
	return nil
}

// short reads "$.column", a template or a constant.
func (v *Value) short(raw any) error {
	switch raw.(type) {
	case nil:
		return nil
	case map[string]any, []any:
		return errors.New("这里应是一个值 / a single value is expected here")
	}
	v.set = true
	s, text := raw.(string)
	if !text {
		v.constant = raw
		return nil
	}
	if name, ok := strings.CutPrefix(s, "$."); ok {
		if name == "" {
			return errors.New("$. 后面缺少列名 / a column's name is missing behind `$.`")
		}
		v.parts, v.reads = []piece{{column: name}}, []string{name}
		return nil
	}
	at := 0
	for _, loc := range place.FindAllStringSubmatchIndex(s, -1) {
		name := s[loc[2]:loc[3]]
		if name == "" {
			return errors.New("{{}} 里缺少列名 / a column's name is missing in {{}}")
		}
		if loc[0] > at {
			v.parts = append(v.parts, piece{text: s[at:loc[0]]})
		}
		v.parts, v.reads = append(v.parts, piece{column: name}), append(v.reads, name)
		at = loc[1]
	}
	if len(v.reads) == 0 {
		v.constant = s
		return nil
	}
	if at < len(s) {
		v.parts = append(v.parts, piece{text: s[at:]})
	}
	return nil
}
