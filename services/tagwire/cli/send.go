package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/event"
)

const sendUsage = "send --type TYPE (--user ID | --identity NAMESPACE:VALUE …) [--prop k=v …] [--trait k=v …] [--text TEXT] [--amount N] [--time TIME] [--id ID]"

// pairs are k=v flags; a value that is JSON is taken as such.
type pairs map[string]any

func (p pairs) String() string { return "" }

// Set reads one.
func (p pairs) Set(s string) error {
	k, v, ok := strings.Cut(s, "=")
	if !ok || k == "" {
		return errors.New("请写成 k=v / write k=v")
	}
	var x any
	dec := json.NewDecoder(strings.NewReader(v))
	dec.UseNumber()
	if err := dec.Decode(&x); err != nil || dec.More() {
		x = v
	}
	p[k] = x
	return nil
}

// list is a flag that may be given often.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

// Set adds one.
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

type sendFlags struct {
	place
	typ, user, anonymous, text, from, at, id, amount, staff, channel, store string
	identities                                                              list
	props, traits                                                           pairs
	json                                                                    bool
}

func runSend(ctx context.Context, s Streams, args []string) error {
	f := sendFlags{props: pairs{}, traits: pairs{}}
	fs := flags("send", s)
	f.flagsOf(fs)
	for _, v := range []struct {
		to        *string
		name, say string
	}{
		{&f.key, "key", "写入密钥 / write key"},
		{&f.typ, "type", "事件类型 / event type, such as link.open"},
		{&f.user, "user", "user_id"},
		{&f.anonymous, "anonymous", "anonymous_id"},
		{&f.text, "text", "文本 / text"},
		{&f.from, "from", "customer, staff, system"},
		{&f.at, "time", "时间，默认现在 / time, default now"},
		{&f.id, "id", "event_id"},
		{&f.amount, "amount", "金额 / amount"},
		{&f.staff, "staff", "staff_id"},
		{&f.channel, "channel", "渠道 / channel"},
		{&f.store, "store", "门店 / store"},
	} {
		fs.StringVar(v.to, v.name, "", v.say)
	}
	fs.Var(&f.identities, "identity", "namespace:value")
	fs.Var(f.props, "prop", "k=v")
	fs.Var(f.traits, "trait", "k=v")
	fs.BoolVar(&f.json, "json", false, "JSON")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if f.typ == "" && len(words) == 1 {
		f.typ, words = words[0], nil
	}
	if f.typ == "" || len(words) > 0 || f.user+f.anonymous == "" && len(f.identities) == 0 {
		return usage(sendUsage)
	}
	body, err := f.event()
	if err != nil {
		return err
	}
	return f.send(ctx, s, body)
}

// event is the call as /v1/batch takes it.
func (f *sendFlags) event() (map[string]any, error) {
	at := event.At(time.Now())
	if f.at != "" {
		var err error
		if at, err = event.ParseTime(f.at); err != nil {
			return nil, fmt.Errorf("--time: 请写成 2026-05-01T08:30:00+08:00 / write it like this: %w", err)
		}
	}
	if f.id == "" {
		f.id = auth.NewToken("cli_")
	}
	for name, v := range map[string]string{"text": f.text, "from": f.from, "amount": f.amount, "staff_id": f.staff, "channel": f.channel, "store_id": f.store} {
		if v != "" {
			f.props[name] = v
		}
	}
	e := map[string]any{"type": "track", "event": f.typ, "messageId": f.id, "timestamp": at, "properties": f.props, "traits": f.traits}
	for name, v := range map[string]string{"userId": f.user, "anonymousId": f.anonymous} {
		if v != "" {
			e[name] = v
		}
	}
	if len(f.identities) > 0 {
		e["identities"] = f.identities
	}
	return e, nil
}

func (f *sendFlags) send(ctx context.Context, s Streams, e map[string]any) error {
	if err := f.settle(); err != nil {
		return err
	}
	if f.data != "" {
		at, _, err := endpoints(f.data)
		if err != nil {
			return err
		}
		f.url = at.HTTP
		if f.key == "" {
			f.key = at.WriteKey
		}
	}
	b, err := json.Marshal(map[string]any{"batch": []any{e}})
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(f.url, "/")+"/v1/batch", strings.NewReader(string(b)))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.SetBasicAuth(f.key, "")
	req.Header.Set("Content-Type", "application/json")
	res, err := answer(f.client().Do(req))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read whole
	return f.verdict(s, res.Body)
}

func (f *sendFlags) verdict(s Streams, body io.Reader) error {
	var v struct {
		Accepted int `json:"accepted"`
		Rejected []struct {
			EventID string `json:"event_id"`
			Reason  string `json:"reason"`
			Detail  string `json:"detail"`
		} `json:"rejected"`
	}
	if err := json.NewDecoder(body).Decode(&v); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if f.json {
		if err := json.NewEncoder(s.Out).Encode(map[string]any{"event_id": f.id, "accepted": v.Accepted, "rejected": v.Rejected}); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	} else if v.Accepted > 0 {
		fmt.Fprintf(s.Out, "已接收 / accepted: %s %s\n", f.typ, f.id)
	}
	if len(v.Rejected) == 0 {
		return nil
	}
	if r := v.Rejected[0]; !f.json {
		fmt.Fprintf(s.Err, "被拒绝 / rejected: %s: %s\n", r.Reason, r.Detail)
	}
	return errSilent
}
