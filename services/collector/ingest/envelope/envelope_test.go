package envelope_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

func at(s string) event.Time {
	if s == "" {
		return 0
	}
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err) // a mistake in the table
	}
	return event.At(v)
}

func TestTimesAreSettled(t *testing.T) {
	const got = "2026-05-01T12:00:00Z"
	for _, c := range []struct{ name, client, sent, want, original, reason string }{
		{"no stamp", "", "", got, "", ""},
		{"no stamp, but sent", "", "2026-05-01T11:00:00Z", got, "", ""},
		{"a right clock", "2026-05-01T11:59:50Z", "2026-05-01T11:59:59Z", "2026-05-01T11:59:50Z", "", ""},
		{"a right clock, kept offline for a day", "2026-04-30T12:00:00Z", "2026-05-01T11:59:59Z", "2026-04-30T12:00:00Z", "", ""},
		{"59 s slow counts as right", "2026-05-01T11:58:00Z", "2026-05-01T11:59:01Z", "2026-05-01T11:58:00Z", "", ""},
		{"60 s slow counts as right", "2026-05-01T11:58:00Z", "2026-05-01T11:59:00Z", "2026-05-01T11:58:00Z", "", ""},
		{"an hour slow", "2026-05-01T10:59:50Z", "2026-05-01T11:00:00Z", "2026-05-01T11:59:50Z", "2026-05-01T10:59:50Z", ""},
		{"an hour fast", "2026-05-01T12:59:50Z", "2026-05-01T13:00:00Z", "2026-05-01T11:59:50Z", "2026-05-01T12:59:50Z", ""},
		{"fast, not sent after", "2026-05-01T13:00:01Z", "2026-05-01T13:00:00Z", got, "2026-05-01T13:00:01Z", ""},
		{"fast, without sentAt", "2026-05-01T13:00:00Z", "", got, "2026-05-01T13:00:00Z", ""},
		{"slow, without sentAt", "2026-05-01T11:00:00Z", "", "2026-05-01T11:00:00Z", "", ""},
		{"over a month's end", "2026-04-30T23:59:59Z", "2026-05-01T00:00:09Z", "2026-05-01T11:59:50Z", "2026-04-30T23:59:59Z", ""},
		{"the year 2099", "2099-01-01T00:00:00Z", "", got, "2099-01-01T00:00:00Z", ""},
		{"a clock of 1970 that says so in sentAt", "1970-01-01T00:10:00Z", "1970-01-01T00:10:10Z", "2026-05-01T11:59:50Z", "1970-01-01T00:10:00Z", ""},
		{"a stamp of 1970", "1970-01-02T00:00:00Z", "2026-05-01T12:00:00Z", "", "", "bad_time"},
		{"a stamp of 1989", "1989-12-31T23:59:59Z", "", "", "", "bad_time"},
		{"the first that is taken", "1990-01-01T00:00:00Z", "", "1990-01-01T00:00:00Z", "", ""},
	} {
		s := envelope.Stamps{Client: at(c.client), Sent: at(c.sent), Received: at(got)}
		time, original, why := s.Settle()
		if c.reason != "" {
			require.NotNil(t, why, c.name)
			require.Equal(t, c.reason, string(why.Reason), c.name)
			continue
		}
		require.Nil(t, why, c.name)
		require.Equal(t, at(c.want), time, c.name)
		require.Equal(t, at(c.original), original, c.name)
	}
}

func TestARetryHasTheSameTime(t *testing.T) {
	// A clock an hour fast; the SDK puts a new sentAt on each try.
	base := at("2026-05-01T12:00:00Z")
	for _, later := range []time.Duration{0, time.Second, 10 * time.Minute, 5 * time.Hour} {
		s := envelope.Stamps{Client: base.Add(time.Hour), Sent: base.Add(time.Hour + 5*time.Second + later), Received: base.Add(5*time.Second + later)}
		got, _, why := s.Settle()
		require.Nil(t, why)
		require.Equal(t, base, got)
	}
}

func TestTimesAsSent(t *testing.T) {
	for in, want := range map[string]string{
		`"2026-05-01T08:00:00Z"`: "2026-05-01T08:00:00.000Z", `"2026-05-01T16:00:00.5+08:00"`: "2026-05-01T08:00:00.500Z",
		`1777622400000`: "2026-05-01T08:00:00.000Z", `1777622400`: "2026-05-01T08:00:00.000Z", `1777622400.25`: "2026-05-01T08:00:00.250Z", `null`: "", `""`: "",
	} {
		obj, why := envelope.DecodeObject([]byte(`{"t":`+in+`}`), 32)
		require.Nil(t, why)
		got, why := envelope.ReadTime("t", obj["t"])
		require.Nil(t, why, in)
		require.Equal(t, want, got.String(), in)
	}
	for _, bad := range []string{`"noon"`, `true`, `{}`, `[]`, `1e300`, `99999999999999999`, `"2026-13-01T00:00:00Z"`} {
		obj, why := envelope.DecodeObject([]byte(`{"t":`+bad+`}`), 32)
		require.Nil(t, why, bad)
		_, why = envelope.ReadTime("t", obj["t"])
		require.NotNil(t, why, bad)
		require.Equal(t, "bad_time", string(why.Reason))
	}
}

