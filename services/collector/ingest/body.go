package ingest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// readBody reads a request's body, decompressed, up to limit bytes: it stops
// there, so a small body that would unpack to a huge one costs no more.
func readBody(w http.ResponseWriter, r *http.Request, limit int) ([]byte, *envelope.Refusal) {
	if r.ContentLength > int64(limit) && r.Header.Get("Content-Encoding") == "" {
		return nil, tooLarge(limit)
	}
	in := io.Reader(http.MaxBytesReader(w, r.Body, int64(limit)+1024)) // a packed body is not larger than its contents, but for its head
	in, err := unpack(in, r.Header.Get("Content-Encoding"))
	var unknown *envelope.Refusal
	switch {
	case errors.As(err, &unknown):
		return nil, unknown
	case err != nil:
		return nil, unreadable(err, limit)
	}
	var buf bytes.Buffer
	if n := r.ContentLength; n > 0 {
		buf.Grow(min(int(n)+bytes.MinRead, limit+bytes.MinRead))
	}
	if _, err := buf.ReadFrom(io.LimitReader(in, int64(limit)+1)); err != nil {
		return nil, unreadable(err, limit)
	}
	if buf.Len() > limit {
		return nil, tooLarge(limit)
	}
	return buf.Bytes(), nil
}

func unpack(in io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return in, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(in)
	case "deflate":
		// The name means zlib, yet some clients send the bare stream within it.
		var head [2]byte
		n, err := io.ReadFull(in, head[:])
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		in = io.MultiReader(bytes.NewReader(head[:n]), in)
		if n == 2 && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
			return zlib.NewReader(in)
		}
		return flate.NewReader(in), nil
	}
	return nil, envelope.Refuse(schemas.ReasonMalformed, "content encoding %.20q is not known; gzip and deflate are", encoding)
}

func tooLarge(limit int) *envelope.Refusal {
	return envelope.Refuse(schemas.ReasonTooLarge, "the body is larger than %d bytes", limit)
}

func unreadable(err error, limit int) *envelope.Refusal {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(limit)
	}
	return envelope.Refuse(schemas.ReasonMalformed, "the body ends too early or is not what its content encoding says")
}
