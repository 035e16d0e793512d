package importer

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// State is how far an import has come, kept beside its data so that a run that
// was killed goes on.
type State struct {
	Name     string    `json:"name"`
	File     string    `json:"file"`
	Rows     int64     `json:"rows"`     // acknowledged or refused, from the first on
	Prefix   string    `json:"prefix"`   // hash of the ids of these rows: the file is still the same up to there
	Sent     int64     `json:"sent"`     // acknowledged
	Had      int64     `json:"had"`      // found in history
	Rejected int64     `json:"rejected"` // written to the file of rejected rows
	Done     bool      `json:"done"`
	Started  time.Time `json:"started"`
	Updated  time.Time `json:"updated"`
}

// prefix is a running hash of row ids.
type prefix [32]byte

func (p prefix) String() string { return hex.EncodeToString(p[:16]) }

// readState gives nil when there is none; one that cannot be read is as none,
// since history is asked anyway.
func readState(path string) (*State, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the progress of the import: %w", err)
	}
	s := &State{}
	if json.Unmarshal(b, s) != nil {
		return nil, nil
	}
	return s, nil
}

func (s *State) write(path string) error {
	s.Updated = time.Now().UTC()
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the progress of the import: %w", err)
	}
	return writeFile(path, b)
}

// writeFile replaces a file as a whole, synced.
func writeFile(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Rejected is a row that was not taken, one line of FILE.rejected.jsonl.
type Rejected struct {
	Row     int64          `json:"row"`
	Line    int64          `json:"line"`
	EventID string         `json:"event_id,omitempty"`
	Reason  string         `json:"reason"`
	Detail  string         `json:"detail"`
	Values  map[string]any `json:"values,omitempty"`
}

// rejects is the file of rejected rows, made when the first one comes.
type rejects struct {
	path string
	f    *os.File
}

// openRejects keeps what stands there of rows up to a number: later ones come
// again.
func openRejects(path string, upTo int64) (*rejects, error) {
	r := &rejects{path: path}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var keep bytes.Buffer
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 8<<20)
	for sc.Scan() {
		var one Rejected
		if json.Unmarshal(sc.Bytes(), &one) == nil && one.Row > 0 && one.Row <= upTo {
			keep.Write(sc.Bytes())
			keep.WriteByte('\n')
		}
	}
	if keep.Len() == 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the rejected rows of an earlier run: %w", err)
		}
		return r, nil
	}
	return r, writeFile(path, keep.Bytes())
}

func (r *rejects) add(rows []Rejected) error {
	if len(rows) == 0 {
		return nil
	}
	if r.f == nil {
		f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("write rejected rows: %w", err)
		}
		r.f = f
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, one := range rows {
		if err := enc.Encode(one); err != nil {
			return fmt.Errorf("write rejected rows: %w", err)
		}
	}
	if _, err := r.f.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write rejected rows: %w", err)
	}
	return nil
}

func (r *rejects) close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}
