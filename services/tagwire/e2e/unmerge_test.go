package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const familyRules = `measures:
  近7天打开次数: {count: link.open, within: 7d}
  订单数: {count: order.pay}
  净消费: {sum: order.pay, of: event.amount}
tags:
  高意向: {group: 意向, when: 近7天打开次数 >= 3}
  已下单: {group: 订单, when: 订单数 >= 1}
`

// family is two people who use one phone: who opens is met with a user_id, who pays
// with an openid.
type family struct {
	*product
	n int
}

const (
	opener = "user_id:fang"
	payer  = "openid.shop:li"
	phone  = "phone:13800001234"
)

func newFamily(t testing.TB) *family {
	t.Helper()
	f := &family{product: newProduct(t)}
	f.rules(familyRules)
	return f
}

// does sends what was done under some identities.
func (f *family) does(event string, properties map[string]any, identities ...string) {
	f.t.Helper()
	f.n++
	body, err := json.Marshal(map[string]any{
		"type": "track", "messageId": fmt.Sprint("m", f.n), "event": event, "properties": properties, "identities": identities,
		"timestamp": time.Now().UTC().Format(time.RFC3339Nano),
	})
	require.NoError(f.t, err)
	a := f.send("POST", "/v1/track", body, "Content-Type", "application/json", "Authorization", f.basic())
	require.Equal(f.t, http.StatusOK, a.code, "%s", a)
	require.Contains(f.t, string(a.body), `"accepted":1`)
}

// sheet is what these tests read of a customer.
type sheet struct {
	Profile    string   `json:"profile_id"`
	Identities []string `json:"identities"`
	Tags       []struct{ Tag string }
	Measures   map[string]any `json:"measures"`
	Parting    bool           `json:"parting"`
}

func (s sheet) held() (out []string) {
	for _, t := range s.Tags {
		out = append(out, t.Tag)
	}
	return out
}

// customer reads a customer; the zero sheet when there is none.
func (f *family) customer(id string) (s sheet) {
	a, err := f.try("GET", "/api/v1/profiles/"+url.PathEscape(id), nil, "Authorization", "Bearer "+f.at.AdminToken)
	if err != nil || a.code != http.StatusOK || json.Unmarshal(a.body, &s) != nil {
		return sheet{}
	}
	return s
}

// meet lets both do what they do, and then be taken for one.
func (f *family) meet() sheet {
	f.t.Helper()
	for range 3 {
		f.does("link.open", nil, opener, phone)
	}
	f.does("order.pay", map[string]any{"amount": 199.5}, payer, phone)
	require.Eventually(f.t, func() bool {
		return len(f.customer(opener).held()) == 2 && f.customer(payer).Profile == f.customer(opener).Profile
	}, historyIn, 50*time.Millisecond, "%s", later(func() string { return fmt.Sprintf("%+v %+v", f.customer(opener), f.customer(payer)) }))
	return f.customer(opener)
}

// parted waits until who opens and who pays have their pasts.
func (f *family) parted() (opens, pays sheet) {
	f.t.Helper()
	return f.apart(payer)
}

// apart waits until somebody has left who opens, and both have their pasts.
func (f *family) apart(who string) (opens, pays sheet) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		opens, pays = f.customer(opener), f.customer(who)
		return opens.Profile != "" && pays.Profile != "" && opens.Profile != pays.Profile && !opens.Parting && !pays.Parting
	}, historyIn, 50*time.Millisecond, "%s", later(func() string { return fmt.Sprintf("%+v %+v", opens, pays) }))
	return opens, pays
}

// events are the types in a customer's timeline, with their titles.
func (f *family) events(id string) (out []string) {
	f.t.Helper()
	a := f.api("GET", "/profiles/"+url.PathEscape(id)+"/timeline?limit=100", nil)
	require.Equal(f.t, http.StatusOK, a.code, "%s", a)
	var page struct {
		Items []struct{ Kind, Type, Title string }
	}
	require.NoError(f.t, json.Unmarshal(a.body, &page))
	for _, i := range page.Items {
		if i.Kind != "tag" && i.Kind != "stage" {
			out = append(out, i.Type)
		}
	}
	return out
}

