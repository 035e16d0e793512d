//go:build real

package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/tagwire/tagwire/libs/parts/partstest"
)

// gates are proxies before the parts, by name; ClickHouse has two. A nil map
// leaves the parts as they are.
type gates map[string]*toxiproxy.Proxy

// address opens a gate before a part and says where it is.
func (g gates) address(t testing.TB, part, direct string) (string, error) {
	t.Helper()
	if g == nil {
		return direct, nil
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, part, partstest.FreeAddress(t), direct)
	if err := p.Start(); err != nil {
		return "", fmt.Errorf("open the gate of %s: %w", part, err)
	}
	g[part] = p
	return p.Listen, nil
}

// front is address as Kafka's test part asks for it.
func (g gates) front(t testing.TB, part string) func(string) (string, error) {
	if g == nil {
		return nil
	}
	return func(direct string) (string, error) { return g.address(t, part, direct) }
}

// harm is what can happen between the roles and a part.
type harm struct {
	name      string
	do, leave func(*toxiproxy.Proxy) error
}

// deaf says that nothing answers meanwhile.
func (h harm) deaf() bool { return h.name != "slow" }

func toxics(list ...string) func(*toxiproxy.Proxy) error {
	return func(p *toxiproxy.Proxy) (err error) {
		for _, t := range list {
			_, e := p.Toxics.AddToxicJson(strings.NewReader(t))
			err = errors.Join(err, e)
		}
		return err
	}
}

func healthy(p *toxiproxy.Proxy) error {
	p.Toxics.ResetToxics(context.Background())
	return nil
}

// away cuts all connections, and lets none be made.
func away() harm {
	return harm{"away", func(p *toxiproxy.Proxy) error { p.Stop(); return nil }, func(p *toxiproxy.Proxy) error { return p.Start() }}
}

// slow lets each answer wait for so many milliseconds, more or less.
func slow(latency, jitter int) harm {
	return harm{"slow", toxics(fmt.Sprintf(`{"type":"latency","stream":"downstream","attributes":{"latency":%d,"jitter":%d}}`, latency, jitter)), healthy}
}

var harms = []harm{
	away(),
	slow(80, 60),
	{"half-open", toxics(`{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`, `{"type":"timeout","stream":"downstream","attributes":{"timeout":0}}`), healthy},
}

// harm treats all gates of a part.
func (g gates) harm(part string, what func(*toxiproxy.Proxy) error) (err error) {
	for name, p := range g {
		if strings.HasPrefix(name, part) {
			err = errors.Join(err, what(p))
		}
	}
	return err
}
