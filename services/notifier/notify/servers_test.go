package notify

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// receiver is an HTTP server that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	answer func(n int) (status int, body string) // n counts from 0
}

type received struct {
	header http.Header
	body   string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{answer: func(int) (int, string) { return 200, "" }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		n := len(r.got)
		r.got = append(r.got, received{req.Header.Clone(), string(body)})
		answer := r.answer
		r.mu.Unlock()
		status, text := answer(n)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

func (r *receiver) set(answer func(int) (int, string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// count is how many bodies hold a text.
func (r *receiver) count(text string) int {
	n := 0
	for _, g := range r.all() {
		n += strings.Count(g.body, text)
	}
	return n
}

// mailServer speaks as much SMTP as a relay must.
type mailServer struct {
	port int
	mu   sync.Mutex
	got  []mailItem
}

type mailItem struct {
	to   []string
	data string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &mailServer{port: l.Addr().(*net.TCPAddr).Port}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { s.talk(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); done.Wait() })
	return s
}

func (s *mailServer) talk(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(wait))
	in := bufio.NewReader(c)
	say := func(line string) { fmt.Fprint(c, line+"\r\n") }
	say("220 test")
	var item mailItem
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.TrimSpace(line))
		switch {
		case strings.HasPrefix(verb, "RCPT TO"):
			item.to = append(item.to, strings.TrimSpace(line))
			if strings.Contains(verb, "NOBODY@") {
				say("550 no such person")
				continue
			}
			say("250 ok")
		case verb == "DATA":
			say("354 go on")
			var data strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				data.WriteString(line)
			}
			item.data = data.String()
			s.mu.Lock()
			s.got = append(s.got, item)
			s.mu.Unlock()
			item = mailItem{}
			say("250 ok")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (s *mailServer) all() []mailItem {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]mailItem(nil), s.got...)
}

// redisDeath is a client's hook that dies at its n-th command, before the
// command reaches Redis or after.
type redisDeath struct {
	mu     sync.Mutex
	left   int
	late   bool
	died   func()
	isDead bool
}

var errDead = fmt.Errorf("the process is dead: %w", io.ErrUnexpectedEOF)

func (d *redisDeath) step() (now, dead bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isDead {
		return false, true
	}
	d.left--
	if d.left > 0 {
		return false, false
	}
	d.isDead = true
	d.died()
	return true, true
}

func (d *redisDeath) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d *redisDeath) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		now, dead := d.step()
		if now && d.late {
			_ = next(context.WithoutCancel(ctx), cmd)
		}
		if dead {
			cmd.SetErr(errDead)
			return errDead
		}
		return next(ctx, cmd)
	}
}

func (d *redisDeath) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if _, dead := d.step(); dead {
			return errDead
		}
		return next(ctx, cmds)
	}
}
