package cloudevents_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/cloudevents"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

func input() envelope.Input {
	return envelope.Input{
		Source: "s", Received: 1_777_622_400_000,
		Limits: envelope.Limits{EventBytes: 32 << 10, BatchBytes: 500 << 10, BatchEvents: 3, Nesting: 32, EventID: 100},
	}
}

func TestWhoAndWhat(t *testing.T) {
	for name, c := range map[string]struct{ body, identity, reason string }{
		"subject is a user":        {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","subject":"u1"}`, "user_id:u1", ""},
		"subject is an identity":   {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","subject":"phone:138 1234 5678"}`, "phone:13812345678", ""},
		"the data names it":        {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","subject":"order-9","data":{"anonymous_id":"a"}}`, "anonymous_id:a", ""},
		"data within a text":       {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","data":"{\"user_id\":\"u\"}"}`, "user_id:u", ""},
		"data in base64":           {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","data_base64":"eyJ1c2VyX2lkIjoidSJ9"}`, "user_id:u", ""},
		"nobody":                   {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y"}`, "", "no_identity"},
		"no id":                    {`{"specversion":"1.0","source":"/a","type":"x.y","subject":"u"}`, "", "missing_field"},
		"a number for an id":       {`{"specversion":"1.0","id":1,"source":"/a","type":"x.y","subject":"u"}`, "", "missing_field"},
		"no version":               {`{"id":"1","source":"/a","type":"x.y","subject":"u"}`, "", "missing_field"},
		"a bad time":               {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","subject":"u","time":"noon"}`, "", "bad_time"},
		"properties of no object":  {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","subject":"u","data":{"properties":1}}`, "", "wrong_type"},
		"data that is no object":   {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","subject":"u","data":[1]}`, "", "wrong_type"},
		"data that is not base 64": {`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","subject":"u","data_base64":"%"}`, "", "wrong_type"},
	} {
		got, batch, why := cloudevents.Read(http.Header{"Content-Type": {"application/cloudevents+json"}}, []byte(c.body), input())
		require.Nil(t, why, name)
		require.False(t, batch, name)
		require.Len(t, got, 1)
		if c.reason != "" {
			require.NotNil(t, got[0].Refusal, name)
			require.Equal(t, c.reason, string(got[0].Refusal.Reason), name)
			continue
		}
		require.Nil(t, got[0].Refusal, "%s: %v", name, got[0].Refusal)
		require.Equal(t, c.identity, got[0].Event.Primary().String(), name)
		require.Equal(t, "1", got[0].Event.EventID)
	}
}

func TestBatches(t *testing.T) {
	h := http.Header{"Content-Type": {"application/cloudevents-batch+json"}}
	for body, reason := range map[string]string{`[1,2,3,4]`: "too_many_events", `{}`: "wrong_type", `[`: "malformed_json"} {
		_, _, why := cloudevents.Read(h, []byte(body), input())
		require.NotNil(t, why, body)
		require.Equal(t, reason, string(why.Reason))
	}
	got, batch, why := cloudevents.Read(h, []byte(`[]`), input())
	require.Nil(t, why)
	require.True(t, batch)
	require.Empty(t, got)
}

func TestBinaryHeadersArePercentEncoded(t *testing.T) {
	h := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/a"}, "Ce-Type": {"x.y"}, "Ce-Subject": {"%E5%BC%A0"}, "Content-Type": {"text/csv"}}
	got, _, _ := cloudevents.Read(h, nil, input())
	require.Nil(t, got[0].Refusal)
	require.Equal(t, "user_id:张", got[0].Event.Primary().String())
	got, _, _ = cloudevents.Read(h, []byte("a,b"), input())
	require.Equal(t, "wrong_type", string(got[0].Refusal.Reason), "data that is not JSON")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/a","type":"x.y","subject":"u","data":{"amount":1}}`), "application/cloudevents+json", "")
	f.Add([]byte(`[{"specversion":"1.0"}]`), "application/cloudevents-batch+json", "")
	f.Add([]byte(`{"user_id":"u"}`), "application/json", "1.0")
	f.Add([]byte(`{"data_base64":"e30="}`), "", "")
	f.Fuzz(func(t *testing.T, body []byte, contentType, version string) {
		h := http.Header{"Content-Type": {contentType}, "Ce-Id": {"1"}, "Ce-Source": {"/x"}, "Ce-Type": {"t"}}
		if version != "" {
			h.Set("Ce-Specversion", version)
		}
		got, _, why := cloudevents.Read(h, body, input())
		if why != nil {
			return
		}
		for _, it := range got {
			if (it.Event == nil) == (it.Refusal == nil) {
				t.Fatal("neither or both")
			}
			if it.Event != nil {
				b, err := it.Event.Encode()
				require.NoError(t, err)
				_, err = event.Decode(b)
				require.NoError(t, err)
			}
		}
	})
}
