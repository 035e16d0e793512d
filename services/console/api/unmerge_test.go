package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/services/console/api"
)

func TestWhatCannotLeaveACustomerIsRefused(t *testing.T) {
	g := live(t, func(o *api.Options) { o.Warehouse = warehousetest.Start(t) })
	id := g.customer()
	for _, c := range []struct {
		code       int
		body, says string
	}{
		{http.StatusBadRequest, `{"identities": []}`, "请选择要拆出的身份"},
		{http.StatusBadRequest, `{"identities": ["nobody"]}`, "not namespace:value"},
		{http.StatusUnprocessableEntity, `{"identities": ["user_id:someone"]}`, "not_its_identity"},
		{http.StatusUnprocessableEntity, `{"identities": ["user_id:u1"]}`, "nothing_left"},
	} {
		r := g.do("POST", "/profiles/"+id+"/unmerge", c.body)
		require.Equal(t, c.code, r.Code, r.Text)
		require.Contains(t, r.Text, c.says)
	}
	require.Equal(t, http.StatusNotFound, g.do("POST", "/profiles/user_id:nobody/unmerge", `{"identities": ["user_id:u1"]}`).Code)
	require.Equal(t, http.StatusUnauthorized, g.raw("POST", "/api/v1/profiles/"+id+"/unmerge", `{}`).Code)
}

// pair is a customer who is two people.
func (g *rig) pair() *profile.Profile {
	p := profile.New("p-1")
	p.FirstSeen, p.LastSeen, p.Clock = 1000, 1000, 1000
	p.AddIdentity(event.Identity{Namespace: "user_id", Value: "a"})
	p.AddIdentity(event.Identity{Namespace: "openid.x", Value: "b"})
	g.Write(p)
	return p
}

func TestNobodyIsPartedWhileHistoryIsAway(t *testing.T) {
	gone, err := warehouse.New(warehouse.Config{Addrs: []string{"127.0.0.1:1"}}, zap.NewNop())
	require.NoError(t, err)
	g := start(t, func(o *api.Options) { o.Warehouse = gone })
	g.pair()
	r := g.do("POST", "/profiles/p-1/unmerge", `{"identities": ["openid.x:b"]}`)
	require.Equal(t, http.StatusServiceUnavailable, r.Code, r.Text)
	require.NotEmpty(t, r.Header.Get("Retry-After"))
}

func TestAnUnmergeThatWasAskedAgainIsAnsweredAgain(t *testing.T) {
	g := start(t, func(o *api.Options) { o.Warehouse = warehousetest.Start(t) })
	u := &event.Unmerge{EventID: "key-1", Into: "p-2", Moved: []event.Identity{{Namespace: "openid.x", Value: "b"}}}
	g.Write(g.pair().Began(u, 2000))
	r := g.do("POST", "/profiles/p-1/unmerge", `{"identities": ["openid.x:b"]}`, "Idempotency-Key", "key-1")
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	answer := r.fields()
	require.Equal(t, true, answer["committed"])
	require.Equal(t, "p-2", answer["new_profile_id"])
	require.Equal(t, true, answer["profile"].(map[string]any)["parting"])
	r = g.do("POST", "/profiles/p-1/unmerge", `{"identities": ["openid.x:b"]}`, "Idempotency-Key", "key-2")
	require.Equal(t, http.StatusUnprocessableEntity, r.Code, "it has left already: %s", r.Text)
}
