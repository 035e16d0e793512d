package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

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
