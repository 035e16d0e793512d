package importer

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// lines reads the next line that is not empty; one that is too long is passed
// over and reported.
func (t *Table) lines(in *bufio.Reader) (string, error) {
	for {
		var b []byte
		long := false
		for {
			part, err := in.ReadSlice('\n')
			if len(b)+len(part) > maxLine {
				long = true
			} else {
				b = append(b, part...)
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return "", fmt.Errorf("read line %d: %w", t.line+1, err)
			}
			if err != nil && len(b) == 0 && !long {
				return "", io.EOF
			}
			break
		}
		t.line++
		if long {
			return "", errLong
		}
		if s := strings.TrimRight(string(b), "\r\n"); strings.TrimSpace(s) != "" {
			return s, nil
		}
	}
}

// lineOf is the next line for a row; one that is too long makes the row bad, and
// whole is false.
func (t *Table) lineOf(r *Row, in *bufio.Reader) (s string, whole bool, err error) {
	s, err = t.lines(in)
	r.Line = t.line
	if errors.Is(err, errLong) {
		r.Bad = err
		return "", false, nil
	}
	return s, err == nil, err
}

func (t *Table) whitespace(in *bufio.Reader) func(*Row) error {
	return func(r *Row) error {
		s, whole, err := t.lineOf(r, in)
		if whole {
			r.cells = strings.Fields(s)
		}
		return err
	}
}

func (t *Table) jsonLines(in *bufio.Reader) func(*Row) error {
	return func(r *Row) error {
		s, whole, err := t.lineOf(r, in)
		if !whole {
			return err
		}
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber()
		switch err := dec.Decode(&r.object); {
		case err != nil:
			r.object, r.Bad = nil, fmt.Errorf("not a JSON object: %w", err)
		case dec.More():
			r.object, r.Bad = nil, errors.New("more than one JSON value in a line")
		case r.object == nil:
			r.Bad = errors.New("null is no row")
		}
		return nil
	}
}

func (t *Table) csv(in *bufio.Reader, comma rune) func(*Row) error {
	c := csv.NewReader(in)
	c.Comma, c.FieldsPerRecord, c.LazyQuotes = comma, -1, true
	return func(r *Row) error {
		for {
			cells, err := c.Read()
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			if parse, ok := errors.AsType[*csv.ParseError](err); ok {
				r.Line, r.Bad = int64(parse.StartLine), fmt.Errorf("not CSV: %w", parse.Err)
				return nil
			}
			if err != nil {
				return fmt.Errorf("read row: %w", err)
			}
			line, _ := c.FieldPos(0)
			size := 0
			for _, cell := range cells {
				size += len(cell)
			}
			r.Line, r.cells = int64(line), cells
			if size > maxLine {
				r.cells, r.Bad = nil, errLong
				return nil
			}
			if strings.TrimSpace(strings.Join(cells, "")) != "" {
				return nil
			}
		}
	}
}
