package ingest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/cloudevents"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/segment"
)

// serveSegment is Segment's tracking API, with our /v1/import beside it.
func (c *Collector) serveSegment(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("call")
	call, backfill := segment.Call(name), false
	switch call {
	case segment.Track, segment.Identify, segment.Page, segment.Screen, segment.Group, segment.Alias, segment.Batch:
	case "import":
		call, backfill = segment.Batch, true
	case "m": // the browser client's own statistics
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		var ok bool
		if call, ok = segment.Short(name); !ok {
			http.NotFound(w, r)
			return
		}
	}
	req := request{call: r.URL.Path, received: c.now()}
	body, why := readBody(w, r, c.cfg.Limits.BatchBytes)
	if why != nil {
		c.refuseWhole(w, req, why, nil)
		return
	}
	parsed, why := segment.Read(body, call, c.cfg.Limits)
	if why != nil {
		if src, ok := c.sources.key(writeKey(r)); ok {
			req.source = src.id
		}
		c.refuseWhole(w, req, why, body)
		return
	}
	key := writeKey(r)
	if key == "" {
		key = parsed.WriteKey
	}
	src, ok := c.admit(w, req, admission{key: key, events: parsed.Len(), body: body})
	if !ok {
		return
	}
	req.source = src.id
	in := c.input(src.id, req.received)
	in.Backfill = backfill
	c.answer(w, r, req, parsed.Items(in, c.names), call == segment.Batch)
}

// serveCloudEvents takes CloudEvents 1.0.
func (c *Collector) serveCloudEvents(w http.ResponseWriter, r *http.Request) {
	req := request{call: r.URL.Path, received: c.now()}
	body, why := readBody(w, r, c.cfg.Limits.BatchBytes)
	if why != nil {
		c.refuseWhole(w, req, why, nil)
		return
	}
	src, ok := c.admit(w, req, admission{key: writeKey(r), events: 1, body: body})
	if !ok {
		return
	}
	req.source = src.id
	items, batch, why := cloudevents.Read(r.Header, body, c.input(src.id, req.received))
	if why != nil {
		c.refuseWhole(w, req, why, body)
		return
	}
	c.answer(w, r, req, items, batch)
}

// answer makes the events safe and answers per event.
func (c *Collector) answer(w http.ResponseWriter, r *http.Request, req request, items []envelope.Item, batch bool) {
	recs, v, err := c.take(r.Context(), req, items)
	if err == nil {
		err = c.deliver(r.Context(), recs)
	}
	if err != nil {
		c.unavailable(w, err)
		return
	}
	c.writeVerdict(w, req.source, v, batch)
}

// admission is what a request needs to be let in.
type admission struct {
	key    string
	events int
	body   []byte
}

// admit finds the source of a write key and keeps to its rate.
func (c *Collector) admit(w http.ResponseWriter, req request, a admission) (*source, bool) {
	src, ok := c.sources.key(a.key)
	if !ok {
		why := envelope.Refuse(schemas.ReasonUnknownKey, "the write key is missing or belongs to no source: give it as the user of basic authentication")
		c.refuseWhole(w, req, why, a.body)
		return nil, false
	}
	if c.limiter != nil {
		if ok, wait := c.limiter.Allow(src.id, max(1, a.events)); !ok {
			seconds := max(1, int((wait+time.Second-1)/time.Second))
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
			c.metrics.rejected.WithLabelValues("rate_limited").Inc()
			writeProblem(w, http.StatusTooManyRequests, problem{Code: "rate_limited", Detail: "More events a second than this write key may send. Send the request again after Retry-After."})
			return nil, false
		}
	}
	return src, true
}

// serveSettings tells Segment's browser client where to send.
func (c *Collector) serveSettings(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if _, ok := c.sources.key(key); !ok {
		writeProblem(w, http.StatusNotFound, problem{Reason: string(schemas.ReasonUnknownKey), Detail: "the write key belongs to no source"})
		return
	}
	scheme, host := c.base(r)
	w.Header().Set("Cache-Control", "public, max-age=60")
	writeJSON(w, http.StatusOK, segment.SettingsFor(key, scheme, host))
}
