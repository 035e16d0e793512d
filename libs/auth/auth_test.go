package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/storetest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestTokens(t *testing.T) {
	require.True(t, auth.EqualTokens("secret", "secret"))
	require.False(t, auth.EqualTokens("secret", "secret2"))
	require.False(t, auth.EqualTokens("", ""), "a token that is not configured lets nobody in")

	token := auth.NewToken("tw_")
	require.True(t, strings.HasPrefix(token, "tw_"))
	require.NotEqual(t, token, auth.NewToken("tw_"))
	hash := auth.HashToken(token)
	require.NotContains(t, hash, token[3:])
	require.True(t, auth.TokenMatches(token, hash))
	require.False(t, auth.TokenMatches(token+"x", hash))
	require.False(t, auth.TokenMatches(hash, hash), "who reads the stored hash cannot log in with it")
	require.False(t, auth.TokenMatches(token, ""))
}

func linkKey(id byte, fill string) auth.LinkKey {
	return auth.LinkKey{ID: id, Secret: []byte(strings.Repeat(fill, 32))}
}

func newLinks(t testing.TB, sign auth.LinkKey, earlier ...auth.LinkKey) *auth.Links {
	t.Helper()
	l, err := auth.NewLinks(sign, earlier...)
	require.NoError(t, err)
	return l
}

func TestLinks(t *testing.T) {
	l := newLinks(t, linkKey(1, "a"))
	for _, want := range []auth.Link{
		{ID: "quote"},
		{ID: "报价单", Customer: "wecom.ww1:wmAJ2GCAAAXtWyujaWJHDDGi0mACH71w", Expires: event.At(noon.Add(time.Hour))},
		{ID: strings.Repeat("x", 64), Customer: "p00000000000000000000000", Expires: event.At(noon.Add(time.Second))},
	} {
		token, err := l.SignLink(want)
		require.NoError(t, err)
		require.Regexp(t, `^[A-Za-z0-9_-]+$`, token, "fits into a path as it is")
		got, err := l.VerifyLink(token, noon)
		require.NoError(t, err)
		require.Equal(t, want, got)

		for i := range token {
			c := byte('A')
			if token[i] == c {
				c = 'B'
			}
			_, err := l.VerifyLink(token[:i]+string(c)+token[i+1:], noon)
			require.ErrorIs(t, err, auth.ErrLinkBad, "character %d changed", i)
			_, err = l.VerifyLink(token[:i], noon)
			require.ErrorIs(t, err, auth.ErrLinkBad, "cut to %d", i)
		}
		_, err = newLinks(t, linkKey(1, "b")).VerifyLink(token, noon)
		require.ErrorIs(t, err, auth.ErrLinkBad, "another secret")
	}
}

func TestExpiredLinkStillSaysWhatItIs(t *testing.T) {
	l := newLinks(t, linkKey(1, "a"))
	link := auth.Link{ID: "quote", Customer: "user_id:u1", Expires: event.At(noon)}
	token, err := l.SignLink(link)
	require.NoError(t, err)
	_, err = l.VerifyLink(token, noon.Add(-time.Second))
	require.NoError(t, err)
	got, err := l.VerifyLink(token, noon)
	require.ErrorIs(t, err, auth.ErrLinkExpired)
	require.Equal(t, link, got)
}

func TestLinkKeysMayChange(t *testing.T) {
	old := newLinks(t, linkKey(1, "a"))
	token, err := old.SignLink(auth.Link{ID: "quote"})
	require.NoError(t, err)
	next := newLinks(t, linkKey(2, "b"), linkKey(1, "a"))
	_, err = next.VerifyLink(token, noon)
	require.NoError(t, err)
	_, err = newLinks(t, linkKey(2, "b")).VerifyLink(token, noon)
	require.ErrorIs(t, err, auth.ErrLinkBad)
	_, err = auth.NewLinks(linkKey(1, "a"), linkKey(1, "b"))
	require.Error(t, err)
	_, err = auth.NewLinks(auth.LinkKey{ID: 1, Secret: []byte("short")})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "short")
}

