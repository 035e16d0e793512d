package ingest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/spool"
)

// problem is application/problem+json; code and message are what Segment's
// clients read.
type problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Reason  string `json:"reason,omitempty"`
	EventID string `json:"event_id,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// status of a refusal. SDKs repeat after 429 and 5xx, so what can never be
// taken is a 4xx.
func status(reason schemas.Reason) int {
	switch reason {
	case schemas.ReasonTooLarge, schemas.ReasonTooMany:
		return http.StatusRequestEntityTooLarge
	case schemas.ReasonUnknownKey, schemas.ReasonBadSignature:
		return http.StatusUnauthorized
	case schemas.ReasonUnknownSource:
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}

func writeProblem(w http.ResponseWriter, code int, p problem) {
	p.Type, p.Title, p.Status = "about:blank", http.StatusText(code), code
	if p.Code == "" {
		p.Code = p.Reason
	}
	p.Message = p.Detail
	w.Header().Set("Content-Type", "application/problem+json")
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="write key"`)
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(p) // the client has gone otherwise
}

// refuseWhole answers a request that is refused as a whole, and keeps it.
func (c *Collector) refuseWhole(w http.ResponseWriter, req request, why *envelope.Refusal, body []byte) {
	c.refusals.add(req, envelope.Refused(0, why, body))
	writeProblem(w, status(why.Reason), problem{Reason: string(why.Reason), Detail: why.Detail})
}

// unavailable answers that the events could not be made safe now.
func (c *Collector) unavailable(w http.ResponseWriter, err error) {
	wait, detail := 2, "The events could not be stored now. Nothing of this request is lost if you send it again."
	if errors.Is(err, spool.ErrFull) {
		wait, detail = 30, "The store for events is full while the message log is away. Send the request again later."
	}
	c.opt.Log.Warn("answered 503", zap.Error(err))
	w.Header().Set("Retry-After", strconv.Itoa(wait))
	writeProblem(w, http.StatusServiceUnavailable, problem{Code: "unavailable", Detail: detail})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client has gone otherwise
}

// writeVerdict answers per event; a lone event that is refused is a 400.
func (c *Collector) writeVerdict(w http.ResponseWriter, src string, v verdict, batch bool) {
	c.metrics.accepted.WithLabelValues(c.metrics.source(src)).Add(float64(v.Accepted))
	if !batch && v.Accepted == 0 && len(v.Rejected) > 0 {
		r := v.Rejected[0]
		writeProblem(w, status(r.Reason), problem{Reason: string(r.Reason), Detail: r.Detail, EventID: r.EventID})
		return
	}
	writeJSON(w, http.StatusOK, v)
}
