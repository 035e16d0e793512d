package defs

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/stream"
)

// state is what the log says: for each definition its valid versions.
type state struct {
	byKind map[string]map[string]*history
	open   func(Def) (json.RawMessage, error)
}

type history struct{ versions []version } // by number, ascending

type version struct {
	def    Def
	writer string
}

func newState(open func(Def) (json.RawMessage, error)) *state {
	return &state{byKind: map[string]map[string]*history{}, open: open}
}

// outcome is what a record did.
type outcome struct {
	changed bool
	lost    recordKey // a record that came second for its version
	winner  string    // the writer of the first; empty: nothing lost
	err     error     // the record, or a secret in it, is unreadable
}

// apply takes one record of the topic.
func (s *state) apply(r stream.Record) outcome {
	key, ok := parseRecordKey(string(r.Key))
	if !ok {
		return outcome{}
	}
	h := s.byKind[key.kind][key.id]
	i, found := 0, false
	if h != nil {
		i, found = h.find(key.version)
	}
	switch {
	case r.Value == nil && found && h.versions[i].writer == key.writer:
		h.versions = slices.Delete(h.versions, i, i+1)
		return outcome{changed: true}
	case r.Value == nil:
		return outcome{}
	case found && h.versions[i].writer == key.writer: // the same record again
		return outcome{}
	case found:
		return outcome{lost: key, winner: h.versions[i].writer}
	}
	var v record
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return outcome{err: err}
	}
	d := Def{Kind: key.kind, ID: key.id, Version: key.version, Author: v.Author, Time: v.Time, Deleted: v.Deleted, Body: v.Body}
	body, err := s.open(d)
	if err == nil {
		d.Body = body
	}
	s.history(key).insert(i, version{d, key.writer})
	return outcome{changed: true, err: err}
}

func (s *state) history(k recordKey) *history {
	byID := s.byKind[k.kind]
	if byID == nil {
		byID = map[string]*history{}
		s.byKind[k.kind] = byID
	}
	h := byID[k.id]
	if h == nil {
		h = &history{}
		byID[k.id] = h
	}
	return h
}

func (h *history) insert(i int, v version) { h.versions = slices.Insert(h.versions, i, v) }

func (h *history) find(n int64) (int, bool) {
	return slices.BinarySearchFunc(h.versions, n, func(v version, n int64) int { return int(v.def.Version - n) })
}

// latest is the newest version, deleted or not; its Version is 0 if there is none.
func (s *state) latest(kind, id string) Def {
	h := s.byKind[kind][id]
	if h == nil || len(h.versions) == 0 {
		return Def{}
	}
	return h.versions[len(h.versions)-1].def
}

// at is one version and who wrote it.
func (s *state) at(kind, id string, n int64) (version, bool) {
	h := s.byKind[kind][id]
	if h == nil {
		return version{}, false
	}
	i, ok := h.find(n)
	if !ok {
		return version{}, false
	}
	return h.versions[i], true
}

func (s *state) list(kind string) []Def {
	var out []Def
	for id := range s.byKind[kind] {
		if d := s.latest(kind, id); d.Version > 0 && !d.Deleted {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Def) int { return strings.Compare(a.ID, b.ID) })
	return out
}
