package segment_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/segment"
)

func limits() envelope.Limits {
	return envelope.Limits{EventBytes: 32 << 10, BatchBytes: 500 << 10, BatchEvents: 2500, Nesting: 32, EventID: 100}
}

func items(t testing.TB, call segment.Call, body string) []envelope.Item {
	t.Helper()
	names, err := schemas.LoadAliases()
	require.NoError(t, err)
	r, why := segment.Read([]byte(body), call, limits())
	require.Nil(t, why, "%v", why)
	return r.Items(envelope.Input{Source: "s", Received: 1_777_622_400_000, Limits: limits()}, names)
}

func one(t testing.TB, call segment.Call, body string) *event.Event {
	t.Helper()
	got := items(t, call, body)
	require.Len(t, got, 1)
	require.Nil(t, got[0].Refusal, "%v", got[0].Refusal)
	return got[0].Event
}

func TestTheBatchsContextLiesUnderTheEvents(t *testing.T) {
	e := one(t, segment.Batch, `{"context":{"ip":"1.1.1.1","traits":{"city":"上海"}},"sentAt":"2026-05-01T08:00:00Z","batch":[{"type":"track","event":"x","userId":"u","context":{"ip":"2.2.2.2","locale":"zh"}}]}`)
	require.Equal(t, event.Fields{"ip": "2.2.2.2", "locale": "zh"}, e.Context)
	require.Equal(t, event.Fields{"city": "上海"}, e.Traits)
	require.Equal(t, "2026-05-01T08:00:00.000Z", e.SentAt.String())
}

func TestIDsOfEventsWithoutOne(t *testing.T) {
	body := `{"type":"track","event":"x","userId":"u","properties":{"a":1}}`
	first := one(t, segment.Batch, `{"sentAt":"2026-05-01T08:00:00Z","batch":[`+body+`]}`)
	require.NotEmpty(t, first.EventID)
	retry := one(t, segment.Batch, `{"batch":[`+body+`],"sentAt":"2026-05-01T08:59:59Z","context":{"ip":"1.1.1.1"}}`)
	require.Equal(t, first.EventID, retry.EventID, "the batch's envelope does not count")
	alone := one(t, segment.Track, strings.Replace(body, `{`, `{"sentAt":"2026-05-01T09:00:00Z","writeKey":"k",`, 1))
	require.Equal(t, first.EventID, alone.EventID)
	other := one(t, segment.Track, strings.Replace(body, `"a":1`, `"a":2`, 1))
	require.NotEqual(t, first.EventID, other.EventID)
}

func TestMappingOfCalls(t *testing.T) {
	page := one(t, segment.Page, `{"anonymousId":"a","name":"Home","category":"c","properties":{"url":"https://x.cn/","title":"首页"}}`)
	require.Equal(t, event.Object{Type: "page", ID: "https://x.cn/", Title: "首页", Category: "c"}, *page.Object)
	require.Equal(t, "Home", page.Properties["name"])
	identify := one(t, segment.Identify, `{"userId":12,"traits":{"email":"a@b.cn"}}`)
	require.Equal(t, "user_id:12", identify.Primary().String())
	require.Equal(t, "a@b.cn", identify.Traits["email"])
	group := one(t, segment.Group, `{"userId":"u","groupId":"g","traits":{"name":"Acme","employees":9}}`)
	require.Equal(t, event.Object{Type: "group", ID: "g", Title: "Acme"}, *group.Object)
	require.Empty(t, group.Traits, "a group's traits are not the customer's")
	alias := one(t, segment.Alias, `{"userId":"u","previousId":"before"}`)
	require.Equal(t, []event.Identity{{Namespace: "user_id", Value: "u"}, {Namespace: "anonymous_id", Value: "before"}}, alias.Identities)
	chat := one(t, segment.Track, `{"userId":"u","event":"Live Chat Message Sent","properties":{"agent_id":"zhang","message_body":"多少钱"}}`)
	require.Equal(t, []string{"chat.message", "customer", "zhang", "多少钱"}, []string{chat.Type, chat.From, chat.StaffID, chat.Text})
	require.NotContains(t, chat.Properties, "message_body")
	product := one(t, segment.Track, `{"userId":"u","event":"Product Viewed","properties":{"product_id":"k","name":"茶具","brand":"B","category":"C","price":19.90}}`)
	require.Equal(t, []string{"page.view", "product", "k", "茶具", "B", "C", "19.90"}, []string{
		product.Type, product.Object.Type, product.Object.ID, product.Object.Title, product.Object.Brand, product.Object.Category, product.Object.Price.String(),
	})
	linked := one(t, segment.Track, `{"userId":"u","event":"x","identities":["wecom.ww1:wmA"],"context":{"externalIds":[{"type":"unionid","id":"U","collection":"users"},{"type":"","id":"half"}]}}`)
	require.Len(t, linked.Identities, 3)
	revenue := one(t, segment.Track, `{"userId":"u","event":"My Event","properties":{"total":"all of them","revenue":null,"from":"newsletter"}}`)
	require.Nil(t, revenue.Amount, "other people's names are not judged")
	require.Empty(t, revenue.From)
}

func FuzzBatch(f *testing.F) {
	names, err := schemas.LoadAliases()
	require.NoError(f, err)
	for _, s := range []string{
		`{"batch":[{"type":"track","userId":"u","event":"x","messageId":"1","timestamp":"2026-05-01T00:00:00Z"}],"sentAt":"2026-05-01T00:00:00Z"}`,
		`{"batch":[{"type":"identify","anonymousId":"a","traits":{"a":1}},{"type":"page"},{"type":"alias","userId":"u","previousId":1}]}`,
		`{"userId":"u","event":"Order Completed","properties":{"revenue":1e3,"products":[]}}`, `{"batch":[null,1,"x",[],{}],"context":null}`,
		`{"batch":[{"type":"group","groupId":"g","userId":"u","context":{"externalIds":[1,{"id":{}}]}}]}`, `{"batch":1}`, `[[[`, `{"writeKey":[]}`,
	} {
		f.Add([]byte(s), "batch")
		f.Add([]byte(s), "track")
	}
	f.Fuzz(func(t *testing.T, body []byte, call string) {
		r, why := segment.Read(body, segment.Call(call), limits())
		if why != nil {
			return
		}
		got := r.Items(envelope.Input{Source: "s", Received: 1_777_622_400_000, Limits: limits()}, names)
		if len(got) != r.Len() {
			t.Fatalf("%d verdicts for %d events", len(got), r.Len())
		}
		for _, it := range got {
			if (it.Event == nil) == (it.Refusal == nil) {
				t.Fatalf("neither or both: %+v", it)
			}
			if it.Event == nil {
				continue
			}
			b, err := it.Event.Encode()
			require.NoError(t, err)
			_, err = event.Decode(b)
			require.NoError(t, err, "a reader can read it back")
		}
	})
}
