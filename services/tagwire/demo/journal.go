package demo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tagwire/tagwire/libs/event"
)

// started is what a shop was begun with; it does not change afterwards.
type started struct {
	Seed      uint64     `json:"seed"`
	Customers int        `json:"customers"`
	PastDays  int        `json:"past_days"`
	Began     event.Time `json:"began"`
}

// entry is one line of the journal.
type entry struct {
	Start *started `json:"start,omitempty"`
	Book  *book    `json:"book,omitempty"` // all that was before this line
	Act   *act     `json:"act,omitempty"`  // is going to be sent
	Done  string   `json:"done,omitempty"` // the act was acknowledged
	Lost  string   `json:"lost,omitempty"` // nobody knows whether it was
	Gone  string   `json:"gone,omitempty"` // it was refused
	Acts  []act    `json:"acts,omitempty"` // of the past, acknowledged
}

// journal remembers the book over restarts. An act stands in it before it is
// sent and is marked when it is acknowledged; so after kill -9 the one act in
// between is sent again, with the same id. The opening of a link has no id to
// send: there the customer is unsure.
type journal struct {
	path string
	file *os.File
	w    *bufio.Writer
	size int64
}

// maxJournal is the size at which the journal is begun anew from the book.
const maxJournal = 16 << 20

// openJournal reads a journal, or begins one. open are acts that were being sent.
func openJournal(dir string, first started) (j *journal, start started, b *book, open []act, err error) {
	path := filepath.Join(dir, "demo-shop.jsonl")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		j = &journal{path: path}
		b = newBook(first.Customers)
		return j, first, b, nil, j.rewrite(first, b, nil)
	}
	if err != nil {
		return nil, start, nil, nil, fmt.Errorf("read the demo's journal: %w", err)
	}
	start, b, open, err = replay(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, start, nil, nil, fmt.Errorf("read the demo's journal %s: %w", path, err)
	}
	j = &journal{path: path}
	return j, start, b, open, j.rewrite(start, b, open)
}

var errNoStart = errors.New("its first line is missing; remove the file and its folder to begin a new demo")

func replay(r io.Reader) (started, *book, []act, error) {
	var start *started
	var b *book
	var pending []act
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 256<<20)
	for sc.Scan() {
		var e entry
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			break // the last line was being written
		}
		if e.Start != nil {
			start, b = e.Start, e.Book
			continue
		}
		if b == nil {
			break
		}
		switch {
		case e.Act != nil && e.Act.Customer >= 0 && e.Act.Customer < len(b.Pages):
			pending = append(pending, *e.Act)
		case e.Acts != nil:
			for i := range e.Acts {
				b.note(&e.Acts[i])
			}
		default:
			pending = settle(b, pending, e)
		}
	}
	if err := sc.Err(); err != nil {
		return started{}, nil, nil, err
	}
	if start == nil || b == nil {
		return started{}, nil, nil, errNoStart
	}
	return *start, b, pending, nil
}

// settle ends a pending act.
func settle(b *book, pending []act, e entry) []act {
	for i := range pending {
		switch pending[i].ID {
		case e.Done:
			b.note(&pending[i])
		case e.Lost:
			b.Pages[pending[i].Customer].Unsure = pending[i].At
		case e.Gone:
		default:
			continue
		}
		return append(pending[:i], pending[i+1:]...)
	}
	return pending
}

func (j *journal) write(e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a line of the demo's journal: %w", err)
	}
	_, err = j.w.Write(append(b, '\n'))
	if err == nil {
		err = j.w.Flush()
	}
	if err != nil {
		return fmt.Errorf("write the demo's journal: %w", err)
	}
	j.size += int64(len(b)) + 1
	return nil
}

// rewrite begins the journal anew.
func (j *journal) rewrite(start started, b *book, pending []act) error {
	tmp := j.path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("begin the demo's journal: %w", err)
	}
	old := j.file
	j.file, j.w, j.size = f, bufio.NewWriter(f), 0
	err = j.write(entry{Start: &start, Book: b})
	for i := range pending {
		if err == nil {
			err = j.write(entry{Act: &pending[i]})
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(tmp, j.path)
	}
	if old != nil {
		err = errors.Join(err, old.Close())
	}
	if err != nil {
		return fmt.Errorf("begin the demo's journal: %w", err)
	}
	return nil
}

func (j *journal) close() error { return j.file.Close() }
