// Package email sends alerts by SMTP.
//
// The relay is the operator's own and may be private, so its address is not
// checked as those of webhooks are. One message goes to all recipients of a
// delivery; its Message-ID is that of the delivery, so that a repeat is known
// as one. The notifier calls it.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
)

// Mailer sends through one relay.
type Mailer struct {
	SMTP    config.SMTP
	Timeout time.Duration
	TLS     *tls.Config // nil: the system's roots and the relay's name
	Now     func() time.Time
}

// Send sends a message to the addresses of a channel, or to the recipients' own
// when it names none.
func (s *Mailer) Send(ctx context.Context, to message.Address, m *message.Message) error {
	if s.SMTP.Host == "" {
		return message.Refused("no mail server is configured: smtp.host")
	}
	msg, err := s.compose(to, m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return message.Refused("mail server %s: %w", s.SMTP.Host, err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return classify(err)
	}
	return nil
}

func (s *Mailer) compose(to message.Address, m *message.Message) (*mail.Msg, error) {
	rcpt := addresses(to, m)
	if len(rcpt) == 0 {
		return nil, message.Refused("nobody among the recipients has an e-mail address")
	}
	msg := mail.NewMsg()
	if err := msg.From(s.SMTP.From); err != nil {
		return nil, message.Refused("sender address smtp.from: %w", err)
	}
	if err := msg.To(rcpt...); err != nil {
		return nil, message.Refused("recipient address: %w", err)
	}
	msg.Subject(message.Cut(m.Headline(), 200))
	msg.SetDateWithValue(s.Now())
	msg.SetMessageIDWithValue(m.ID + "@tagwire")
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, m.Text(0))
	return msg, nil
}

func addresses(to message.Address, m *message.Message) []string {
	var out []string
	for a := range strings.SplitSeq(to.To, ",") {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, r := range m.Recipients {
		if r.Email != "" {
			out = append(out, r.Email)
		}
	}
	return out
}

func (s *Mailer) client() (*mail.Client, error) {
	opts := []mail.Option{mail.WithPort(s.SMTP.Port), mail.WithTimeout(s.Timeout)}
	switch s.SMTP.Security {
	case "tls":
		opts = append(opts, mail.WithSSL())
	case "none":
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.TLS != nil {
		opts = append(opts, mail.WithTLSConfig(s.TLS))
	}
	if s.SMTP.User != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.SMTP.User), mail.WithPassword(s.SMTP.Password.Reveal()))
	}
	return mail.NewClient(s.SMTP.Host, opts...)
}

// classify tells what the relay refuses for good (5xx) from what it may take
// later.
func classify(err error) error {
	if refused, ok := errors.AsType[*mail.SendError](err); ok && !refused.IsTemp() && refused.ErrorCode() >= 500 {
		return message.Refused("the mail server refuses: %w", err)
	}
	return fmt.Errorf("send mail: %w", err)
}
