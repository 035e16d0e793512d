package partstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// FreeAddress is an address of this machine for a server of a test's own. It stays
// the server's while that is down, and no other test gets it.
func FreeAddress(t testing.TB) string {
	t.Helper()
	port, err := freePort()
	require.NoError(t, err)
	return address(port)
}

// claims are the twins of UDP of the ports given out by this process.
var claims struct {
	sync.Mutex
	list []net.PacketConn
}

// freePort finds a port below those that the system gives to outgoing connections,
// so that a server which was killed finds it free again. This process keeps it for
// as long as it runs by its twin of UDP: tests of other packages, which run at the
// same time, do not get it either, also while nobody listens there.
func freePort() (int, error) {
	const from, to = 20000, 32000
	claims.Lock()
	defer claims.Unlock()
	for range 1000 {
		port := from + rand.IntN(to-from)
		claim, err := net.ListenPacket("udp", address(port))
		if err != nil { // given out
			continue
		}
		claims.list = append(claims.list, claim)
		l, err := net.Listen("tcp", address(port))
		if err != nil { // of a program that is no test; its twin stays taken
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("give back a port: %w", err)
		}
		return port, nil
	}
	return 0, errors.New("no free port was found")
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts finds several.
func freePorts(n int) ([]int, error) {
	out := make([]int, n)
	for i := range out {
		var err error
		if out[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
