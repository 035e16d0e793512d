package wecom_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

const received = event.Time(1403610600000)

func read(t *testing.T, xml string) []*event.Event {
	t.Helper()
	events, err := wecom.Source{ID: "shop1", CorpID: "ww1"}.Events([]byte(xml), received)
	require.NoError(t, err)
	return events
}

func callback(inner string) string {
	return `<xml><ToUserName><![CDATA[toUser]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName><CreateTime>1403610513</CreateTime><MsgType><![CDATA[event]]></MsgType>` + inner + `</xml>`
}

func change(kind, change, rest string) string {
	return callback(`<Event><![CDATA[` + kind + `]]></Event><ChangeType><![CDATA[` + change + `]]></ChangeType>` + rest)
}

const people = `<UserID><![CDATA[zhangsan]]></UserID><ExternalUserID><![CDATA[woAJ2GCAAAXtWyujaWJHDDGi0mAAAA]]></ExternalUserID>`

func TestContactAdded(t *testing.T) {
	xml := change("change_external_contact", "add_external_contact", people+`<State><![CDATA[teststate]]></State><WelcomeCode><![CDATA[WELCOMECODE]]></WelcomeCode>`)
	events := read(t, xml)
	require.Len(t, events, 1)
	e := events[0]
	require.Equal(t, "contact.add", e.Type)
	require.Equal(t, "shop1", e.Source)
	require.Equal(t, "wecom.ww1:woAJ2GCAAAXtWyujaWJHDDGi0mAAAA", e.Primary().String())
	require.Equal(t, "zhangsan", e.StaffID)
	require.Equal(t, event.Time(1403610513000), e.Time)
	require.Equal(t, "teststate", e.Properties.String("state"))
	require.NotContains(t, e.Properties, "welcome_code", "a short-lived secret")
	require.Len(t, e.EventID, 64)
	require.Equal(t, e.EventID, read(t, xml)[0].EventID, "sent again it is the same event")
	require.NotEqual(t, e.EventID, read(t, strings.Replace(xml, "zhangsan", "lisi", 1))[0].EventID, "another event of the same second")
}

// The same customer id, staff id and second of two companies are two customers and
// two events (docs/traps.md).
func TestDefectTheCompanyIsInEveryKey(t *testing.T) {
	xml := change("change_external_contact", "add_external_contact", people)
	of := func(corp string) *event.Event {
		events, err := wecom.Source{ID: "shop1", CorpID: corp}.Events([]byte(xml), received)
		require.NoError(t, err)
		require.Len(t, events, 1)
		return events[0]
	}
	one, other := of("ww1"), of("ww2")
	require.Equal(t, "wecom.ww1:woAJ2GCAAAXtWyujaWJHDDGi0mAAAA", one.Primary().String())
	require.Equal(t, "wecom.ww2:woAJ2GCAAAXtWyujaWJHDDGi0mAAAA", other.Primary().String())
	require.NotEqual(t, one.EventID, other.EventID)
}

func TestEveryChangeHasItsType(t *testing.T) {
	for _, c := range []struct{ kind, change, rest, typ, from string }{
		{"change_external_contact", "edit_external_contact", people, "contact.edit", ""},
		{"change_external_contact", "add_half_external_contact", people, "contact.add_half", "customer"},
		{"change_external_contact", "del_external_contact", people + `<Source>DELETE_BY_TRANSFER</Source>`, "contact.delete_by_staff", "staff"},
		{"change_external_contact", "del_follow_user", people, "contact.delete_by_customer", "customer"},
		{"change_external_contact", "transfer_fail", people + `<FailReason>customer_refused</FailReason>`, "contact.transfer_fail", ""},
		{"change_external_contact", "msg_audit_approved", people, "contact.consent", ""},
		{"change_external_contact", "something_new", people, "wecom.unknown", ""},
		{"change_external_chat", "create", `<ChatId>wr1</ChatId>`, "group.create", ""},
		{"change_external_chat", "dismiss", `<ChatId>wr1</ChatId>`, "group.dismiss", ""},
		{"change_external_tag", "create", `<Id>TAG_ID</Id><TagType>tag</TagType><StrategyId>1</StrategyId>`, "taglib.change", ""},
		{"change_external_tag", "shuffle", `<Id></Id>`, "taglib.change", ""},
		{"customer_acquisition", "open_profile", people + `<LinkId>l1</LinkId><State>ch_7</State>`, "link.open", "customer"},
		{"customer_acquisition", "balance_low", ``, "wecom.unknown", ""},
		{"brand_new_event", "", ``, "wecom.unknown", ""},
	} {
		events := read(t, change(c.kind, c.change, c.rest))
		require.Len(t, events, 1)
		e := events[0]
		require.Equal(t, c.typ, e.Type, c.change)
		require.Equal(t, c.from, e.From, c.change)
		require.NotEmpty(t, e.Identities, c.change)
		if c.rest == people {
			require.Equal(t, "wecom.ww1", e.Primary().Namespace, c.change)
		}
		if c.typ == "wecom.unknown" {
			require.Equal(t, c.kind, e.Properties.String("event"))
			require.Equal(t, c.change, e.Properties.String("change_type"))
		}
		if !strings.Contains(c.rest, "External") {
			require.False(t, e.Primary().Known(), "what concerns nobody makes no known profile")
		}
	}
	require.Equal(t, "wecom.notify", read(t, callback(`<Event>msgaudit_notify</Event><AgentID>2000004</AgentID>`))[0].Type)
	require.Equal(t, "wecom.notify", read(t, callback(`<Event>kf_msg_or_event</Event><Token>T</Token><OpenKfId>wk1</OpenKfId>`))[0].Type)
}

