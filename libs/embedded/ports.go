package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Documented loopback addresses of the embedded parts.
const (
	DefaultKafkaAddr            = "127.0.0.1:9192"
	DefaultRedisAddr            = "127.0.0.1:6479"
	DefaultClickHouseNativeAddr = "127.0.0.1:9100"
	DefaultClickHouseHTTPAddr   = "127.0.0.1:8223"
)

// place is where a part listens, or is asked to.
type place struct {
	part     string // the name for people
	given    string // the address asked for; empty: take the default, or a free port when that is taken
	standard string
}

// listen takes the place's port. An address that was given is never replaced; a default one is, and that is said.
func (p place) listen() (net.Listener, *Notice, error) {
	if p.given != "" {
		if err := loopback(p.given); err != nil {
			return nil, nil, err
		}
		l, err := net.Listen("tcp", p.given)
		if err != nil {
			return nil, nil, problem(ErrPortBusy, err,
				p.part+" 要用的地址 "+p.given+" 不能监听，通常是被别的程序占用了。请换一个端口，或停掉占用它的程序",
				p.part+" cannot listen on "+p.given+", most likely because another program has it. Choose another port, or stop that program")
		}
		return l, nil, nil
	}
	l, err := net.Listen("tcp", p.standard)
	if err == nil {
		return l, nil, nil
	}
	l, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, problem(ErrPortBusy, err,
			p.part+" 在本机回环地址上找不到空闲端口",
			p.part+" finds no free port on the loopback address")
	}
	return l, &Notice{
		Zh: fmt.Sprintf("%s 的默认地址 %s 被占用，改用 %s", p.part, p.standard, l.Addr()),
		En: fmt.Sprintf("the default address %s of %s is taken, using %s instead", p.standard, p.part, l.Addr()),
	}, nil
}

// reserve finds the port for a child, which must open it itself: the port is given back for it to take.
func (p place) reserve() (string, *Notice, error) {
	l, notice, err := p.listen()
	if err != nil {
		return "", nil, err
	}
	if err := l.Close(); err != nil {
		return "", nil, fmt.Errorf("give back the port of %s: %w", p.part, err)
	}
	return l.Addr().String(), notice, nil
}

// loopback refuses addresses that other machines could reach: the broker has no passwords.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsLoopback() && ip.To4() != nil {
		return nil
	}
	return problem(ErrPortBusy, err,
		"内置组件只能监听本机回环地址，例如 127.0.0.1:9192，不能是 "+addr,
		"Embedded parts listen on the IPv4 loopback address only, for example 127.0.0.1:9192, not on "+addr)
}

// portPatience is how long a part may take to answer before its port is suspected.
const portPatience = 20 * time.Second

// onFreshPorts starts a child that opens its ports by itself. Between the moment
// in which a port was found free and the one in which the child takes it another
// program may have taken it; then the part is started once more on other ports,
// unless its addresses were given.
func onFreshPorts(ctx context.Context, fixed bool, start func(ctx context.Context) error) error {
	const tries = 4
	for try := 1; ; try++ {
		if fixed || try == tries {
			return start(ctx)
		}
		limited, cancel := context.WithTimeout(ctx, portPatience)
		err := start(limited)
		cancel()
		var p *Problem
		if err == nil || ctx.Err() != nil || errors.As(err, &p) && !errors.Is(err, ErrPartDied) {
			return err
		}
	}
}

// isFixed says that an address names a port that must not be replaced.
func isFixed(addr string) bool { return addr != "" && !strings.HasSuffix(addr, ":0") }
