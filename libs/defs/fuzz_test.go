package defs

import (
	"encoding/json"
	"testing"
)

func FuzzRecordKey(f *testing.F) {
	for _, s := range []string{"", "store/s1@1/w", "staff/zhang@x@12/w.1", "a/@1/w", "a/b@0/w", "a/b@-1/w", "a/b@+1/w", "a/b@01/w", "a/b@99999999999999999999/w", "///"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, ok := parseRecordKey(s)
		if !ok {
			return
		}
		again, ok := parseRecordKey(k.String())
		if !ok || again != k {
			t.Fatalf("%q is read as %+v, written as %q, read as %+v", s, k, k.String(), again)
		}
	})
}

// What is accepted can be written, shown and read again.
func FuzzBody(f *testing.F) {
	for kind, body := range map[string]string{
		KindSource: `{"kind":"webhook","secret":"s","mapping":{"a":{"b":[1]}}}`, KindChannel: `{"name":"x","tags":["a"]}`,
		KindStore: `{"lat":1.5,"lng":2}`, KindLink: `{"url":"https://x.cn","expires_at":"2027-01-01T00:00:00Z"}`,
		KindForm: `{"fields":["a",{"name":"b","options":["c"]}]}`, KindStaff: `{"teams":["a"]}`,
		KindRoute: `{"channels":[{"kind":"robot","url":"https://x.cn"}]}`, KindRules: `{"files":{"rules.yaml":"x"}}`,
		KindList: `{"identities":["a:b"]}`,
	} {
		f.Add(kind, body)
	}
	f.Fuzz(func(t *testing.T, kind, raw string) {
		if newBody(kind) == nil {
			return
		}
		b, problems := parse(kind, json.RawMessage(raw))
		if len(problems) > 0 {
			return
		}
		var c checker
		b.check(&c)
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatalf("%s %s is accepted and cannot be written: %v", kind, raw, err)
		}
		if _, problems := parse(kind, text); len(problems) > 0 {
			t.Fatalf("%s %s is written as %s and then refused: %v", kind, raw, text, problems)
		}
		if shown := Masked(Def{Kind: kind, Body: text}); shown.Body == nil {
			t.Fatalf("%s %s cannot be shown", kind, text)
		}
	})
}
