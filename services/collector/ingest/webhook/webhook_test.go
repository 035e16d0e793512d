package webhook_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/webhook"
)

func input() envelope.Input {
	return envelope.Input{
		Source: "s", Received: 1_777_622_400_000,
		Limits: envelope.Limits{EventBytes: 32 << 10, BatchBytes: 500 << 10, BatchEvents: 100, Nesting: 32, EventID: 100},
	}
}

func mapping(t testing.TB, text string) *webhook.Mapping {
	t.Helper()
	var raw map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &raw))
	m, err := webhook.Compile(raw)
	require.NoError(t, err)
	return m
}

func TestTypeformAnswers(t *testing.T) {
	m := mapping(t, `{"form":"$.form_response.form_id","event_id":"$.event_id","time":"$.form_response.submitted_at","user_id":"$.form_response.hidden.user_id",
		"identities":{"email":"$.form_response.answers[type=email].email"},"properties":{"size":"$.form_response.answers[field.ref=size].choice.label","first":"$.form_response.answers[0].text","last":"$.form_response.answers[-1].type","none":"$.form_response.answers[9].text"}}`)
	body := `{"event_id":"01F","event_type":"form_response","form_response":{"form_id":"lT4Z3j","submitted_at":"2026-01-18T18:17:02Z","hidden":{"user_id":"abc123456"},
		"answers":[{"type":"text","text":"Job","field":{"ref":"q1"}},{"type":"choice","choice":{"label":"L"},"field":{"ref":"size"}},{"type":"email","email":"Lian@Example.com"}]}}`
	items, why := webhook.Read([]byte(body), m, input())
	require.Nil(t, why)
	e := items[0].Event
	require.NotNil(t, e, "%v", items[0].Refusal)
	require.Equal(t, []string{"form.submit", "01F", "2026-01-18T18:17:02.000Z", "lT4Z3j"}, []string{e.Type, e.EventID, e.Time.String(), e.Object.ID})
	require.Equal(t, []event.Identity{{Namespace: "email", Value: "lian@example.com"}, {Namespace: "user_id", Value: "abc123456"}}, e.Identities)
	require.Equal(t, event.Fields{"size": "L", "first": "Job", "last": "email", "form_id": "lT4Z3j"}, e.Properties)
}

func TestEveryMemberOfAListIsAnEvent(t *testing.T) {
	m := mapping(t, `{"each":"$.rows","type":"order.pay","user_id":"$.who","amount":"$.sum","store_id":"$$.shop","currency":{"const":"CNY"}}`)
	items, why := webhook.Read([]byte(`{"shop":"s1","rows":[{"who":"a","sum":"1.50"},{"who":"b","sum":2},{"sum":3}]}`), m, input())
	require.Nil(t, why)
	require.Len(t, items, 3)
	require.Equal(t, []string{"a", "1.50", "s1", "CNY"}, []string{items[0].Event.Primary().Value, items[0].Event.Amount.String(), items[0].Event.StoreID, items[0].Event.Currency})
	require.Equal(t, "2", items[1].Event.Amount.String())
	require.Equal(t, "no_identity", string(items[2].Refusal.Reason))
	_, why = webhook.Read([]byte(`{"rows":1}`), m, input())
	require.Equal(t, "bad_mapping", string(why.Reason))
}

func TestWhatNobodyMappedIsKept(t *testing.T) {
	m := mapping(t, `{"type":"x.y","user_id":"$.u","properties.n":7}`)
	items, why := webhook.Read([]byte(`{"u":"a","b":{"c":1}}`), m, input())
	require.Nil(t, why)
	require.Equal(t, event.Fields{"n": json.Number("7")}, items[0].Event.Properties)
	m = mapping(t, `{"type":"x.y","user_id":"$.u"}`)
	items, why = webhook.Read([]byte(`{"u":"a","b":{"c":1}}`), m, input())
	require.Nil(t, why)
	require.Contains(t, items[0].Event.Properties, "b")
}

func TestMappingsThatCannotWork(t *testing.T) {
	for name, raw := range map[string]map[string]any{
		"unknown field": {"colour": "$.a"}, "a path of nothing": {"type": "$."}, "an open bracket": {"type": "$.a[0"}, "an open template": {"type": "{{$.a"},
		"members of a text": {"type.x": "$.a"}, "an empty object": {"staff_id": map[string]any{}}, "text before a path": {"type": "$a"}, "each of no path": {"each": "rows"},
		"a path in a template": {"text": "{{a.b}}"}, "a list of nothing good": {"text": []any{"$..a"}},
	} {
		_, err := webhook.Compile(raw)
		require.Error(t, err, name)
	}
	none, err := webhook.Compile(nil)
	require.NoError(t, err)
	require.Nil(t, none)
}

func FuzzRead(f *testing.F) {
	for _, m := range []string{`{}`, `{"type":"x","user_id":"$.a"}`, `{"each":"$.l","type":"$$.t","user_id":"{{$.a}}-{{$.b}}","traits":"$"}`, `{"form":"$.f","identities":"$.ids","properties":{"a.b":["$.x",{"path":"$.y","map":{"1":2}}]}}`, `{"identities.phone":"$.p","identities":"$.q","object":"$.o"}`} {
		for _, b := range []string{`{"a":1}`, `{"l":[{"a":"u"}],"t":"x.y"}`, `[{"type":"x","user_id":"u"}]`, `{"events":[]}`, `{"f":"1","ids":["phone:1"],"p":"138","q":{},"o":[]}`, `"x"`, ``} {
			f.Add([]byte(m), []byte(b))
		}
	}
	f.Fuzz(func(t *testing.T, def, body []byte) {
		var raw map[string]any
		if json.Unmarshal(def, &raw) != nil {
			return
		}
		m, err := webhook.Compile(raw)
		if err != nil {
			return
		}
		items, why := webhook.Read(body, m, input())
		if why != nil {
			return
		}
		for _, it := range items {
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