func TestLinksCarryNoPersonalValue(t *testing.T) {
	l := newLinks(t, linkKey(1, "a"))
	_, err := l.SignLink(auth.Link{ID: "quote", Customer: "phone:13800000000"})
	require.ErrorIs(t, err, auth.ErrLinkPersonal)
	_, err = l.SignLink(auth.Link{ID: "quote", Customer: strings.Repeat("x", 256)})
	require.ErrorIs(t, err, auth.ErrLinkTooLong)
	_, err = l.SignLink(auth.Link{})
	require.ErrorIs(t, err, auth.ErrLinkBad)
}

func FuzzVerifyLink(f *testing.F) {
	l := newLinks(f, linkKey(1, "a"))
	good, err := l.SignLink(auth.Link{ID: "quote", Customer: "user_id:u1", Expires: event.At(noon)})
	require.NoError(f, err)
	for _, s := range []string{"", good, good[:len(good)-1], good + "A", good[1:], strings.Repeat("A", 22), strings.Repeat("A", 23), "https://example.com/", strings.Repeat("_", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		link, err := l.VerifyLink(token, noon)
		if errors.Is(err, auth.ErrLinkBad) {
			if link != (auth.Link{}) {
				t.Fatalf("a bad token gave %+v", link)
			}
			return
		}
		again, err := l.SignLink(link)
		if err != nil || again != token {
			t.Fatalf("%q verifies but is signed as %q: %v", token, again, err)
		}
	})
}

func TestSignatures(t *testing.T) {
	body := []byte(`{"a":1}`)
	// Made with: printf '1795348800.{"a":1}' | openssl dgst -sha256 -hmac s3cret
	const vector = "t=1795348800,v1=e0a58e8046199a3856dcf07abaee2080a7e5aba7bf17597b37b3bfd7a15d0f67"
	require.Equal(t, vector, auth.Sign("s3cret", body, noon))
	require.NoError(t, auth.VerifySignature("s3cret", vector, body, noon))
	require.NoError(t, auth.VerifySignature("s3cret", vector, body, noon.Add(5*time.Minute)))
	require.NoError(t, auth.VerifySignature("s3cret", vector, body, noon.Add(-5*time.Minute)))
	two := strings.Replace(auth.Sign("old", body, noon), ",", ", v1=00, ", 1) + "," + strings.Split(vector, ",")[1]
	require.NoError(t, auth.VerifySignature("s3cret", two, body, noon), "a sender that changes its secret signs with both")

	for name, c := range map[string]struct {
		secret, header, body string
		at                   time.Time
		want                 error
	}{
		"too old":                    {"s3cret", vector, string(body), noon.Add(5*time.Minute + time.Second), auth.ErrSignatureStale},
		"from the future":            {"s3cret", vector, string(body), noon.Add(-5*time.Minute - time.Second), auth.ErrSignatureStale},
		"another secret":             {"other", vector, string(body), noon, auth.ErrSignature},
		"another body":               {"s3cret", vector, `{"a":2}`, noon, auth.ErrSignature},
		"another time":               {"s3cret", strings.Replace(vector, "800,", "801,", 1), string(body), noon, auth.ErrSignature},
		"cut":                        {"s3cret", vector[:len(vector)-2], string(body), noon, auth.ErrSignature},
		"no secret configured":       {"", auth.Sign("", body, noon), string(body), noon, auth.ErrSignature},
		"no header":                  {"s3cret", "", string(body), noon, auth.ErrSignatureForm},
		"only a time":                {"s3cret", "t=1795348800", string(body), noon, auth.ErrSignatureForm},
		"a time that is not one":     {"s3cret", "t=now,v1=00", string(body), noon, auth.ErrSignatureForm},
		"a signature that is no hex": {"s3cret", "t=1795348800,v1=xyz", string(body), noon, auth.ErrSignatureForm},
	} {
		require.ErrorIs(t, auth.VerifySignature(c.secret, c.header, []byte(c.body), c.at), c.want, name)
	}
}

