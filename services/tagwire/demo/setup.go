package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

// sources are the shop's sources with secrets of this deployment alone.
func (s *Shop) sources() map[string]defs.Source {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	aes := base64.RawStdEncoding.EncodeToString(key[:])
	return map[string]defs.Source{
		srcWeCom:   {Kind: defs.SourceWeCom, Name: "演示：企业微信回调", CorpID: corp, Token: auth.NewToken("")[:24], EncodingAESKey: aes, Demo: true},
		srcArchive: {Kind: defs.SourceWeComArchive, Name: "演示：会话存档", CorpID: corp, Secret: auth.NewToken("sec_"), Demo: true},
		srcForms:   {Kind: defs.SourceWebhook, Name: "演示：表单", Secret: auth.NewToken("sec_"), Mapping: formMapping(), Demo: true},
		srcMall:    {Kind: defs.SourceSegment, Name: "演示：商城", WriteKey: auth.NewToken("wk_"), Demo: true},
		srcCRM:     {Kind: defs.SourceSegment, Name: "演示：客户资料", WriteKey: auth.NewToken("wk_"), Demo: true},
		srcPast:    {Kind: defs.SourceSegment, Name: "演示：历史", WriteKey: auth.NewToken("wk_"), Demo: true},
		srcLinks:   {Kind: defs.SourceLink, Name: "演示：链接", Demo: true},
	}
}

// connect reads the sources back as they are defined and makes the wire.
func (s *Shop) connect() (*wire, error) {
	w := &wire{base: s.site.HTTP, client: newClient(s.site.Transport), keys: map[string]string{}, world: s.world}
	for id := range s.sources() {
		d, ok := s.parts.Defs.Get(defs.KindSource, id)
		if !ok {
			return nil, fmt.Errorf("source %s: %w", id, defs.ErrNotFound)
		}
		src, err := defs.Body[defs.Source](d)
		if err != nil {
			return nil, err
		}
		w.keys[id] = src.WriteKey
		switch id {
		case srcWeCom:
			if w.crypt, err = wecom.NewCrypt(src.Token, src.EncodingAESKey, src.CorpID); err != nil {
				return nil, fmt.Errorf("source %s: %w", id, err)
			}
		case srcArchive:
			w.archive = src.Secret
		case srcForms:
			w.forms = src.Secret
		}
	}
	secret, err := s.parts.Master.Derive("links")
	if err != nil {
		return nil, err
	}
	w.links, err = auth.NewLinks(auth.LinkKey{ID: 1, Secret: secret})
	return w, err
}

// putRules activates the pack's rules if there are none.
func (s *Shop) putRules(ctx context.Context) error {
	if _, ok := s.parts.Defs.Get(defs.KindRules, defs.RulesID); ok {
		return nil
	}
	body, err := json.Marshal(map[string]any{"files": s.pack.rules})
	if err != nil {
		return fmt.Errorf("encode the demo's rules: %w", err)
	}
	_, err = s.api(ctx, http.MethodPut, "/rules", body)
	return err
}

// ownRules says that the rules in force are the pack's, for which the book was
// written.
func (s *Shop) ownRules() bool {
	d, ok := s.parts.Defs.Get(defs.KindRules, defs.RulesID)
	if !ok {
		return false
	}
	body, err := defs.Body[defs.Rules](d)
	return err == nil && maps.Equal(body.Files, s.pack.rules)
}

var errAPI = errors.New("the API refuses")

// api makes a call of the console's API.
func (s *Shop) api(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.site.HTTP+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+s.site.AdminToken)
	req.Header.Set("Content-Type", "application/json")
	client := *s.wire.client
	client.Timeout = 0 // the context bounds it: activating rules may take a while
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %d %.500s: %w", method, path, res.StatusCode, answer, errAPI)
	}
	return answer, nil
}