// TestTwoAreParted: the whole way of an unmerge over HTTP.
func TestTwoAreParted(t *testing.T) {
	f := newFamily(t)
	one := f.meet()
	require.Len(t, one.Identities, 3)

	ask := map[string]any{"identities": []string{payer}, "reason": "母女共用一部手机"}
	path := "/profiles/" + url.PathEscape(opener) + "/unmerge"
	a := f.api("POST", path, ask, "Idempotency-Key", "part-1")
	require.Equal(t, http.StatusOK, a.code, "%s", a)
	var done struct {
		EventID   string `json:"event_id"`
		Profile   string `json:"profile_id"`
		New       string `json:"new_profile_id"`
		Committed bool
		View      sheet `json:"profile"`
	}
	require.NoError(t, json.Unmarshal(a.body, &done))
	require.Equal(t, "part-1", done.EventID)
	require.Equal(t, one.Profile, done.Profile, "the customer keeps its number")
	require.True(t, done.Committed)
	require.NotContains(t, done.View.Identities, payer)
	require.Len(t, done.View.Identities, 2)
	require.NotEmpty(t, done.New)
	again := f.api("POST", path, ask, "Idempotency-Key", "part-1") // as a client that has not got the answer
	require.Equal(t, http.StatusOK, again.code, "%s", again)
	require.Contains(t, string(again.body), done.New)
	f.does("link.open", nil, opener) // while they are being parted
	f.does("order.pay", map[string]any{"amount": 1}, payer)

	opens, pays := f.parted()
	require.Equal(t, one.Profile, opens.Profile)
	require.Equal(t, done.New, pays.Profile)
	require.Equal(t, []string{payer}, pays.Identities)
	f.does("page.view", nil, payer, phone) // the phone again
	require.Eventually(t, func() bool {
		opens, pays = f.parted()
		tags := f.liveTags()
		return f.settled() && tags["高意向"] == 1 && tags["已下单"] == 1 && opens.Measures["近7天打开次数"] == 4.0 && pays.Measures["订单数"] == 2.0
	}, historyIn, 100*time.Millisecond, "%s", later(func() string { return fmt.Sprintf("%+v %+v %v", opens, pays, f.liveTags()) }))
	require.Equal(t, []string{"高意向"}, opens.held())
	require.Equal(t, []string{"已下单"}, pays.held())
	require.Equal(t, 0.0, opens.Measures["订单数"])
	require.Equal(t, "200.5", pays.Measures["净消费"])
	require.Equal(t, 0.0, pays.Measures["近7天打开次数"])

	require.Eventually(t, func() bool {
		return f.bi("SELECT count() FROM events WHERE type = 'page.view'") == "1"
	}, historyIn, 100*time.Millisecond)
	require.Equal(t, "2", f.bi("SELECT count() FROM events WHERE type = 'order.pay' AND profile_id = '"+pays.Profile+"'"))
	require.Equal(t, "4", f.bi("SELECT count() FROM events WHERE type = 'link.open' AND profile_id = '"+opens.Profile+"'"))
	require.ElementsMatch(t, []string{"link.open", "link.open", "link.open", "link.open", "profile.unmerge"}, f.events(opener))
	require.ElementsMatch(t, []string{"order.pay", "order.pay", "page.view", "profile.split"}, f.events(payer))
	f.requireNoDrift()

	for text, c := range map[string]struct {
		identities []string
		code       int
	}{
		"not_its_identity": {[]string{payer}, http.StatusUnprocessableEntity},
		"nothing_left":     {opens.Identities, http.StatusUnprocessableEntity},
	} {
		a := f.api("POST", path, map[string]any{"identities": c.identities})
		require.Equal(t, c.code, a.code, "%s", a)
		require.Contains(t, string(a.body), text)
	}
}

// requireNoDrift counts anew from Redis and from history.
func (f *family) requireNoDrift() {
	f.t.Helper()
	a := f.api("GET", "/verify", nil)
	require.Equal(f.t, http.StatusOK, a.code, "%s", a)
	var v struct {
		Checked int64
		Drift   int64
		Skipped string `json:"clickhouse_skipped"`
	}
	require.NoError(f.t, json.Unmarshal(a.body, &v))
	require.EqualValues(f.t, 0, v.Drift, "%s", a.body)
	require.Empty(f.t, v.Skipped)
	require.Positive(f.t, v.Checked)
}

// TestThreeAreParted: two leave one after the other, the second before the past of the
// first has come; one of them had refused to be profiled.
func TestThreeAreParted(t *testing.T) {
	const third = "unionid:elsewhere"
	f := newFamily(t)
	f.does("page.view", nil, opener, third)
	f.meet()
	f.does("link.open", nil, third)
	f.does("consent.set", map[string]any{"profiling": "refused"}, third)
	require.Eventually(t, func() bool { return len(f.customer(opener).Tags) == 0 }, historyIn, 50*time.Millisecond, "whoever of them it was")
	for _, who := range []string{third, payer} {
		a := f.api("POST", "/profiles/"+url.PathEscape(opener)+"/unmerge", map[string]any{"identities": []string{who}})
		require.Equal(t, http.StatusOK, a.code, "%s", a)
		f.does("link.open", nil, third)
	}
	_, refuser := f.apart(third)
	opens, pays := f.apart(payer)
	require.Equal(t, []string{"高意向"}, opens.held())
	require.Equal(t, 3.0, opens.Measures["近7天打开次数"])
	require.Equal(t, []string{"已下单"}, pays.held())
	require.Equal(t, 1.0, pays.Measures["订单数"])
	require.Empty(t, refuser.held())
	require.Equal(t, 0.0, refuser.Measures["近7天打开次数"])
	require.NotEqual(t, refuser.Profile, pays.Profile)
	require.Eventually(t, func() bool { return f.settled() && f.liveTags()["高意向"] == 1 && f.liveTags()["已下单"] == 1 }, historyIn, 100*time.Millisecond)
	f.requireNoDrift()
	require.Equal(t, "0", f.bi("SELECT count() FROM tag_members WHERE profile_id = '"+refuser.Profile+"'"))
}
