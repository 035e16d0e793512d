package ingest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/services/collector/ingest/links"
	"github.com/tagwire/tagwire/services/collector/ingest/webhook"
	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

// DefaultSource is the source of the configured write key.
const DefaultSource = "default"

// source is a definition, made ready to serve requests.
type source struct {
	id      string
	body    defs.Source
	crypt   *wecom.Crypt
	mapping *webhook.Mapping
	err     error // why it cannot serve
}

// sources finds definitions by write key and id. It looks again whenever the
// definitions have changed; there is no goroutine to wait for.
type sources struct {
	defs       Definitions
	defaultKey string
	log        *zap.Logger

	mu      sync.Mutex
	changed <-chan struct{}
	byKey   map[string]*source
	byID    map[string]*source
	link    string // the source of opened links
}

func (s *sources) refresh() {
	if s.changed != nil {
		select {
		case <-s.changed:
		default:
			return
		}
	}
	s.changed = s.defs.Changed() // before reading: a change in between is seen next time
	s.byKey, s.byID, s.link = map[string]*source{}, map[string]*source{}, links.Source
	for _, d := range s.defs.List(defs.KindSource) {
		src := &source{id: d.ID}
		if src.body, src.err = defs.Body[defs.Source](d); src.err == nil {
			src.prepare()
		}
		if src.err != nil {
			s.log.Warn("a source cannot serve", zap.String("source", d.ID), zap.Error(src.err))
		}
		s.byID[d.ID] = src
		if src.body.WriteKey != "" {
			s.byKey[src.body.WriteKey] = src
		}
		if src.body.Kind == defs.SourceLink && s.link == links.Source {
			s.link = d.ID
		}
	}
	if s.defaultKey != "" && s.byKey[s.defaultKey] == nil {
		s.byKey[s.defaultKey] = &source{id: DefaultSource, body: defs.Source{Kind: defs.SourceSegment, WriteKey: s.defaultKey}}
	}
}

func (src *source) prepare() {
	switch src.body.Kind {
	case defs.SourceWeCom:
		src.crypt, src.err = wecom.NewCrypt(src.body.Token, src.body.EncodingAESKey, src.body.CorpID)
	case defs.SourceWebhook:
		src.mapping, src.err = webhook.Compile(src.body.Mapping)
	}
	if src.err != nil {
		src.err = fmt.Errorf("source %s: %w", src.id, src.err)
	}
}

// key finds the source of a write key.
func (s *sources) key(k string) (*source, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	src, ok := s.byKey[k]
	return src, ok && k != ""
}

// id finds a source of a kind.
func (s *sources) id(kind, id string) (*source, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	src, ok := s.byID[id]
	return src, ok && src.body.Kind == kind
}

func (s *sources) links() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return s.link
}

// writeKey reads the key that a request carries besides its body: user of basic
// authentication (Segment), a bearer token, or X-Write-Key.
func writeKey(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		return user
	}
	if token, ok := bearer(r); ok {
		return token
	}
	return r.Header.Get("X-Write-Key")
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}