func TestNumbersThatNoReaderHolds(t *testing.T) {
	obj, why := envelope.DecodeObject([]byte(`{"a":9007199254740993,"b":[11101571002822706744],"c":{"d":0.1},"e":9007199254740992,"f":-1}`), 32)
	require.Nil(t, why)
	require.Equal(t, "9007199254740993", obj["a"])
	require.Equal(t, []any{"11101571002822706744"}, obj["b"])
	require.Equal(t, json.Number("9007199254740992"), obj["e"])
	_, why = envelope.DecodeObject([]byte(`{"a":[{"b":1e400}]}`), 32)
	require.Equal(t, "wrong_type", string(why.Reason))
}

func TestNesting(t *testing.T) {
	nest := func(n int) []byte {
		return []byte(strings.Repeat(`{"a":`, n) + `"[[[[{{{{\"{{"` + strings.Repeat("}", n))
	}
	require.Equal(t, 32, envelope.Depth(nest(32)), "brackets within texts do not count")
	_, why := envelope.DecodeObject(nest(32), 32)
	require.Nil(t, why)
	_, why = envelope.DecodeObject(nest(33), 32)
	require.Equal(t, "too_deep", string(why.Reason))
}

func TestHashes(t *testing.T) {
	obj := func(s string) envelope.Object {
		o, why := envelope.DecodeObject([]byte(s), 32)
		require.Nil(t, why)
		return o
	}
	a := envelope.Hash("s", obj(`{"a":1,"b":{"x":2,"y":3},"sentAt":"now"}`), "sentAt")
	require.Equal(t, a, envelope.Hash("s", obj(`{"b":{"y":3,"x":2},"a":1,"sentAt":"later"}`), "sentAt"), "a retry")
	require.NotEqual(t, a, envelope.Hash("t", obj(`{"a":1,"b":{"x":2,"y":3}}`), "sentAt"), "another source")
	require.NotEqual(t, a, envelope.Hash("s", obj(`{"a":1,"b":{"x":2,"y":4}}`), "sentAt"))
}

func TestIdentitiesAsKept(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"phone", "+86 138-1234 5678"}: "phone:13812345678", {"phone", "008613812345678"}: "phone:13812345678", {"phone", "１３８12345678"}: "phone:13812345678",
		{"phone", "+1 (415) 555-0100"}: "phone:+14155550100", {"phone", "021-5555 1234"}: "phone:02155551234", {"email", " A.B@Shop.CN "}: "email:a.b@shop.cn",
		{"user_id", " u 1 "}: "user_id:u 1", {"openid.wx1", "oX"}: "openid.wx1:oX",
	} {
		id, ok, why := envelope.Identity(in[0], in[1])
		require.Nil(t, why)
		require.True(t, ok)
		require.Equal(t, want, id.String())
	}
	for _, none := range [][2]string{{"user_id", ""}, {"user_id", "  "}, {"phone", "none"}} {
		_, ok, why := envelope.Identity(none[0], none[1])
		require.Nil(t, why)
		require.False(t, ok, none)
	}
	for _, bad := range [][2]string{{"", "x"}, {"a b", "x"}, {"a:b", "x"}, {strings.Repeat("n", 65), "x"}, {"user_id", strings.Repeat("x", 257)}, {"user_id", "a\nb"}} {
		_, _, why := envelope.Identity(bad[0], bad[1])
		require.NotNil(t, why, bad)
	}
}

func TestMoney(t *testing.T) {
	for in, want := range map[string]string{`12.30`: "12.30", `"12.30"`: "12.30", `1e2`: "100", `-5`: "-5", `" 7 "`: "7", `0.1`: "0.1", `9007199254740993`: "9007199254740993"} {
		obj, why := envelope.DecodeObject([]byte(`{"m":`+in+`}`), 32)
		require.Nil(t, why)
		d, ok := envelope.Money(obj["m"])
		require.True(t, ok, in)
		require.Equal(t, want, d.String())
	}
	for _, bad := range []string{`"12,30"`, `"¥12"`, `true`, `{}`, `null`, `""`, `"NaN"`, `"123456789012345678901234567890"`} {
		obj, why := envelope.DecodeObject([]byte(`{"m":`+bad+`}`), 32)
		require.Nil(t, why)
		_, ok := envelope.Money(obj["m"])
		require.False(t, ok, bad)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{
		`{"type":"x.y","user_id":"u"}`, `{"type":"x","identities":["a:b"],"object":{"id":1},"amount":"1.5","time":1,"traits":{},"properties":{"a":[1e5]}}`,
		`{"type":1,"identities":{"phone":"138"}}`, `[]`, `{"a":`, `{"type":"x","user_id":"\ud800"}`, `{"type":"x","user_id":"u","time":-62135596800000}`,
	} {
		f.Add([]byte(s))
	}
	in := envelope.Input{Source: "s", Received: 1_777_622_400_000, Limits: envelope.Limits{Nesting: 32, EventID: 100, EventBytes: 32 << 10}}
	f.Fuzz(func(t *testing.T, b []byte) {
		obj, why := envelope.DecodeObject(b, 32)
		if why != nil {
			return
		}
		e, why := envelope.Canonical(obj, in)
		if why != nil {
			if why.Reason == "" || why.Detail == "" {
				t.Fatal("a refusal without a reason")
			}
			return
		}
		out, err := e.Encode()
		require.NoError(t, err)
		back, err := event.Decode(out)
		require.NoError(t, err)
		again, err := back.Encode()
		require.NoError(t, err)
		require.JSONEq(t, string(out), string(again))
	})
}
