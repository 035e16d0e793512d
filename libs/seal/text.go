package seal

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
)

// A token is ⟦profile|base64url(nonce, ciphertext)⟧.
const (
	tokenOpen  = "⟦"
	tokenClose = "⟧"
)

// SealText seals a text for a profile. The token says where it begins and ends,
// so it may stand within any other text. The empty text stays empty. For a
// profile that has been erased the answer is Erased: nothing personal is kept.
func (k *Keys) SealText(ctx context.Context, profile, plain string) (string, error) {
	id, err := profileKey(profile)
	if err != nil || plain == "" {
		return "", err
	}
	keys, err := k.get(ctx, []string{id}, true)
	if err != nil {
		return "", fmt.Errorf("seal text of %s: %w", profile, err)
	}
	key := keys[id]
	if key == nil || key.aead == nil {
		return Erased, nil
	}
	sealed := sealWith(key.aead, nil, []byte(plain), id)
	return tokenOpen + profile + "|" + base64.RawURLEncoding.EncodeToString(sealed) + tokenClose, nil
}

// OpenText replaces every token in a text. What was sealed with a destroyed key
// becomes Erased; what only looks like a token stays as it is.
func (k *Keys) OpenText(ctx context.Context, s string) (string, error) {
	if !Sealed(s) {
		return s, nil
	}
	out, err := k.OpenTexts(ctx, []string{s})
	if err != nil {
		return "", err
	}
	return out[0], nil
}

// OpenTexts is OpenText for many texts with one round trip.
func (k *Keys) OpenTexts(ctx context.Context, texts []string) ([]string, error) {
	var ids []string
	for _, s := range texts {
		eachToken(s, func(t token) string {
			ids = append(ids, t.id)
			return ""
		})
	}
	keys := map[string]*key{}
	if len(ids) > 0 {
		var err error
		if keys, err = k.get(ctx, ids, false); err != nil {
			return nil, fmt.Errorf("open texts: %w", err)
		}
	}
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = eachToken(s, func(t token) string {
			key := keys[t.id]
			if key == nil || key.aead == nil {
				return Erased
			}
			plain, err := openWith(key.aead, t.sealed, t.id)
			if err != nil { // sealed with an earlier key of that profile, or forged
				return Erased
			}
			return string(plain)
		})
	}
	return out, nil
}

// Sealed says whether a text may carry something sealed.
func Sealed(s string) bool { return strings.Contains(s, tokenOpen) }

// Mask replaces every token by a text, for those who may not see what is in it.
func Mask(s, with string) string {
	return eachToken(s, func(token) string { return with })
}

// Profiles are the profiles whose tokens a text carries, each as often as it occurs.
func Profiles(s string) []string {
	var out []string
	eachToken(s, func(t token) string {
		out = append(out, t.id[len("p/"):])
		return ""
	})
	return out
}

type token struct {
	id     string // of the key
	sealed []byte
}

// eachToken gives the text with every token replaced by what fn returns.
func eachToken(s string, fn func(token) string) string {
	if !Sealed(s) {
		return s
	}
	var out strings.Builder
	for {
		i := strings.Index(s, tokenOpen)
		if i < 0 {
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(s[:i])
		s = s[i:]
		t, rest, ok := parseToken(s[len(tokenOpen):])
		if !ok { // only the bracket is passed over: a token may begin within
			out.WriteString(tokenOpen)
			s = s[len(tokenOpen):]
			continue
		}
		out.WriteString(fn(t))
		s = rest
	}
}

// parseToken reads what follows an opening bracket.
func parseToken(s string) (t token, rest string, ok bool) {
	n := strings.IndexByte(s[:min(len(s), maxProfile+1)], '|')
	if n < 0 || !isProfile(s[:n]) {
		return token{}, "", false
	}
	text, rest, ok := strings.Cut(s[n+1:], tokenClose)
	if !ok {
		return token{}, "", false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(sealed) < overhead-1 {
		return token{}, "", false
	}
	return token{id: "p/" + s[:n], sealed: sealed}, rest, true
}

// EachText replaces every text within a value decoded from JSON, in place, by what
// fn makes of it; names of fields stay. It gives the value back, which is another
// one only where the value itself is a text.
func EachText(v any, fn func(string) string) any {
	switch v := v.(type) {
	case string:
		return fn(v)
	case []any:
		for i := range v {
			v[i] = EachText(v[i], fn)
		}
	case map[string]any:
		for k := range v {
			v[k] = EachText(v[k], fn)
		}
	}
	return v
}
