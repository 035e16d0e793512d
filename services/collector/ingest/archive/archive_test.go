package archive_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/archive"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

func input() archive.Input {
	return archive.Input{
		Input:  envelope.Input{Source: "talk", Received: 1700000000000, Limits: envelope.Limits{Nesting: 32, EventID: 100, EventBytes: 32 << 10}},
		CorpID: "ww1", External: wecom.External,
	}
}

func read(t testing.TB, body []byte) (items []envelope.Item, ignored int) {
	t.Helper()
	ignored, err := archive.Read(body, input(), func(more []envelope.Item) error {
		items = append(items, more...)
		return nil
	})
	require.NoError(t, err)
	return items, ignored
}

func sample(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/messages.jsonl")
	require.NoError(t, err)
	return b
}

func TestEveryMessage(t *testing.T) {
	items, ignored := read(t, sample(t))
	require.Equal(t, 1, ignored, "staff among themselves")
	by := map[string][]*event.Event{}
	var refused []envelope.Item
	for _, it := range items {
		if it.Event == nil {
			refused = append(refused, it)
			continue
		}
		by[it.Event.Type] = append(by[it.Event.Type], it.Event)
	}
	require.Len(t, refused, 1)
	require.Contains(t, string(refused[0].Raw), "m_cut")
	find := func(typ, id string) *event.Event {
		for _, e := range by[typ] {
			if e.EventID == id {
				return e
			}
		}
		t.Fatalf("no %s %s", typ, id)
		return nil
	}
	text := find("chat.message", "m_text_external")
	require.Equal(t, []string{"customer", "other", "多少钱", "chat"}, []string{text.From, text.StaffID, text.Text, text.Touchpoint})
	require.Equal(t, []any{"other", "zhang"}, text.Properties["staff_ids"], "any receiver counts, not the first alone")
	require.Equal(t, "wecom.ww1:wmA", text.Primary().String())
	require.Equal(t, event.Time(1547087894783), text.Time)
	staff := find("chat.message", "m_staff")
	require.Equal(t, []string{"staff", "zhang", "您好", "wecom.ww1:wmA"}, []string{staff.From, staff.StaffID, staff.Text, staff.Primary().String()})
	var room []string
	for _, e := range by["chat.message"] {
		if e.Properties["roomid"] == "wrR" && e.Text == "# 活动" {
			room = append(room, e.Primary().String())
			require.Equal(t, event.Object{Type: "group", ID: "wrR"}, *e.Object)
		}
	}
	require.Equal(t, []string{"wecom.ww1:wmA", "wecom.ww1:wmB"}, room, "each customer of the room")
	require.Equal(t, "报价\n\n发我", find("chat.message", "m_mixed").Text)
	require.Equal(t, "test", find("chat.message", "m_record").Text)
	packet := find("chat.message", "m_redpacket")
	require.Equal(t, "3000", envelope.ScalarText(packet.Properties["totalamount"]))
	require.Nil(t, packet.Amount, "no revenue")
	require.Equal(t, "测试", find("chat.message", "m_doc").Properties["title"])
	require.NotEmpty(t, find("chat.message", "m_news").Properties["item"])
	require.Equal(t, "m_text_external", find("chat.recall", "m_revoke").Object.ID)
	require.Equal(t, true, find("contact.consent", "m_agree").Properties["agreed"])
	require.Equal(t, false, find("contact.consent", "m_disagree").Properties["agreed"])
	require.Equal(t, "grb8a4c48a3c094a70982c518d55e40557", find("call.start", "m_meeting").Properties["voiceid"])
	require.Equal(t, "11101571002822706744", find("chat.message", "m_invite").Properties["meetingid"], "more than 64 bits hold")
	require.Equal(t, "10", envelope.ScalarText(find("call.start", "m_voip").Properties["callduration"]))
	require.Equal(t, "报名", find("chat.message", "m_collect").Object.Title)
	require.Equal(t, "报价.xlsx", find("chat.message", "m_disk").Object.Title)
	require.NotContains(t, find("chat.message", "m_file").Properties, "sdkfileid")
	require.Equal(t, "邀请", find("chat.message", "m_link").Object.Title)
	require.Equal(t, "XuJinSheng", find("wecom.switch", "m_switch").StaffID)
	require.Equal(t, "第一行\n第二行\t后", find("chat.message", "m_dirty").Text)
	require.Equal(t, []string{"customer", "li", "在吗"}, []string{find("chat.message", "kf_text").From, find("chat.message", "kf_text").StaffID, find("chat.message", "kf_text").Text})
	require.Len(t, by["chat.start"], 1)
	require.Equal(t, "wecom.ww1:wmK", by["chat.start"][0].Primary().String())
	require.NotContains(t, find("kf.enter", "kf_enter").Properties, "welcome_code")
	require.Equal(t, "li", find("kf.session", "kf_status").StaffID)
}

func TestShapesOfBodies(t *testing.T) {
	one := `{"msgid":"a","action":"send","from":"wmA","tolist":["z"],"msgtime":1547087894783,"msgtype":"text","text":{"content":"x"}}`
	for name, c := range map[string]struct {
		body    string
		ok, bad int
	}{
		"one object":       {one, 1, 0},
		"lines":            {one + "\n" + one + "\r\n", 2, 0},
		"an array":         {"[" + one + ",\n" + one + "]", 2, 0},
		"a pretty array":   {"[\n  " + strings.ReplaceAll(one, ",", ",\n    ") + "\n]", 1, 0},
		"a byte order":     {"\ufeff" + one, 1, 0},
		"nothing":          {" \n", 0, 0},
		"garbage between":  {one + "\ngarbage\n" + one, 2, 1},
		"a wrong time":     {strings.Replace(one, "1547087894783", `"noon"`, 1), 0, 1},
		"cut in the midst": {one[:60] + "\n" + one, 1, 1},
	} {
		items, _ := read(t, []byte(c.body))
		ok, bad := 0, 0
		for _, it := range items {
			if it.Refusal == nil {
				ok++
			} else {
				bad++
			}
		}
		require.Equal(t, []int{c.ok, c.bad}, []int{ok, bad}, name)
	}
}

func FuzzRead(f *testing.F) {
	for line := range bytes.SplitSeq(sample(f), []byte("\n{")) {
		f.Add(append([]byte("{"), line...))
	}
	f.Add([]byte(`[[[[{"a":[[[`))
	f.Add([]byte("{\"msgid\":\"\x01\x02\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		items, _ := read(t, body)
		for _, it := range items {
			if it.Refusal != nil {
				continue
			}
			b, err := it.Event.Encode()
			require.NoError(t, err)
			back, err := event.Decode(b)
			require.NoError(t, err)
			require.NotEmpty(t, back.EventID)
			require.NotEmpty(t, back.Identities)
			require.LessOrEqual(t, back.Time, back.ReceivedAt)
		}
	})
}
