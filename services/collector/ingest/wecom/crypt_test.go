package wecom_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

// vector is a published or recomputed sample of the envelope.
type vector struct {
	token, key, receiver, timestamp, nonce, signature, text, plain string
}

const (
	sampleToken = "QDG6eK"
	sampleKey   = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	sampleCorp  = "wx5823bf96d3bd56c7"
	samplePost  = "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)

func vectors() []vector {
	return []vector{
		{
			"kjr2TKI8umCBfVF3wAHk8JiPwma5VBme", "4Ma3YBrSBbX2aez8MJpXGBne5LSDwgGqHbhM9WPYIws", "ww6a112864f8022910",
			"1583940690", "VHh7ymSeb0jc4lSb", "1ba3cb09c0d2c2b3ed6900d37f91a6efae6cb011",
			"6KmUQuPVu7UhjyVqRdbo5SfcRqaHvbUlKSHFvBV2ZuR6TIlKsygcfeSd1GDplg1C5KSKr6UPHCaC/nIX3ZNt9w==", "94966531020182955848408",
		},
		{
			sampleToken, sampleKey, sampleCorp, "1409659589", "263014780", "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
			"P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==", "1616140317555161061",
		},
		{sampleToken, sampleKey, sampleCorp, "1409659813", "1372623149", "477715d11cdb4164915debcba66cb864d751f3e6", samplePost, ""},
	}
}

func TestVectors(t *testing.T) {
	for _, v := range vectors() {
		c, err := wecom.NewCrypt(v.token, v.key, v.receiver)
		require.NoError(t, err, "the official sample's key is not strict base64 and must work")
		require.Equal(t, v.signature, c.Sign(v.timestamp, v.nonce, v.text))
		plain, err := c.Open(wecom.Signed{Signature: v.signature, Timestamp: v.timestamp, Nonce: v.nonce}, v.text)
		require.NoError(t, err)
		if v.plain != "" {
			require.Equal(t, v.plain, string(plain))
			continue
		}
		require.Len(t, plain, 284)
		require.Contains(t, string(plain), "<MsgId>4561255354251345929</MsgId>")
	}
}

func TestForgedSignatures(t *testing.T) {
	v := vectors()[0]
	c, err := wecom.NewCrypt(v.token, v.key, v.receiver)
	require.NoError(t, err)
	for _, s := range []string{v.signature[:39] + "0", "", v.signature[:39], v.signature + "0", strings.ToUpper(v.signature)} {
		_, err = c.Open(wecom.Signed{Signature: s, Timestamp: v.timestamp, Nonce: v.nonce}, v.text)
		require.ErrorIs(t, err, wecom.ErrSignature, s)
	}
	other, err := wecom.NewCrypt(v.token, v.key, "ww_another")
	require.NoError(t, err)
	_, err = other.Open(wecom.Signed{Signature: v.signature, Timestamp: v.timestamp, Nonce: v.nonce}, v.text)
	require.ErrorIs(t, err, wecom.ErrReceiver)
}

func TestBadKeys(t *testing.T) {
	good := sampleKey
	for _, k := range []string{"", good[:42], good + "A", good[:42] + "$", good[:42] + "=", good + "=", good[:42] + "\n"} {
		_, err := wecom.NewCrypt("t", k, "c")
		require.ErrorIs(t, err, wecom.ErrKey, "%q", k)
	}
}

// TestForgedPlaintexts signs texts as somebody would who knows the token, not
// the key, or both: none may make it panic.
func TestForgedPlaintexts(t *testing.T) {
	c, err := wecom.NewCrypt(sampleToken, sampleKey, sampleCorp)
	require.NoError(t, err)
	for _, text := range []string{
		"", "A", "AAAA", "not base64!", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 15)),
		base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 16)), base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0}, 32)),
		base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0}, 4096)), samplePost[:64], samplePost[:len(samplePost)-24],
	} {
		_, err := c.Open(wecom.Signed{Signature: c.Sign("1", "2", text), Timestamp: "1", Nonce: "2"}, text)
		require.ErrorIs(t, err, wecom.ErrCrypt, "%q", text)
	}
}

func TestPaddingIsOfBlocksOf32(t *testing.T) {
	c, err := wecom.NewCrypt(sampleToken, sampleKey, "")
	require.NoError(t, err)
	for n := range 70 {
		msg := bytes.Repeat([]byte{'x'}, n)
		text := c.Encrypt([16]byte{1, 2, 3}, msg)
		raw, err := base64.StdEncoding.DecodeString(text)
		require.NoError(t, err)
		require.Zero(t, len(raw)%32)
		require.Greater(t, len(raw), 20+n, "there is always padding")
		got, err := c.Open(wecom.Signed{Signature: c.Sign("1", "2", text), Timestamp: "1", Nonce: "2"}, text)
		require.NoError(t, err)
		require.Equal(t, msg, append([]byte{}, got...))
	}
}

func FuzzOpen(f *testing.F) {
	for _, v := range vectors() {
		f.Add(v.text)
	}
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAA==")
	c, err := wecom.NewCrypt(sampleToken, sampleKey, sampleCorp)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		msg, err := c.Open(wecom.Signed{Signature: c.Sign("1", "2", text), Timestamp: "1", Nonce: "2"}, text)
		if err == nil && len(msg) > len(text) {
			t.Fatalf("%d bytes out of %d", len(msg), len(text))
		}
	})
}
