package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
)

// KeySize is the length of every key.
const KeySize = 32

// Errors of the master key.
var (
	ErrMasterKey = errors.New("a master key is 32 bytes as 64 hex digits or as base64")
	ErrOpen      = errors.New("sealed data does not open with this key")
)

const (
	formatMaster = 1
	nonceSize    = 12
	overhead     = 1 + nonceSize + 16 // format, nonce, tag
)

// Master is the deployment's master key: it wraps all other keys, seals secrets
// of definitions and makes keyed hashes. Safe for concurrent use.
type Master struct {
	root []byte
	aead cipher.AEAD
	mac  []byte
}

// NewMaster takes 32 bytes.
func NewMaster(key []byte) (*Master, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("%d bytes: %w", len(key), ErrMasterKey)
	}
	m := &Master{root: append([]byte(nil), key...)}
	wrap, err := m.Derive("wrap")
	if err != nil {
		return nil, err
	}
	if m.aead, err = newAEAD(wrap); err != nil {
		return nil, err
	}
	m.mac, err = m.Derive("hash")
	return m, err
}

// ParseMaster reads the text form, hex or base64 with or without padding.
func ParseMaster(text string) (*Master, error) {
	text = strings.TrimSpace(text)
	if key, err := hex.DecodeString(text); err == nil && len(key) == KeySize {
		return NewMaster(key)
	}
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	if key, err := base64.RawStdEncoding.DecodeString(plain); err == nil && len(key) == KeySize {
		return NewMaster(key)
	}
	return nil, ErrMasterKey // the text itself is never part of an error
}

// LoadMaster takes the configured text where there is one, else the file
// master.key in dir, which is made at the first start.
func LoadMaster(dir, text string) (*Master, error) {
	if text != "" {
		return ParseMaster(text)
	}
	return LoadOrCreateMaster(filepath.Join(dir, "master.key"))
}

// LoadOrCreateMaster reads the key file, or makes it with mode 0600. Two
// processes that make it at once end with the same key.
func LoadOrCreateMaster(path string) (*Master, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createMaster(path); err != nil {
			return nil, fmt.Errorf("create master key %s: %w", path, err)
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	m, err := ParseMaster(string(text))
	if err != nil {
		return nil, fmt.Errorf("master key %s: %w", path, err)
	}
	return m, nil
}

// createMaster writes a whole, synced file beside path and links it there, so
// that a crash never leaves half a key and an existing one is never replaced.
func createMaster(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // the link stays
	_, err = f.WriteString(hex.EncodeToString(randomBytes(KeySize)) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Seal encrypts; aad binds the result to its place and is needed to open it.
func (m *Master) Seal(plain []byte, aad string) []byte {
	return sealWith(m.aead, []byte{formatMaster}, plain, aad)
}

// Open decrypts what Seal made with the same aad.
func (m *Master) Open(sealed []byte, aad string) ([]byte, error) {
	if len(sealed) < overhead || sealed[0] != formatMaster {
		return nil, ErrOpen
	}
	return openWith(m.aead, sealed[1:], aad)
}

// Hash is a keyed hash of a value, 32 hex digits: the same value in the same
// namespace gives the same hash, which says nothing to who lacks the master key.
func (m *Master) Hash(namespace, value string) string {
	h := hmac.New(sha256.New, m.mac)
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(namespace))) // keeps ("a","bc") apart from ("ab","c")
	_, _ = h.Write(n[:])
	_, _ = h.Write([]byte(namespace))
	_, _ = h.Write([]byte(value))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// KeyHash is the key of a record in `raw`: it keeps one customer's records
// together without naming the customer.
func (m *Master) KeyHash(id event.Identity) string { return m.Hash("record", id.String()) }

// Derive makes a 32-byte key for another purpose, such as signing links.
func (m *Master) Derive(purpose string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, m.root, nil, "tagwire "+purpose, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive key for %s: %w", purpose, err)
	}
	return key, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of %d bytes: %w", len(key), ErrOpen)
	}
	return cipher.NewGCM(block)
}

// sealWith appends nonce and ciphertext to prefix.
func sealWith(a cipher.AEAD, prefix, plain []byte, aad string) []byte {
	nonce := randomBytes(nonceSize)
	out := make([]byte, 0, len(prefix)+nonceSize+len(plain)+a.Overhead())
	out = append(append(out, prefix...), nonce...)
	return a.Seal(out, nonce, plain, []byte(aad))
}

func openWith(a cipher.AEAD, sealed []byte, aad string) ([]byte, error) {
	if len(sealed) < nonceSize+a.Overhead() {
		return nil, ErrOpen
	}
	plain, err := a.Open(nil, sealed[:nonceSize], sealed[nonceSize:], []byte(aad))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}
