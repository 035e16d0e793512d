package email_test

import (
	"context"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/services/notifier/notify/email"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
)

type plain struct{}

func (plain) OpenText(_ context.Context, s string) (string, error) { return s, nil }

// relay is an SMTP server that answers RCPT as it is told.
type relay struct {
	port int
	mu   sync.Mutex
	rcpt string
	said []string
}

func start(t *testing.T) *relay {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{port: l.Addr().(*net.TCPAddr).Port, rcpt: "250 ok"}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { r.talk(textproto.NewConn(c)) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); done.Wait() })
	return r
}

func (r *relay) talk(c *textproto.Conn) {
	defer c.Close()
	_ = c.PrintfLine("220 relay")
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.said = append(r.said, line)
		rcpt := r.rcpt
		r.mu.Unlock()
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "RCPT":
			_ = c.PrintfLine("%s", rcpt)
		case "DATA":
			_ = c.PrintfLine("354 go on")
			lines, err := c.ReadDotLines()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.said = append(r.said, lines...)
			r.mu.Unlock()
			_ = c.PrintfLine("250 ok")
		case "QUIT":
			_ = c.PrintfLine("221 bye")
			return
		default:
			_ = c.PrintfLine("250 ok")
		}
	}
}

func (r *relay) heard(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(strings.Join(r.said, "\n"), text)
}

func TestMail(t *testing.T) {
	r := start(t)
	m := &email.Mailer{
		SMTP:    config.SMTP{Host: "127.0.0.1", Port: r.port, Security: "none", From: "tagwire@example.com"},
		Timeout: 5 * time.Second, Now: time.Now,
	}
	b := message.Builder{Keys: plain{}}
	f := func(to string, people ...message.Recipient) message.Failure {
		t.Helper()
		msg, err := b.Build(t.Context(), "d1", &inbox.Alert{AlertID: "a1", Number: "A1", Title: "询价"}, people)
		require.NoError(t, err)
		return message.AsFailure(m.Send(t.Context(), message.Address{To: to}, msg))
	}
	require.NoError(t, f("a@example.com, b@example.com").Err)
	require.True(t, r.heard("RCPT TO:<a@example.com>") && r.heard("RCPT TO:<b@example.com>"))
	require.True(t, r.heard("Message-ID: <d1@tagwire>"), "a repeat is known as one")
	require.NoError(t, f("", message.Recipient{ID: "zhang", Email: "zhang@example.com"}).Err)
	require.True(t, r.heard("RCPT TO:<zhang@example.com>"), "without an address: the recipient's own")

	require.True(t, f("").Permanent, "nobody to write to")
	require.True(t, f("not an address").Permanent)
	answer := func(text string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.rcpt = text
	}
	answer("550 no such person")
	require.True(t, f("a@example.com").Permanent)
	answer("451 come again")
	got := f("a@example.com")
	require.Error(t, got.Err)
	require.False(t, got.Permanent)

	m.SMTP.Port = 1
	got = f("a@example.com")
	require.Error(t, got.Err)
	require.False(t, got.Permanent, "a relay that is away comes back")
	m.SMTP.Host = ""
	require.True(t, f("a@example.com").Permanent, "no relay is configured")
}
