package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// Errors of link tokens.
var (
	ErrLinkBad      = errors.New("not a link of this deployment")
	ErrLinkExpired  = errors.New("the link has expired")
	ErrLinkPersonal = errors.New("a phone number or e-mail address does not belong into a link")
	ErrLinkTooLong  = errors.New("link id or customer is too long for a link")
)

const (
	linkMAC  = 16 // bytes: 128 bits
	linkText = 22 // characters of the mac in base64
	maxPart  = 255
	maxToken = 1024
)

// Link is what a tracked link /r/{token} carries: never a URL, so the redirect
// is not open.
type Link struct {
	ID       string     // of the link's definition
	Customer string     // profile id or identity, may be empty; never phone or email
	Expires  event.Time // whole seconds; zero: never
}

// LinkKey signs links. Its ID is in every link it signed.
type LinkKey struct {
	ID     byte
	Secret []byte
}

// Links signs and verifies. Safe for concurrent use.
type Links struct {
	sign LinkKey
	keys map[byte][]byte
}

// NewLinks takes the key that signs and earlier ones that still verify.
func NewLinks(sign LinkKey, earlier ...LinkKey) (*Links, error) {
	l := &Links{sign: sign, keys: map[byte][]byte{}}
	for _, k := range append([]LinkKey{sign}, earlier...) {
		if len(k.Secret) < 16 {
			return nil, fmt.Errorf("auth: link key %d has %d bytes, at least 16 are needed", k.ID, len(k.Secret))
		}
		if l.keys[k.ID] != nil {
			return nil, fmt.Errorf("auth: two link keys have the id %d", k.ID)
		}
		l.keys[k.ID] = k.Secret
	}
	return l, nil
}

// SignLink makes the token: base64url(kid, expiry, link id, customer) and behind
// it base64url of the first 128 bits of an HMAC-SHA256.
func (l *Links) SignLink(link Link) (string, error) {
	if link.ID == "" {
		return "", fmt.Errorf("sign link: %w", ErrLinkBad)
	}
	if len(link.ID) > maxPart || len(link.Customer) > maxPart {
		return "", fmt.Errorf("sign link %.40s: %w", link.ID, ErrLinkTooLong)
	}
	if id, err := event.ParseIdentity(link.Customer); err == nil && id.Personal() {
		return "", fmt.Errorf("sign link %s: %w", link.ID, ErrLinkPersonal)
	}
	b := []byte{l.sign.ID}
	b = binary.AppendUvarint(b, uint64(max(0, link.Expires)/1000))
	b = append(append(b, byte(len(link.ID))), link.ID...)
	b = append(b, link.Customer...)
	return base64.RawURLEncoding.EncodeToString(b) + base64.RawURLEncoding.EncodeToString(linkSum(l.sign.Secret, b)), nil
}

// VerifyLink reads a token. With ErrLinkExpired the link is there all the same,
// so that its visitor can be sent on; with ErrLinkBad nothing is.
func (l *Links) VerifyLink(token string, now time.Time) (Link, error) {
	if len(token) <= linkText || len(token) > maxToken {
		return Link{}, ErrLinkBad
	}
	strict := base64.RawURLEncoding.Strict() // one text per token
	body, err := strict.DecodeString(token[:len(token)-linkText])
	if err != nil || len(body) == 0 {
		return Link{}, ErrLinkBad
	}
	sum, err := strict.DecodeString(token[len(token)-linkText:])
	secret := l.keys[body[0]]
	if err != nil || secret == nil || !hmac.Equal(sum, linkSum(secret, body)) {
		return Link{}, ErrLinkBad
	}
	link, ok := parseLink(body[1:])
	if !ok {
		return Link{}, ErrLinkBad
	}
	if link.Expires != 0 && !now.Before(link.Expires.Std()) {
		return link, ErrLinkExpired
	}
	return link, nil
}

func parseLink(b []byte) (Link, bool) {
	seconds, n := binary.Uvarint(b)
	if n <= 0 || seconds > 1<<40 || len(b) <= n {
		return Link{}, false
	}
	size, b := int(b[n]), b[n+1:]
	if size == 0 || size > len(b) {
		return Link{}, false
	}
	return Link{ID: string(b[:size]), Customer: string(b[size:]), Expires: event.Time(seconds) * 1000}, true
}

func linkSum(secret, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	_, _ = h.Write([]byte("tagwire link\n"))
	_, _ = h.Write(body)
	return h.Sum(nil)[:linkMAC]
}
