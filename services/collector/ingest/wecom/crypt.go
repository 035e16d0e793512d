package wecom

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" // WeCom signs with SHA-1
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors of the envelope. ErrKey is a matter of the definition, the others of
// the callback.
var (
	ErrKey       = errors.New("an EncodingAESKey is 43 letters and digits that decode to 32 bytes")
	ErrSignature = errors.New("msg_signature does not fit token, timestamp, nonce and text")
	ErrCrypt     = errors.New("the text does not decrypt with this EncodingAESKey")
	ErrReceiver  = errors.New("the text is meant for another corp")
)

const (
	keyLength = 43
	padBlock  = 32
	randomLen = 16
)

// Crypt is one callback's token and key.
type Crypt struct {
	token    string
	receiver string
	key      []byte
	block    cipher.Block
}

// NewCrypt takes what the WeCom console shows. receiver is the CorpID, or the
// SuiteID of a third-party app.
func NewCrypt(token, encodingAESKey, receiver string) (*Crypt, error) {
	if len(encodingAESKey) != keyLength || strings.ContainsAny(encodingAESKey, "=\r\n") {
		return nil, fmt.Errorf("%d characters: %w", len(encodingAESKey), ErrKey)
	}
	// Not Strict: the last character's spare bits are not zero in real keys,
	// Tencent's own sample among them.
	key, err := base64.StdEncoding.DecodeString(encodingAESKey + "=")
	if err != nil || len(key) != 32 {
		return nil, ErrKey
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrKey
	}
	return &Crypt{token: token, receiver: receiver, key: key, block: block}, nil
}

// Signed is what a callback's URL says about a text.
type Signed struct{ Signature, Timestamp, Nonce string }

// Sign is the signature of exactly these four values; other query parameters
// never count.
func (c *Crypt) Sign(timestamp, nonce, text string) string {
	parts := []string{c.token, timestamp, nonce, text}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// Open checks the signature, then decrypts. The timestamp's age is not judged:
// WeCom repeats callbacks, and a replay is harmless by its event id.
func (c *Crypt) Open(s Signed, text string) ([]byte, error) {
	want := c.Sign(s.Timestamp, s.Nonce, text)
	if subtle.ConstantTimeCompare([]byte(want), []byte(s.Signature)) != 1 {
		return nil, ErrSignature
	}
	msg, receiver, err := c.decrypt(text)
	if err != nil {
		return nil, err
	}
	if receiver != c.receiver {
		return nil, ErrReceiver
	}
	return msg, nil
}

// decrypt opens random(16) | length(4) | message | receiver.
func (c *Crypt) decrypt(text string) (msg []byte, receiver string, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 || len(b)%aes.BlockSize != 0 {
		return nil, "", ErrCrypt
	}
	cipher.NewCBCDecrypter(c.block, c.key[:aes.BlockSize]).CryptBlocks(b, b)
	if b, err = unpad(b); err != nil {
		return nil, "", err
	}
	if len(b) < randomLen+4 {
		return nil, "", ErrCrypt
	}
	n := uint64(binary.BigEndian.Uint32(b[randomLen:]))
	rest := b[randomLen+4:]
	if n > uint64(len(rest)) {
		return nil, "", ErrCrypt
	}
	return rest[:n], string(rest[n:]), nil
}

// Encrypt is the reverse of what Open does, for passive answers and tests. The
// sixteen random bytes are the caller's.
func (c *Crypt) Encrypt(random [randomLen]byte, msg []byte) string {
	b := append([]byte(nil), random[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(msg)))
	b = append(append(b, msg...), c.receiver...)
	b = pad(b)
	cipher.NewCBCEncrypter(c.block, c.key[:aes.BlockSize]).CryptBlocks(b, b)
	return base64.StdEncoding.EncodeToString(b)
}

// pad is PKCS#7 with blocks of 32, unlike AES's 16.
func pad(b []byte) []byte {
	n := padBlock - len(b)%padBlock
	return append(b, slices.Repeat([]byte{byte(n)}, n)...)
}

func unpad(b []byte) ([]byte, error) {
	n := int(b[len(b)-1])
	if n == 0 || n > padBlock || n > len(b) {
		return nil, ErrCrypt
	}
	for _, p := range b[len(b)-n:] {
		if int(p) != n {
			return nil, ErrCrypt
		}
	}
	return b[:len(b)-n], nil
}
