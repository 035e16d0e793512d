package ingest

import (
	"context"
	"errors"
	"net/http"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/webhook"
	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

const callbackBytes = 1 << 20

// keep makes the events of a sender that does not repeat safe; false when it
// has answered that it could not.
func (c *Collector) keep(w http.ResponseWriter, r *http.Request, req request, items []envelope.Item) bool {
	ctx := context.WithoutCancel(r.Context()) // who hangs up has sent it all the same
	recs, v, err := c.take(ctx, req, items)
	if err == nil {
		err = c.commit(ctx, recs, callbackWait)
	}
	if err != nil {
		c.unavailable(w, err)
		return false
	}
	c.metrics.accepted.WithLabelValues(c.metrics.source(req.source)).Add(float64(v.Accepted))
	return true
}

// callback finds the source of a path, or answers that there is none.
func (c *Collector) callback(w http.ResponseWriter, r *http.Request, kind string) (*source, request, bool) {
	id := r.PathValue("source")
	req := request{source: id, call: r.URL.Path, received: c.now()}
	src, ok := c.sources.id(kind, id)
	if !ok {
		c.refuseWhole(w, req, envelope.Refuse(schemas.ReasonUnknownSource, "no source of kind %s has this name", kind), nil)
		return nil, req, false
	}
	if src.err != nil {
		c.refuseWhole(w, req, envelope.Refuse(schemas.ReasonBadMapping, "the source's definition cannot serve; the log says why"), nil)
		return nil, req, false
	}
	return src, req, true
}

func signed(r *http.Request) wecom.Signed {
	q := r.URL.Query()
	return wecom.Signed{Signature: q.Get("msg_signature"), Timestamp: q.Get("timestamp"), Nonce: q.Get("nonce")}
}

// serveWeComCheck answers WeCom's check of a callback URL with the decrypted
// text: no quotes, no newline.
func (c *Collector) serveWeComCheck(w http.ResponseWriter, r *http.Request) {
	src, req, ok := c.callback(w, r, defs.SourceWeCom)
	if !ok {
		return
	}
	text, err := src.crypt.Open(signed(r), r.URL.Query().Get("echostr"))
	if err != nil {
		c.refuseWhole(w, req, forged(err), nil)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(text) // the client has gone otherwise
}

func forged(err error) *envelope.Refusal {
	if errors.Is(err, wecom.ErrSignature) {
		return envelope.Refuse(schemas.ReasonBadSignature, "%s", wecom.ErrSignature)
	}
	return envelope.Refuse(schemas.ReasonBadCrypt, "%s", err)
}

// serveWeCom takes a callback. What is signed but cannot be read is kept with
// the refused and answered 200: sent again it would be no better.
func (c *Collector) serveWeCom(w http.ResponseWriter, r *http.Request) {
	src, req, ok := c.callback(w, r, defs.SourceWeCom)
	if !ok {
		return
	}
	body, why := readBody(w, r, callbackBytes)
	if why != nil {
		c.refuseWhole(w, req, why, nil)
		return
	}
	text, err := wecom.Encrypted(body)
	if err != nil {
		c.refuseWhole(w, req, envelope.Refuse(schemas.ReasonMalformed, "%s", wecom.ErrXML), body)
		return
	}
	xml, err := src.crypt.Open(signed(r), text)
	if err != nil {
		c.refuseWhole(w, req, forged(err), body)
		return
	}
	from := wecom.Source{ID: src.id, CorpID: src.body.CorpID, External: c.external}
	events, err := from.Events(xml, req.received)
	var items []envelope.Item
	if err != nil {
		items = []envelope.Item{envelope.Refused(0, envelope.Refuse(schemas.ReasonMalformed, "the decrypted text is not XML"), xml)}
	}
	for i, e := range events {
		c.byState(e, src)
		items = append(items, envelope.Accepted(i, e, xml))
	}
	if c.keep(w, r, req, items) {
		w.WriteHeader(http.StatusOK)
	}
}

// external says whether a member is a customer: by the id's prefix, unless a
// member of staff is defined by this very name.
func (c *Collector) external(id string) bool {
	if !wecom.External(id) {
		return false
	}
	_, isStaff := c.opt.Defs.Get(defs.KindStaff, id)
	return !isStaff
}

// byState reads the State of a contact code as the id of a channel. One that is
// not defined stays in the properties and is counted.
func (c *Collector) byState(e *event.Event, src *source) {
	state := e.Properties.String("state")
	switch _, known := definition[defs.Channel](c, defs.KindChannel, state); {
	case known:
		e.Channel = state
	case state != "":
		c.metrics.unknownState.Inc()
	default:
		e.Channel = src.body.DefaultChannel
	}
}

// serveWebhook takes signed JSON of any sender, by the source's mapping.
func (c *Collector) serveWebhook(w http.ResponseWriter, r *http.Request) {
	src, req, ok := c.callback(w, r, defs.SourceWebhook)
	if !ok {
		return
	}
	body, why := readBody(w, r, c.cfg.Limits.BatchBytes)
	if why != nil {
		c.refuseWhole(w, req, why, nil)
		return
	}
	if err := auth.VerifySignature(src.body.Secret, r.Header.Get(auth.SignatureHeader), body, c.opt.Clock()); err != nil {
		c.refuseWhole(w, req, envelope.Refuse(schemas.ReasonBadSignature, "%s", err), body)
		return
	}
	items, why := webhook.Read(body, src.mapping, c.input(src.id, req.received))
	if why != nil {
		c.refuseWhole(w, req, why, body)
		return
	}
	for _, it := range items {
		if it.Event != nil && it.Event.Channel == "" {
			it.Event.Channel = src.body.DefaultChannel
		}
	}
	ctx := context.WithoutCancel(r.Context())
	recs, v, err := c.take(ctx, req, items)
	if err == nil {
		err = c.commit(ctx, recs, callbackWait)
	}
	if err != nil {
		c.unavailable(w, err)
		return
	}
	c.writeVerdict(w, src.id, v, len(items) != 1)
}