func TestGroupMembers(t *testing.T) {
	update := func(detail, members string) []*event.Event {
		return read(t, change("change_external_chat", "update", `<ChatId><![CDATA[wrx7HUARsKwGRaQBVKPBTcEyzdHA4HrQ]]></ChatId><UpdateDetail><![CDATA[`+detail+
			`]]></UpdateDetail><JoinScene>1</JoinScene><QuitScene>0</QuitScene><MemChangeCnt>10</MemChangeCnt>`+members+`<LastMemVer>9c3f</LastMemVer>`))
	}
	for name, members := range map[string]string{
		"items":            `<MemChangeList><Item>Jack</Item><Item>wmAAA</Item><Item><![CDATA[woBBB]]></Item></MemChangeList>`,
		"a text of commas": `<MemChangeList><![CDATA[Jack,wmAAA,woBBB]]></MemChangeList>`,
		"one twice":        `<MemChangeList><Item>wmAAA</Item><Item>woBBB</Item><Item>wmAAA</Item></MemChangeList>`,
	} {
		events := update("add_member", members)
		require.Len(t, events, 2, name)
		require.Equal(t, "wecom.ww1:wmAAA", events[0].Primary().String())
		require.Equal(t, "wecom.ww1:woBBB", events[1].Primary().String())
		require.NotEqual(t, events[0].EventID, events[1].EventID)
		for _, e := range events {
			require.Equal(t, "group.join", e.Type)
			require.Equal(t, "wrx7HUARsKwGRaQBVKPBTcEyzdHA4HrQ", e.Object.ID)
			require.Equal(t, "1", e.Properties.String("join_scene"))
			require.NotContains(t, e.Properties, "mem_change_list", "other members are no business of this one")
		}
	}
	require.Equal(t, "group.leave", update("del_member", `<MemChangeList><Item>wmAAA</Item></MemChangeList>`)[0].Type)
	// The official sample names two members of staff and a count of ten.
	official := update("add_member", `<MemChangeList><Item>Jack</Item><Item>Rose</Item></MemChangeList>`)
	require.Len(t, official, 1)
	require.Equal(t, "group.update", official[0].Type)
	require.Equal(t, map[string]any{"item": []any{"Jack", "Rose"}}, official[0].Properties["mem_change_list"])
	for _, none := range [][]*event.Event{update("add_member", ""), update("change_name", ""), update("change_owner", `<MemChangeList><Item>wmAAA</Item></MemChangeList>`)} {
		require.Len(t, none, 1)
		require.Equal(t, "group.update", none[0].Type)
		require.Equal(t, "anonymous_id:wecom/ww1/group/wrx7HUARsKwGRaQBVKPBTcEyzdHA4HrQ", none[0].Primary().String())
	}
}

func TestSuiteEnvelope(t *testing.T) {
	e := read(t, `<xml><SuiteId><![CDATA[ww4asffe99e54c0f4c]]></SuiteId><AuthCorpId><![CDATA[wxf8b4f85f3a794e77]]></AuthCorpId><InfoType><![CDATA[change_external_contact]]></InfoType><TimeStamp>1403610513</TimeStamp><ChangeType><![CDATA[add_external_contact]]></ChangeType>`+people+`<State><![CDATA[teststate]]></State></xml>`)[0]
	require.Equal(t, "contact.add", e.Type)
	require.Equal(t, "wecom.wxf8b4f85f3a794e77", e.Primary().Namespace)
	require.Equal(t, event.Time(1403610513000), e.Time)
}

func TestMessageToTheApp(t *testing.T) {
	c, err := wecom.NewCrypt(sampleToken, sampleKey, sampleCorp)
	require.NoError(t, err)
	xml, err := c.Open(wecom.Signed{Signature: "477715d11cdb4164915debcba66cb864d751f3e6", Timestamp: "1409659813", Nonce: "1372623149"}, samplePost)
	require.NoError(t, err)
	events, err := wecom.Source{ID: "s", CorpID: sampleCorp}.Events(xml, event.Time(1409659900000))
	require.NoError(t, err)
	e := events[0]
	require.Equal(t, "wecom.message", e.Type, "from staff, not a customer's chat")
	require.Equal(t, "4561255354251345929", e.EventID)
	require.Equal(t, []string{"mycreate", "hello", "staff"}, []string{e.StaffID, e.Text, e.From})
}

func TestTimesWithoutSenseCostNothing(t *testing.T) {
	for _, stamp := range []string{"", "<CreateTime>soon</CreateTime>", "<CreateTime>-5</CreateTime>", "<CreateTime>99999999999999</CreateTime>", "<CreateTime>1</CreateTime>"} {
		e := read(t, `<xml>`+stamp+`<Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType>`+people+`</xml>`)[0]
		require.Equal(t, received, e.Time, stamp)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(change("change_external_contact", "add_external_contact", people)))
	f.Add([]byte(change("change_external_chat", "update", `<UpdateDetail>add_member</UpdateDetail><MemChangeList><Item>wmA</Item></MemChangeList>`)))
	f.Add([]byte(`<xml><SuiteId>s</SuiteId><InfoType>x</InfoType></xml>`))
	f.Add([]byte(`<xml><a><b><c/></b></a>`))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>`))
	f.Add([]byte(`<xml>` + strings.Repeat("<a>", 100)))
	f.Add([]byte("\xff\xfe<xml/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := wecom.Source{ID: "s", CorpID: "c"}.Events(b, received)
		if err != nil {
			return
		}
		if len(events) == 0 {
			t.Fatal("an event was dropped")
		}
		for _, e := range events {
			if e.EventID == "" || e.Type == "" || len(e.Identities) == 0 {
				t.Fatalf("unaddressed: %+v", e)
			}
			out, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := event.Decode(out); err != nil {
				t.Fatal(err)
			}
		}
	})
}
