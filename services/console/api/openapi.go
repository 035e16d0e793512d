package api

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.json
var description []byte

// serveDescription answers with the OpenAPI description; it names no secret, so
// everybody may read it.
func serveDescription(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(description) // the client may be gone
}
