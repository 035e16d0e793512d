// Command healthz asks an address, prints what it answers and ends with 0 when
// that is 200: the health check of images that hold no shell and no curl. It asks
// again by https where the address speaks that.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	url := "http://127.0.0.1:8080/healthz"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	if os.Getenv("TAGWIRE_TLS_CERT_FILE") != "" { // asked at once by what it serves, the role has nothing to log
		url = strings.Replace(url, "http://", "https://", 1)
	}
	text, err := ask(url)
	// What it said stands in the log of the health check.
	_, _ = os.Stdout.WriteString(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// plain is what Go's server says to who speaks http to its https.
const plain = "HTTP request to an HTTPS server"

func ask(url string) (text string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	code, text, err := get(ctx, url)
	if rest, ok := strings.CutPrefix(url, "http://"); ok && err == nil && code == http.StatusBadRequest && strings.Contains(text, plain) {
		url = "https://" + rest
		code, text, err = get(ctx, url)
	}
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("%s answers %d %s", url, code, http.StatusText(code))
	}
	return text, err
}

func get(ctx context.Context, url string) (code int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", url, err)
	}
	// Its certificate names the public address, and this is the container's own: there
	// is nobody between, and nothing secret is sent.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}}}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", url, err)
	}
	defer func() { _ = res.Body.Close() }()            // the status says all
	b, _ := io.ReadAll(io.LimitReader(res.Body, 4096)) // a cut answer is no reason to call the program ill
	return res.StatusCode, string(b), nil
}
