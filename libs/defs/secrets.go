package defs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/seal"
)

const (
	// SecretMask stands for a secret that is not shown; written back, it keeps it.
	SecretMask = "********"

	sealedPrefix = "sealed:1:"
)

// secretField is one secret of a body. Its path does not change when others of a
// list move, if they have names.
type secretField struct {
	path  string
	value *string
}

func (b *Source) secrets() []secretField {
	out := []secretField{{"token", &b.Token}, {"encoding_aes_key", &b.EncodingAESKey}, {"secret", &b.Secret}}
	if b.Kind != SourceSegment && b.Kind != SourceCloudEvents {
		out = append(out, secretField{"write_key", &b.WriteKey})
	}
	return out
}

func (b *Route) secrets() []secretField {
	var out []secretField
	for i := range b.Channels {
		c := &b.Channels[i]
		name := c.Name
		if name == "" {
			name = strconv.Itoa(i)
		}
		path := "channels." + name + "."
		if c.Kind == RouteRobot {
			out = append(out, secretField{path + "url", &c.URL})
		}
		out = append(out, secretField{path + "secret", &c.Secret})
	}
	return out
}

func (*Channel) secrets() []secretField { return nil }
func (*Shop) secrets() []secretField    { return nil }
func (*Link) secrets() []secretField    { return nil }
func (*Form) secrets() []secretField    { return nil }
func (*Staff) secrets() []secretField   { return nil }
func (*Rules) secrets() []secretField   { return nil }
func (*List) secrets() []secretField    { return nil }

// Masked is the definition with its secrets replaced by SecretMask: for everybody
// but the owner. A body of a kind that this program does not know is left out.
func Masked(d Def) Def {
	b, err := decode(d.Kind, d.Body)
	if err != nil || d.Deleted {
		d.Body = nil
		return d
	}
	for _, f := range b.secrets() {
		if *f.value != "" {
			*f.value = SecretMask
		}
	}
	if d.Body, err = json.Marshal(b); err != nil {
		d.Body = nil
	}
	return d
}

// keepMasked puts the present value where a secret was given as the mask.
func keepMasked(b body, current Def) []Problem {
	old := map[string]string{}
	if before, err := decode(current.Kind, current.Body); err == nil && !current.Deleted {
		for _, f := range before.secrets() {
			old[f.path] = *f.value
		}
	}
	var out []Problem
	for _, f := range b.secrets() {
		if *f.value != SecretMask {
			continue
		}
		if *f.value = old[f.path]; *f.value == "" {
			out = append(out, Problem{f.path, "is masked, and no value stands that could be kept"})
		}
	}
	return out
}

func (s *Store) sealSecrets(kind, id string, b body) (json.RawMessage, error) {
	var kept []string
	fields := b.secrets()
	for _, f := range fields {
		kept = append(kept, *f.value)
		if *f.value != "" {
			*f.value = sealedPrefix + base64.RawStdEncoding.EncodeToString(s.opt.Master.Seal([]byte(*f.value), secretAAD(kind, id)))
		}
	}
	out, err := json.Marshal(b)
	for i, f := range fields {
		*f.value = kept[i]
	}
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", kind, id, err)
	}
	return out, nil
}

func secretAAD(kind, id string) string { return "definition " + kind + "/" + id }

var errSecret = errors.New("a secret does not open with this master key")

// openSecrets gives the body with its secrets in clear, also those of fields that
// this program does not know; of kinds that it does not know they stay sealed.
func (s *Store) openSecrets(d Def) (json.RawMessage, error) {
	if !bytes.Contains(d.Body, []byte(sealedPrefix)) || newBody(d.Kind) == nil {
		return d.Body, nil
	}
	dec := json.NewDecoder(bytes.NewReader(d.Body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("body of %s %s@%d: %w", d.Kind, d.ID, d.Version, err)
	}
	var failed error
	v = seal.EachText(v, func(text string) string {
		sealed, ok := strings.CutPrefix(text, sealedPrefix)
		if !ok {
			return text
		}
		raw, err := base64.RawStdEncoding.DecodeString(sealed)
		if err != nil { // somebody's text that happens to begin so
			return text
		}
		plain, err := s.opt.Master.Open(raw, secretAAD(d.Kind, d.ID))
		if err != nil {
			failed = errSecret
			return text
		}
		return string(plain)
	})
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("body of %s %s@%d: %w", d.Kind, d.ID, d.Version, err)
	}
	return bytes.TrimSpace(out.Bytes()), failed
}
