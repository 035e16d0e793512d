package event

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNormalIdentities(t *testing.T) {
	for _, c := range []struct{ namespace, written, want string }{
		{"phone", "13812345678", "13812345678"},
		{"phone", "+8613812345678", "13812345678"},
		{"phone", "+86 138-1234 5678", "13812345678"},
		{"phone", "(+86)138 1234 5678", "13812345678"},
		{"phone", "008613812345678", "13812345678"},
		{"phone", "8613812345678", "13812345678"},
		{"phone", " 138 1234 5678\u3000", "13812345678"},
		{"phone", "138\u00a01234\u20115678", "13812345678"},
		{"phone", "１３８１２３４５６７８", "13812345678"},
		{"phone", "＋８６－１３８－１２３４－５６７８", "13812345678"},
		{"phone", "021-5555 1234", "02155551234"},
		{"phone", "+86 21 5555 1234", "+862155551234"}, // not a mobile number: as it was written
		{"phone", "+1 (415) 555-0100", "+14155550100"},
		{"phone", "400-820-8820", "4008208820"},
		{"phone", "none", ""},
		{"phone", "+", ""},
		{"phone", "", ""},
		{"email", "a.b@shop.cn", "a.b@shop.cn"},
		{"email", " A.B@Shop.CN\t", "a.b@shop.cn"},
		{"email", "\u3000Ａ.b＠shop．cn ", "a.b@shop.cn"},
		{"email", "  ", ""},
		{"user_id", " U １ ", "U １"}, // somebody else's ids mean what they say
		{"wecom.ww1", "wmA B", "wmA B"},
	} {
		got := Identity{c.namespace, c.written}.Normal()
		require.Equal(t, Identity{c.namespace, c.want}, got, "%q", c.written)
		require.Equal(t, got, got.Normal(), "%q again", c.written)
	}
}
