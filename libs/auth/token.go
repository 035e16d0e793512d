package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
)

// EqualTokens compares in constant time, whatever the lengths. Empty equals
// nothing: a token that is not configured lets nobody in.
func EqualTokens(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}

// NewToken makes a secret token of 256 random bits.
func NewToken(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// HashToken is what is stored of a token. A token of NewToken has so many random
// bits that a slow hash would add nothing; passwords of people need one.
func HashToken(token string) string {
	h := sha256.Sum256([]byte("tagwire token\n" + token))
	return hex.EncodeToString(h[:])
}

// TokenMatches says whether a token is the one that was hashed.
func TokenMatches(token, hash string) bool { return EqualTokens(HashToken(token), hash) }
