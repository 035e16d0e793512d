package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

const (
	maxLine  = 1 << 20 // of a row; longer ones are rejected
	headSize = 64 << 10
)

// Row is one row of a file.
type Row struct {
	Number int64 // from 1, without the header and empty lines
	Line   int64 // in the file
	Bad    error // why it cannot be read; nothing else is there then
	names  []string
	cells  []string
	object map[string]any // of JSON lines
}

// Get is a column as text, empty when there is none. Of JSON lines a dotted path
// reaches inside.
func (r *Row) Get(name string) string {
	if r.object != nil {
		return jsonText(dig(r.object, name))
	}
	for i, n := range r.names {
		if n == name && i < len(r.cells) {
			return r.cells[i]
		}
	}
	return ""
}

// Cells are the row's content in its normal form: what its id is made of.
func (r *Row) Cells() []string {
	if r.object != nil {
		b, err := json.Marshal(r.object) // keys sorted
		if err != nil {                  // cannot be: it came from JSON
			return []string{err.Error()}
		}
		return []string{string(b)}
	}
	out := make([]string, 0, len(r.cells))
	for _, c := range r.cells {
		out = append(out, strings.TrimSpace(c))
	}
	for len(out) > 0 && out[len(out)-1] == "" { // sheets leave empty ends out or not
		out = out[:len(out)-1]
	}
	return out
}

// Values are the row for people: column → text.
func (r *Row) Values() map[string]any {
	if r.object != nil {
		return r.object
	}
	out := make(map[string]any, len(r.cells))
	for i, c := range r.cells {
		name := fmt.Sprintf("column %d", i+1)
		if i < len(r.names) {
			name = r.names[i]
		}
		out[name] = c
	}
	return out
}

func dig(m map[string]any, path string) any {
	if v, ok := m[path]; ok {
		return v
	}
	head, rest, ok := strings.Cut(path, ".")
	if !ok {
		return nil
	}
	inner, _ := m[head].(map[string]any)
	return dig(inner, rest)
}

func jsonText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	b, err := json.Marshal(v)
	if err != nil { // cannot be: it came from JSON
		return ""
	}
	return string(b)
}

// Table reads a file row by row. Close it.
type Table struct {
	Format  string
	Columns []string // empty for JSON lines
	next    func(*Row) error
	line    int64
	number  int64
	closers []io.Closer
}

// Open opens a file by a map; a name that ends in .gz is unpacked.
func Open(path string, m *Map) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	t := &Table{closers: []io.Closer{f}}
	in := io.Reader(f)
	if strings.HasSuffix(strings.ToLower(path), ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("unpack %s: %w", path, err), f.Close())
		}
		t.closers, in = append(t.closers, z), z
	}
	if err := t.begin(in, m, path); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Close closes the file.
func (t *Table) Close() error {
	var errs []error
	for _, v := range slices.Backward(t.closers) {
		errs = append(errs, v.Close())
	}
	return errors.Join(errs...)
}

// begin settles encoding, format and columns.
func (t *Table) begin(in io.Reader, m *Map, path string) error {
	r := bufio.NewReaderSize(in, headSize)
	head, err := r.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = r.Discard(3) // it is in the buffer
		head = head[3:]
	}
	if chinese(m.Encoding, head) {
		r = bufio.NewReaderSize(simplifiedchinese.GB18030.NewDecoder().Reader(r), headSize)
		if head, err = r.Peek(headSize); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
	first := firstLine(head)
	t.Format = m.Format
	if t.Format == "" {
		t.Format = detect(path, first)
	}
	switch t.Format {
	case FormatJSONLines:
		t.next = t.jsonLines(r)
		return nil
	case FormatCSV:
		t.next = t.csv(r, delimiter(m.Delimiter, first))
	default:
		t.next = t.whitespace(r)
	}
	return t.header(m, path)
}

// chinese says that a text is in the national encoding, as Excel writes it.
func chinese(encoding string, head []byte) bool {
	switch strings.ToLower(encoding) {
	case "gb18030", "gbk", "gb2312":
		return true
	case "":
		for cut := 0; cut < utf8.UTFMax && cut < len(head); cut++ { // a rune may be cut at the end
			if utf8.Valid(head[:len(head)-cut]) {
				return false
			}
		}
		return len(head) > 0
	}
	return false
}

func firstLine(head []byte) string {
	for line := range bytes.Lines(head) {
		if s := strings.TrimSpace(string(line)); s != "" {
			return s
		}
	}
	return ""
}

func detect(path, first string) string {
	name := strings.TrimSuffix(strings.ToLower(path), ".gz")
	switch {
	case strings.HasPrefix(first, "{"), strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".ndjson"):
		return FormatJSONLines
	case strings.HasSuffix(name, ".csv"), strings.HasSuffix(name, ".tsv"), strings.ContainsAny(first, ",;\t"):
		return FormatCSV
	}
	return FormatWhitespace
}

func delimiter(given, first string) rune {
	if given != "" {
		return []rune(given)[0]
	}
	best, most := ',', 0
	for _, c := range []rune{',', '\t', ';', '|'} {
		if n := strings.Count(first, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// header takes the first line's names, or those of the map.
func (t *Table) header(m *Map, path string) error {
	t.Columns = m.Columns
	if m.Header != nil && !*m.Header || m.Header == nil && len(m.Columns) > 0 {
		return nil
	}
	var first Row
	if err := t.next(&first); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("文件是空的 / the file is empty: %s", path)
		}
		return err
	}
	if first.Bad != nil {
		return fmt.Errorf("read the header of %s: %w", path, first.Bad)
	}
	if len(t.Columns) == 0 {
		for i, c := range first.cells {
			name := strings.TrimSpace(c)
			if name == "" {
				name = fmt.Sprintf("column%d", i+1)
			}
			t.Columns = append(t.Columns, name)
		}
	}
	return nil
}

// Next reads a row; io.EOF at the end. A row that cannot be read has Bad set.
func (t *Table) Next() (*Row, error) {
	r := &Row{names: t.Columns}
	if err := t.next(r); err != nil {
		return nil, err
	}
	t.number++
	r.Number = t.number
	if r.Bad == nil && r.object == nil {
		r.Bad = t.fits(r)
	}
	return r, nil
}

func (t *Table) fits(r *Row) error {
	n := len(r.cells)
	for n > len(t.Columns) && strings.TrimSpace(r.cells[n-1]) == "" {
		n--
	}
	r.cells = r.cells[:n]
	if n > len(t.Columns) || n < len(t.Columns) && t.Format == FormatWhitespace {
		return fmt.Errorf("%d columns, %d are named", n, len(t.Columns))
	}
	for _, c := range r.cells {
		if !utf8.ValidString(c) {
			return errors.New("not valid text in this encoding")
		}
	}
	return nil
}

var errLong = fmt.Errorf("longer than %d bytes", maxLine)
