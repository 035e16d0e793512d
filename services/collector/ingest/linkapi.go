package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/links"
)

const (
	redirectWithin = 40 * time.Millisecond // what a visitor waits for the event to be safe
	visitorCookie  = "tw_aid"
	segmentCookie  = "ajs_anonymous_id" // of Segment's browser client, on the same site
	maxReading     = 24 * time.Hour
)

// serveLink sends a visitor on within 50 ms, whatever the state of the rest. The
// event is normally safe before; where that takes longer, it goes on behind.
func (c *Collector) serveLink(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer-when-downgrade")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	link, token, ok := c.link(r.PathValue("token"))
	if !ok {
		c.metrics.rejected.WithLabelValues(string(schemas.ReasonUnknownSource)).Inc()
		c.noLink(w, r)
		return
	}
	visit := links.Visit{
		EventID: randomID(), Received: c.now(), Customer: token.Customer, Bot: links.Automatic(r),
		Agent: r.UserAgent(), Referrer: r.Referer(),
	}
	if visit.Customer == "" {
		visit.Anonymous = c.visitor(w, r)
	}
	if e, why := link.def.Open(visit); why == nil {
		e.Source = c.sources.links()
		select {
		case <-c.behind(e):
		case <-time.After(redirectWithin):
		}
	}
	if link.def.Expired {
		c.noLink(w, r)
		return
	}
	http.Redirect(w, r, link.url, http.StatusFound)
}

// found is a link's definition as a visit needs it.
type found struct {
	def links.Link
	url string
}

// link verifies a token and reads what it names. An expired one is found, too:
// that it was opened is worth knowing.
func (c *Collector) link(text string) (found, auth.Link, bool) {
	token, err := c.links.VerifyLink(text, c.opt.Clock())
	if err != nil && !errors.Is(err, auth.ErrLinkExpired) {
		return found{}, token, false
	}
	d, ok := definition[defs.Link](c, defs.KindLink, token.ID)
	if !ok || !strings.HasPrefix(d.URL, "https://") && !strings.HasPrefix(d.URL, "http://") {
		return found{}, token, false
	}
	return found{url: d.URL, def: links.Link{
		ID: token.ID, Title: d.Title, Type: d.Type, Channel: d.Channel, StaffID: d.StaffID, StoreID: d.StoreID, Tags: d.Tags, Points: d.Points,
		Expired: err != nil || d.ExpiresAt != 0 && d.ExpiresAt <= c.now(),
	}}, token, true
}

// behind makes an event safe beside the request. The channel closes when it is.
func (c *Collector) behind(e *event.Event) <-chan struct{} {
	done := make(chan struct{})
	select {
	case c.slots <- struct{}{}:
	default:
		c.metrics.dropped.Inc()
		close(done)
		return done
	}
	c.jobs.Go(func() {
		defer func() { <-c.slots }()
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		req := request{source: e.Source, call: "/r/", received: e.ReceivedAt}
		recs, v, err := c.take(ctx, req, []envelope.Item{envelope.Accepted(0, e, nil)})
		if err == nil {
			err = c.commit(ctx, recs, linkWait)
		}
		if err != nil {
			c.metrics.dropped.Inc()
			c.opt.Log.Error("a link's event is lost", zap.String("type", e.Type), zap.Error(err))
			return
		}
		c.metrics.accepted.WithLabelValues(c.metrics.source(e.Source)).Add(float64(v.Accepted))
	})
	return done
}

// visitor is the anonymous id of a browser: that of Segment's client on this
// site, else our own first-party cookie.
func (c *Collector) visitor(w http.ResponseWriter, r *http.Request) string {
	for _, name := range []string{segmentCookie, visitorCookie} {
		if k, err := r.Cookie(name); err == nil {
			id, err := url.QueryUnescape(k.Value) // Segment's client writes a JSON text, escaped
			if id = strings.Trim(id, `"`); err == nil && id != "" && len(id) <= 100 {
				return id
			}
		}
	}
	id := randomID()
	scheme, _ := c.base(r)
	http.SetCookie(w, &http.Cookie{
		Name: visitorCookie, Value: id, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: scheme == "https",
	})
	return id
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// noLink is where unknown and expired links lead: never to an error.
func (c *Collector) noLink(w http.ResponseWriter, r *http.Request) {
	to := c.cfg.LinkFallback
	if to == "" {
		to = "/r/"
	}
	http.Redirect(w, r, to, http.StatusFound)
}

func noLinkPage() *template.Template {
	return template.Must(template.New("link").Parse(`<!doctype html><html lang="zh"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">
<title>链接已失效 · Link no longer available</title>
<body style="font:16px/1.6 system-ui,sans-serif;margin:15vh auto;max-width:30em;padding:0 1.5em;color:#222">
<h1 style="font-size:1.4em">这个链接已失效</h1>
<p>它可能已经过期，或在转发时被截断。请联系给您发送链接的同事，重新获取一个。</p>
<h2 style="font-size:1.1em;color:#666">This link is no longer available</h2>
<p style="color:#666">It has expired, or was cut off when it was forwarded. Please ask the person who sent it to you for a new one.</p>
</body></html>`))
}

func (c *Collector) serveNoLink(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = noLinkPage().Execute(w, nil) // the visitor has gone otherwise
}

// beacon is how long a page behind a link was read. Seen again with the same id
// it is the same reading.
type beacon struct {
	Token   string  `json:"token"`
	ID      string  `json:"id"`
	Seconds float64 `json:"seconds"`
	MS      float64 `json:"ms"`
}

// serveBeacon takes reading times (navigator.sendBeacon, text/plain).
func (c *Collector) serveBeacon(w http.ResponseWriter, r *http.Request) {
	req := request{source: c.sources.links(), call: r.URL.Path, received: c.now()}
	body, why := readBody(w, r, 8<<10)
	if why != nil {
		c.refuseWhole(w, req, why, nil)
		return
	}
	var b beacon
	if err := json.Unmarshal(body, &b); err != nil {
		c.refuseWhole(w, req, envelope.Malformed(err), body)
		return
	}
	link, token, ok := c.link(b.Token)
	if !ok {
		c.refuseWhole(w, req, envelope.Refuse(schemas.ReasonBadSignature, "token is not that of a link"), body)
		return
	}
	seconds := b.Seconds + b.MS/1000
	if seconds <= 0 || seconds > maxReading.Seconds() {
		c.refuseWhole(w, req, envelope.Refuse(schemas.ReasonWrongType, "seconds is not between 0 and a day"), body)
		return
	}
	visit := links.Visit{EventID: randomID(), Received: req.received, Customer: token.Customer, Agent: r.UserAgent()}
	if b.ID != "" {
		visit.EventID = event.DeriveID("beacon", b.Token, b.ID)
	}
	if visit.Customer == "" {
		visit.Anonymous = c.visitor(w, r)
	}
	e, why := link.def.Read(visit, seconds)
	if why != nil {
		c.refuseWhole(w, req, why, body)
		return
	}
	e.Source = req.source
	if c.keep(w, r, req, []envelope.Item{envelope.Accepted(0, e, body)}) {
		w.WriteHeader(http.StatusNoContent)
	}
}
