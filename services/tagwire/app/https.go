package app

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
)

// fingerprint names the certificate that is served; empty without TLS.
func fingerprint(served *tls.Config) string {
	if served == nil {
		return ""
	}
	sum := sha256.Sum256(served.Certificates[0].Certificate[0])
	return hex.EncodeToString(sum[:])
}

// errOther says that who answers is not the Tagwire of this data folder.
var errOther = errors.New("another certificate answers than the one in endpoints.json")

// Pinned is for clients on the same machine: they reach Tagwire by an address
// that its certificate does not name, and know the certificate from
// endpoints.json instead.
func Pinned(fingerprint func() (string, error)) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: true, // VerifyConnection accepts one certificate only
			VerifyConnection: func(cs tls.ConnectionState) error {
				want, err := fingerprint()
				if err != nil {
					return fmt.Errorf("know the certificate: %w", err)
				}
				sum := sha256.Sum256(cs.PeerCertificates[0].Raw)
				if hex.EncodeToString(sum[:]) != want {
					return errOther
				}
				return nil
			},
		},
	}
}
