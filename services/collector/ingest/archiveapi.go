package ingest

import (
	"net/http"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/archive"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

const archiveBytes = 8 << 20

// archiveVerdict also counts what concerns no customer.
type archiveVerdict struct {
	verdict
	Ignored int `json:"ignored"`
}

// serveArchive takes decrypted messages of WeCom's conversation archive from a
// side-car, which repeats what is not acknowledged.
func (c *Collector) serveArchive(w http.ResponseWriter, r *http.Request) {
	src, req, ok := c.callback(w, r, defs.SourceWeComArchive)
	if !ok {
		return
	}
	body, why := readBody(w, r, archiveBytes)
	if why != nil {
		c.refuseWhole(w, req, why, nil)
		return
	}
	if token, given := bearer(r); given && auth.EqualTokens(token, src.body.Secret) {
		// the secret itself
	} else if err := auth.VerifySignature(src.body.Secret, r.Header.Get(auth.SignatureHeader), body, c.opt.Clock()); err != nil {
		c.refuseWhole(w, req, envelope.Refuse(schemas.ReasonBadSignature, "give the source's secret as a bearer token, or sign the body: %s", err), nil)
		return
	}
	in := archive.Input{Input: c.input(src.id, req.received), CorpID: src.body.CorpID, External: c.external}
	var all archiveVerdict
	all.Rejected = []rejection{}
	chunk := func(items []envelope.Item) error {
		recs, v, err := c.take(r.Context(), req, items)
		if err == nil {
			err = c.deliver(r.Context(), recs)
		}
		all.Accepted += v.Accepted
		all.Rejected = append(all.Rejected, v.Rejected...)
		return err
	}
	ignored, err := archive.Read(body, in, chunk)
	all.Ignored = ignored
	if err != nil {
		c.unavailable(w, err)
		return
	}
	c.metrics.accepted.WithLabelValues(c.metrics.source(src.id)).Add(float64(all.Accepted))
	writeJSON(w, http.StatusOK, all)
}