func TestLimiter(t *testing.T) {
	now := noon
	l, err := auth.NewLimiter(auth.LimiterOptions{Rate: 10, Burst: 20, MaxKeys: 10, Now: func() time.Time { return now }})
	require.NoError(t, err)
	take := func(key string, n int, want bool, wait time.Duration) {
		t.Helper()
		ok, after := l.Allow(key, n)
		require.Equal(t, want, ok)
		require.Equal(t, wait, after)
	}
	take("a", 20, true, 0)
	take("a", 1, false, 100*time.Millisecond)
	take("b", 1, true, 0)
	now = now.Add(100 * time.Millisecond)
	take("a", 1, true, 0)
	take("a", 1, false, 100*time.Millisecond)
	now = now.Add(time.Hour)
	take("a", 50, true, 0) // more than the burst, paid for afterwards
	take("a", 1, false, 3100*time.Millisecond)
	now = now.Add(-time.Minute) // a clock that is set back takes nothing away
	take("a", 1, false, 3100*time.Millisecond)
	for i := range 1000 {
		l.Allow(string(rune('A'+i)), 1)
	}
	require.LessOrEqual(t, l.Keys(), 10)
	_, err = auth.NewLimiter(auth.LimiterOptions{})
	require.Error(t, err)
}

// console is sessions with a clock and a Redis whose time moves with it.
type console struct {
	t     *testing.T
	redis *storetest.Fake
	now   time.Time
	*auth.Sessions
}

func newConsole(t *testing.T) *console {
	c := &console{t: t, redis: storetest.Start(t), now: noon}
	s, err := auth.NewSessions(auth.SessionOptions{Redis: c.redis.Client, Idle: time.Hour, Absolute: 3 * time.Hour, Now: func() time.Time { return c.now }})
	require.NoError(t, err)
	c.Sessions = s
	return c
}

func (c *console) pass(d time.Duration) {
	c.now = c.now.Add(d)
	c.redis.FastForward(d)
}

func (c *console) login(subject string) *http.Request {
	c.t.Helper()
	cookie, err := c.Create(c.t.Context(), auth.Session{Subject: subject, Role: "admin", Name: "张三"})
	require.NoError(c.t, err)
	require.True(c.t, cookie.HttpOnly)
	require.Equal(c.t, http.SameSiteLaxMode, cookie.SameSite)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	return r
}

func (c *console) has(r *http.Request) bool {
	c.t.Helper()
	_, err := c.Get(c.t.Context(), r)
	if err != nil {
		require.ErrorIs(c.t, err, auth.ErrNoSession)
	}
	return err == nil
}

func TestSessionEndsIdleOrOld(t *testing.T) {
	c := newConsole(t)
	r, idle := c.login("u1"), c.login("u1")
	s, err := c.Get(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, auth.Session{Subject: "u1", Role: "admin", Name: "张三", Created: noon}, s)
	c.pass(50 * time.Minute)
	require.True(t, c.has(r))
	c.pass(50 * time.Minute)
	require.True(t, c.has(r), "used, it does not idle out")
	require.False(t, c.has(idle))
	c.pass(50 * time.Minute)
	require.True(t, c.has(r))
	c.pass(31 * time.Minute)
	require.False(t, c.has(r), "used or not, it ends")
	require.False(t, c.has(httptest.NewRequest(http.MethodGet, "/", nil)))
}

func TestSessionsAreRevocable(t *testing.T) {
	c := newConsole(t)
	a, b, other := c.login("u1"), c.login("u1"), c.login("u2")
	require.NoError(t, c.Revoke(t.Context(), a))
	require.False(t, c.has(a))
	require.True(t, c.has(b))
	require.NoError(t, c.RevokeAll(t.Context(), "u1"))
	require.False(t, c.has(b))
	require.True(t, c.has(other))
	require.Negative(t, c.Gone().MaxAge)
	for _, key := range c.redis.Keys() {
		cookie, err := other.Cookie(auth.CookieName)
		require.NoError(t, err)
		require.NotContains(t, key, cookie.Value, "who reads Redis cannot log in with what is there")
	}
}
