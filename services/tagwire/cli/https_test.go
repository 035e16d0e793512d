package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/parts/partstest"
)

// certificate makes one for tag.example.com only, so that nothing passes because
// of the address.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"tag.example.com"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certFile, text, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	pool = x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(text))
	return certFile, keyFile, pool
}

// With tls.cert_file everything is HTTPS, also for BI tools, and the commands of
// the same machine find their way.
func TestHTTPSAndTheAddressForBI(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	biAddr := partstest.FreeAddress(t)
	t.Setenv("TAGWIRE_TLS_CERT_FILE", certFile)
	t.Setenv("TAGWIRE_TLS_KEY_FILE", keyFile)
	t.Setenv("TAGWIRE_BI_LISTEN", biAddr)
	dir := start(t)
	e, _, err := endpoints(dir)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(e.HTTP, "https://"), e.HTTP)
	require.Len(t, e.Certificate, 64)

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "tag.example.com", MinVersion: tls.VersionTLS12}}}
	get := func(url string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(text)
	}
	code, _ := get(e.HTTP + "/healthz")
	require.Equal(t, http.StatusOK, code)
	code, text := get("https://" + biAddr + "/?user=bi&password=" + e.BIPassword + "&query=SELECT+currentUser()")
	require.Equal(t, http.StatusOK, code, text)
	require.Equal(t, "bi\n", text)
	code, _ = get("https://" + biAddr + "/?user=" + e.ClickHouseUser + "&password=" + e.ClickHousePass + "&query=SELECT+1")
	require.Equal(t, http.StatusUnauthorized, code, "the product's own user has no business here")

	exit, out, errs := run("send", "page.view", "--user", "u1", "--data", dir, "--json")
	require.Zero(t, exit, errs)
	require.Contains(t, out, `"accepted":1`)
	exit, _, errs = run("verify", "--data", dir)
	require.Zero(t, exit, errs)
	exit, _, errs = run("verify", "--url", e.HTTP, "--token", e.AdminToken)
	require.Equal(t, 1, exit, "an address from outside is trusted as the system says")
	require.Contains(t, errs, "certificate")
}

func TestUpRefusesACertificateThatCannotBeRead(t *testing.T) {
	t.Setenv("TAGWIRE_TLS_CERT_FILE", "nowhere.pem")
	t.Setenv("TAGWIRE_TLS_KEY_FILE", "nowhere.key")
	code, _, errs := run("up", "--data", t.TempDir(), "--http", "127.0.0.1:0")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "tls.cert_file")
}
