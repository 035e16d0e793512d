package seal_test

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
)

func fixedMaster(t testing.TB, fill byte) *seal.Master {
	t.Helper()
	m, err := seal.NewMaster([]byte(strings.Repeat(string(rune(fill)), seal.KeySize)))
	require.NoError(t, err)
	return m
}

func TestMasterReadsHexAndBase64(t *testing.T) {
	key := []byte(strings.Repeat("\xfb\xff", 16)) // + and / in base64
	want, err := seal.NewMaster(key)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"hex":                    hex.EncodeToString(key),
		"hex in capitals":        strings.ToUpper(hex.EncodeToString(key)),
		"base64":                 base64.StdEncoding.EncodeToString(key),
		"base64 without padding": base64.RawStdEncoding.EncodeToString(key),
		"base64 for URLs":        base64.URLEncoding.EncodeToString(key),
		"with an end of line":    hex.EncodeToString(key) + "\n",
	} {
		got, err := seal.ParseMaster(text)
		require.NoError(t, err, name)
		require.Equal(t, want.Hash("n", "v"), got.Hash("n", "v"), name)
	}
	for name, text := range map[string]string{
		"empty": "", "a password": "correct horse battery staple", "31 bytes": hex.EncodeToString(key[1:]),
	} {
		_, err := seal.ParseMaster(text)
		require.ErrorIs(t, err, seal.ErrMasterKey, name)
		if text != "" {
			require.NotContains(t, err.Error(), text, "a key must not be repeated in an error")
		}
	}
}

func TestMasterFileIsMadeOnceAndOnlyForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "master.key")
	hashes := make([]string, 8)
	var all sync.WaitGroup
	for i := range hashes {
		all.Go(func() {
			if m, err := seal.LoadOrCreateMaster(path); err == nil {
				hashes[i] = m.Hash("n", "v")
			}
		})
	}
	all.Wait()
	for _, h := range hashes {
		require.NotEmpty(t, h)
		require.Equal(t, hashes[0], h, "processes that start together must end with one key")
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no half-made file stays")

	require.NoError(t, os.WriteFile(path, []byte("not a key"), 0o600))
	_, err = seal.LoadOrCreateMaster(path)
	require.ErrorIs(t, err, seal.ErrMasterKey, "a damaged key is never replaced by a new one")
	require.ErrorContains(t, err, path)
}

func TestMasterSealsForOnePlace(t *testing.T) {
	m := fixedMaster(t, 'a')
	sealed := m.Seal([]byte("secret"), "here")
	plain, err := m.Open(sealed, "here")
	require.NoError(t, err)
	require.Equal(t, "secret", string(plain))
	require.NotContains(t, string(sealed), "secret")

	_, err = m.Open(sealed, "there")
	require.ErrorIs(t, err, seal.ErrOpen)
	_, err = fixedMaster(t, 'b').Open(sealed, "here")
	require.ErrorIs(t, err, seal.ErrOpen)
	for i := range sealed {
		bad := append([]byte(nil), sealed...)
		bad[i] ^= 1
		_, err = m.Open(bad, "here")
		require.ErrorIs(t, err, seal.ErrOpen, "byte %d", i)
		_, err = m.Open(sealed[:i], "here")
		require.ErrorIs(t, err, seal.ErrOpen, "cut to %d", i)
	}
}

func TestMasterHashesByNamespace(t *testing.T) {
	m := fixedMaster(t, 'a')
	h := m.Hash("phone", "13800000000")
	require.Len(t, h, 32)
	require.Equal(t, h, m.Hash("phone", "13800000000"))
	require.NotEqual(t, h, m.Hash("email", "13800000000"))
	require.NotEqual(t, m.Hash("a", "bc"), m.Hash("ab", "c"))
	require.NotEqual(t, h, fixedMaster(t, 'b').Hash("phone", "13800000000"))
	id := event.Identity{Namespace: "phone", Value: "13800000000"}
	require.NotContains(t, m.KeyHash(id), "138")
	// Stored hashes and derived keys must outlive every later version.
	require.Equal(t, "4fa23180866291e89b02a42ee99ce3c3", h)
	links, err := m.Derive("links")
	require.NoError(t, err)
	require.Equal(t, "ddf6a033588b315434980d9ec477a474e8a0db70cc7bf7ad072b1cc348e471de", hex.EncodeToString(links))
}
