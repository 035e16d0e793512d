package event_test

import (
	"encoding/json"
	"testing"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

func drawRecord(t *rapid.T) *event.Record {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "高意向", `a"b\c`, "<&>", "\u2028", "\xff", "\x00\t\x7f", "plain"}), rapid.String())
	moment := rapid.Custom(func(t *rapid.T) event.Time {
		return event.Time(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(-1e13, 1e13), rapid.Int64Range(1, 4e12)).Draw(t, "ms"))
	})
	fields := rapid.Custom(func(t *rapid.T) event.Fields {
		f := event.Fields{}
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			f[text.Draw(t, "key")] = rapid.SampledFrom([]any{
				1.5, -3.0, 1e300, "x\"y", true, false, nil, []any{}, []any{1.0, "z", nil}, map[string]any{}, map[string]any{"a": map[string]any{"b": []any{true}}},
			}).Draw(t, "value")
		}
		return f
	})
	money := rapid.Custom(func(t *rapid.T) *decimal.Decimal {
		if rapid.Bool().Draw(t, "none") {
			return nil
		}
		d := decimal.MustNew(rapid.Int64().Draw(t, "coefficient"), rapid.IntRange(0, 19).Draw(t, "scale"))
		return &d
	})
	ids := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event.Identity {
		return event.Identity{Namespace: rapid.SampledFrom([]string{"user_id", "wecom.corp", "phone"}).Draw(t, "ns"), Value: text.Draw(t, "value") + "x"}
	}), 0, 3)
	r := &event.Record{
		Kind: event.KindEvent, Source: text.Draw(t, "source"), Number: rapid.Int64().Draw(t, "number"), Place: moment.Draw(t, "place"),
		Profile: text.Draw(t, "profile"), Own: ids.Draw(t, "own"), Raw: text.Draw(t, "raw"), Repair: rapid.Bool().Draw(t, "repair"),
		Parted: rapid.Bool().Draw(t, "parted"), Internal: rapid.Bool().Draw(t, "internal"),
	}
	if rapid.IntRange(0, 5).Draw(t, "link") == 0 {
		r.Kind, r.Links = event.KindLink, []event.Link{{Younger: "a", Older: "b"}}
		return r
	}
	r.Event = &event.Event{
		EventID: text.Draw(t, "id"), Type: text.Draw(t, "type"), Time: moment.Draw(t, "time"), OriginalTime: moment.Draw(t, "original"),
		ReceivedAt: moment.Draw(t, "received"), SentAt: moment.Draw(t, "sent"), Source: text.Draw(t, "from"), Identities: ids.Draw(t, "identities"),
		StaffID: text.Draw(t, "staff"), Channel: text.Draw(t, "channel"), StoreID: text.Draw(t, "store"), Touchpoint: text.Draw(t, "touchpoint"),
		From: text.Draw(t, "speaker"), Amount: money.Draw(t, "amount"), Currency: text.Draw(t, "currency"), Text: text.Draw(t, "text"),
		Traits: fields.Draw(t, "traits"), Properties: fields.Draw(t, "properties"), Context: fields.Draw(t, "context"),
		Tags: rapid.SliceOfN(text, 0, 2).Draw(t, "tags"), Backfill: rapid.Bool().Draw(t, "backfill"), Import: text.Draw(t, "import"),
	}
	if rapid.Bool().Draw(t, "object") {
		r.Event.Object = &event.Object{Type: text.Draw(t, "kind"), ID: text.Draw(t, "object"), Title: text.Draw(t, "title"), Category: text.Draw(t, "category"), Brand: text.Draw(t, "brand"), Price: money.Draw(t, "price")}
	}
	for range rapid.IntRange(0, 2).Draw(t, "matches") {
		r.Event.Matched = append(r.Event.Matched, event.Match{List: text.Draw(t, "list"), Version: rapid.Int().Draw(t, "version"), Words: []string{text.Draw(t, "word")}})
	}
	return r
}

// sameAsJSON says that both readers give the same of a text, or that both refuse it.
func sameAsJSON(t require.TestingT, text []byte) {
	want := &event.Record{}
	refused := json.Unmarshal(text, want) != nil
	have, err := event.DecodeRecord(text)
	require.Equal(t, refused, err != nil, "%s", text)
	if !refused {
		require.Equal(t, want, have, "%s", text)
	}
}

// A record is read as encoding/json reads it, whole or damaged.
func TestRecordsAreReadAsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := drawRecord(t).Encode()
		require.NoError(t, err)
		sameAsJSON(t, text)
		for range rapid.IntRange(0, 4).Draw(t, "damages") {
			i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "damage") {
			case 0:
				text[i] = rapid.SampledFrom([]byte(`"{}[]:,\0e-.nN tT`)).Draw(t, "sign")
			case 1:
				text = append(text[:i:i], text[i+1:]...)
			default:
				text = text[:i]
			}
			if len(text) == 0 {
				break
			}
			sameAsJSON(t, text)
		}
	})
}

// What encoding/json takes and Encode never writes.
func TestOddRecordsAreReadAsJSON(t *testing.T) {
	for _, text := range []string{
		`{}`, `null`, ``, ` {"k":"event"}`, `{"k":"event"} `, `{"K":"event","k":"x"}`, `{"k":null,"n":null,"e":null}`, `{"k":"event","new":1}`,
		`{"e":{"type":"a","properties":{"a":1}},"e":{"time":5,"properties":{"b":2}}}`, `{"e":{"object":{"id":"1"},"object":{"title":"t"}}}`,
		`{"e":{"properties":{"a":1},"properties":{"b":2},"tags":["x"],"tags":[]}}`, `{"e":{"time":"2026-02-30T00:00:00.000Z"}}`,
		`{"e":{"time":"2026-03-02T10:00:00+08:00"}}`, `{"e":{"time":1700000000000}}`, `{"n":01}`, `{"n":1.0}`, `{"n":1e3}`, `{"e":{"amount":1.5}}`,
		`{"e":{"amount":""}}`, `{"own":["x"]}`, `{"own":[null]}`, `{"e":{"properties":{"a":{"b":1},"a":{"c":2}}}}`, `{"e":{"properties":null}}`,
		`{"e":{"time":"2026-03-02T24:00:00.000Z"}}`, `{"e":{"time":"0999-03-02T10:00:00.000Z"}}`, `{"repair":truefalse}`, `{"k":"a" }`, `{"k":"\u00e9\ud800"}`,
	} {
		sameAsJSON(t, []byte(text))
	}
}

// Times are written as the layout says.
func TestTimesAreWrittenByTheirLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := event.Time(rapid.OneOf(rapid.Int64Range(1, 4e12), rapid.Int64Range(-1e14, 3e14)).Filter(func(ms int64) bool { return ms != 0 }).Draw(t, "ms"))
		b, err := at.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, `"`+at.Std().Format("2006-01-02T15:04:05.000Z")+`"`, string(b))
	})
}
