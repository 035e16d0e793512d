package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/tagwire/tagwire/libs/event"
)

// The modes are built once from constants and never changed.
var encMode, decMode = modes()

func modes() (cbor.UserBufferEncMode, cbor.DecMode) {
	enc, err := cbor.EncOptions{Sort: cbor.SortBytewiseLexical, TextMarshaler: cbor.TextMarshalerTextString}.UserBufferEncMode()
	if err != nil {
		panic(fmt.Sprintf("profile codec: %v", err)) //nolint:forbidigo // the options are constants: it fails for all or none, at the first test
	}
	dec, err := cbor.DecOptions{
		TextUnmarshaler: cbor.TextUnmarshalerTextString, MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 20,
		DefaultMapType: reflect.TypeFor[map[string]any](),
	}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("profile codec: %v", err)) //nolint:forbidigo // likewise
	}
	return enc, dec
}

// Encode is the stored form: compact for what grows with a customer's events, CBOR
// with numbered keys for the rest. Equal profiles give equal bytes.
func (p *Profile) Encode() ([]byte, error) { return new(Encoder).Encode(p) }

// Encoder makes the stored form of one profile after the other and keeps its memory
// in between. It is for one goroutine.
type Encoder struct {
	w     packer
	plain Profile
	cold  bytes.Buffer
}

// Encode is Profile.Encode.
func (e *Encoder) Encode(p *Profile) ([]byte, error) {
	e.plain = *p
	e.plain.Recent, e.plain.Tags, e.plain.Seen, e.plain.Folds, e.plain.Matches = nil, nil, nil, nil, nil
	e.cold.Reset()
	err := encMode.MarshalToBuffer(&e.plain, &e.cold)
	e.plain = Profile{}
	if err != nil {
		return nil, fmt.Errorf("encode profile %s: %w", p.ID, err)
	}
	return e.w.pack(p, e.cold.Bytes()), nil
}

// Decode reads the stored form, and that of versions before the compact one, which
// was CBOR as a whole.
func Decode(b []byte) (*Profile, error) {
	p := &Profile{}
	cold := func(b []byte, into *Profile) error { return decMode.Unmarshal(b, into) } //nolint:wrapcheck // wrapped below
	var err error
	if len(b) > 0 && b[0] == packed {
		err = unpack(b, p, cold)
	} else {
		err = cold(b, p)
	}
	if err != nil {
		return nil, fmt.Errorf("decode profile: %w", err)
	}
	return p, nil
}

// TagStates are the held tags for people and other programs, sorted by name.
func (p *Profile) TagStates() []event.TagState {
	out := make([]event.TagState, 0, len(p.Tags))
	for _, name := range sortedKeys(p.Tags) {
		t := p.Tags[name]
		if !t.Holds() {
			continue
		}
		out = append(out, event.TagState{
			Tag: name, Group: t.Group, Value: t.Value, Since: t.Since, ExpiresAt: t.Expires,
			Rule: t.Rule, RuleVersion: t.Version, Origin: t.Origin, Evidence: t.Evidence,
		})
	}
	return out
}

// Holds says that there is such a tag; nil is none.
func (t *Tag) Holds() bool { return t != nil }

func traitText(t event.Trait) string {
	b, err := json.Marshal(t.Value)
	if err != nil { // values come from JSON
		return ""
	}
	return string(b)
}
