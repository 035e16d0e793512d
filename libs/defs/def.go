package defs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
)

// Def is one version of a definition.
type Def struct {
	Kind    string          `json:"kind"`
	ID      string          `json:"id"`
	Version int64           `json:"version"`
	Author  string          `json:"author"`
	Time    event.Time      `json:"time"`
	Deleted bool            `json:"deleted,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"` // secrets in clear: see Masked
}

// Expectations of a Put besides a version.
const (
	ExpectNone int64 = 0  // there is none yet, or it is deleted
	ExpectAny  int64 = -1 // whatever stands
)

// Put asks for a new version of a definition.
type Put struct {
	Kind   string
	ID     string
	Expect int64 // the version that stands; ExpectNone creates
	Author string
	Body   json.RawMessage
}

// Errors of writing. A conflict is a *ConflictError, what is wrong with a body a
// *InvalidError.
var (
	ErrConflict = errors.New("the definition has changed meanwhile")
	ErrInvalid  = errors.New("not a valid definition")
	ErrNotFound = errors.New("there is no such definition")
)

// ConflictError carries what stands instead of what was expected.
type ConflictError struct {
	Kind, ID string
	Expect   int64
	Current  Def // Version 0: there is none
}

func (e *ConflictError) Error() string {
	switch {
	case e.Current.Version == 0 || e.Current.Deleted:
		return fmt.Sprintf("%s %s: version %d expected, there is none", e.Kind, e.ID, e.Expect)
	case e.Expect == ExpectNone:
		return fmt.Sprintf("%s %s exists already, at version %d", e.Kind, e.ID, e.Current.Version)
	}
	return fmt.Sprintf("%s %s: version %d expected, version %d stands", e.Kind, e.ID, e.Expect, e.Current.Version)
}

// Is makes it an ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Problem is one thing wrong with a body.
type Problem struct {
	Field   string `json:"field"` // path within the body; empty: the body as a whole
	Message string `json:"message"`
}

// InvalidError lists all that is wrong.
type InvalidError struct {
	Kind, ID string
	Problems []Problem
	Cause    error // of a validator from Options.Validate
}

func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind + " " + e.ID + ": ")
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		if p.Field != "" {
			b.WriteString(p.Field + ": ")
		}
		b.WriteString(p.Message)
	}
	return b.String()
}

// Is makes it an ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Unwrap is the validator's own error.
func (e *InvalidError) Unwrap() error { return e.Cause }

// Body decodes a definition's body into its type, see kinds.go. Fields that the
// type does not have are passed over: a newer writer may have set them.
func Body[T any](d Def) (T, error) {
	var v T
	if err := json.Unmarshal(d.Body, &v); err != nil {
		return v, fmt.Errorf("body of %s %s@%d: %w", d.Kind, d.ID, d.Version, err)
	}
	return v, nil
}

// recordKey names one try to write one version.
type recordKey struct {
	kind, id string
	version  int64
	writer   string
}

func (k recordKey) String() string {
	return k.kind + "/" + k.id + "@" + strconv.FormatInt(k.version, 10) + "/" + k.writer
}

// parseRecordKey is the inverse of String. An id may hold "@", no part a "/".
func parseRecordKey(s string) (recordKey, bool) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return recordKey{}, false
	}
	at := strings.LastIndexByte(parts[1], '@')
	if at <= 0 {
		return recordKey{}, false
	}
	v, err := strconv.ParseInt(parts[1][at+1:], 10, 64)
	if err != nil || v < 1 || parts[0] == "" || parts[2] == "" {
		return recordKey{}, false
	}
	return recordKey{parts[0], parts[1][:at], v, parts[2]}, true
}

// record is a value in the topic; kind, id and version are in the key.
type record struct {
	Author  string          `json:"author"`
	Time    event.Time      `json:"time"`
	Deleted bool            `json:"deleted,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"` // secrets sealed
}
