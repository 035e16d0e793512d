package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader carries the signature of a webhook, in and out:
// t=<seconds>,v1=<hex of hmac-sha256(secret, t + "." + body)>.
const SignatureHeader = "X-Signature"

// signatureAge is how far a signature's time may be from ours, either way.
const signatureAge = 5 * time.Minute

// Errors of signatures.
var (
	ErrSignature      = errors.New("the signature does not fit the body")
	ErrSignatureStale = errors.New("the signature's time is more than 5 minutes from ours")
	ErrSignatureForm  = errors.New("the signature is not of the form t=…,v1=…")
)

// Sign is the header's value for a body.
func Sign(secret string, body []byte, now time.Time) string {
	t := strconv.FormatInt(now.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(signature(secret, t, body))
}

// VerifySignature checks the header's value. Several v1 may be there, while the
// sender changes its secret: one must fit. An empty secret fits nothing.
func VerifySignature(secret, header string, body []byte, now time.Time) error {
	var t string
	var given [][]byte
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			t = value
		case "v1":
			if sum, err := hex.DecodeString(value); err == nil && len(given) < 4 {
				given = append(given, sum)
			}
		}
	}
	seconds, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(given) == 0 {
		return ErrSignatureForm
	}
	want, fits := signature(secret, t, body), false
	for _, sum := range given {
		fits = hmac.Equal(sum, want) || fits
	}
	if !fits || secret == "" {
		return ErrSignature
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > signatureAge || age < -signatureAge {
		return ErrSignatureStale
	}
	return nil
}

func signature(secret, t string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = h.Write([]byte(t + "."))
	_, _ = h.Write(body)
	return h.Sum(nil)
}
