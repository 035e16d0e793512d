// Package robot sends alerts to a WeCom group robot.
//
// A robot takes 20 messages a minute; more are a matter of the caller's queue,
// see [PerMinute]. It answers with status 200 whatever happened: the body's
// errcode counts. The notifier calls it.
package robot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tagwire/tagwire/services/notifier/notify/message"
	"github.com/tagwire/tagwire/services/notifier/notify/outbound"
)

// PerMinute is how many messages a robot takes in any minute.
const PerMinute = 20

// Limits of a message in bytes.
const (
	maxMarkdown = 4096
	maxText     = 2048
)

// Codes in answers.
const (
	codeOK       = 0
	codeBadKey   = 93000
	codeTooOften = 45009
	codeEmpty    = 44004
	codeTooLong  = 45002
	codeBadJSON  = 47001
)

// Robot sends by one HTTP client.
type Robot struct {
	Client *http.Client
	// Base replaces WeCom's own https://qyapi.weixin.qq.com, for private deployments.
	Base string
}

const official = "https://qyapi.weixin.qq.com"

// Send sends a message to the robot of an address.
func (r *Robot) Send(ctx context.Context, to message.Address, m *message.Message) error {
	body, err := json.Marshal(Payload(m))
	if err != nil {
		return message.Refused("encode robot message: %w", err)
	}
	answer, err := outbound.Post(ctx, r.Client, outbound.Request{URL: r.address(to.URL), Body: body})
	if err != nil {
		return err
	}
	return judge(answer)
}

func (r *Robot) address(u string) string {
	if rest, ok := strings.CutPrefix(u, official+"/"); ok && r.Base != "" {
		return strings.TrimRight(r.Base, "/") + "/" + rest
	}
	if !strings.Contains(u, "/") && u != "" { // the key alone
		base := r.Base
		if base == "" {
			base = official
		}
		return strings.TrimRight(base, "/") + "/cgi-bin/webhook/send?key=" + url.QueryEscape(u)
	}
	return u
}

func judge(answer outbound.Answer) error {
	var got struct {
		Code    *int   `json:"errcode"`
		Message string `json:"errmsg"`
	}
	if answer.Status >= 500 || answer.Status == http.StatusTooManyRequests {
		return message.Busy(0, "the robot's server answers %d", answer.Status)
	}
	if err := json.Unmarshal(answer.Body, &got); err != nil || got.Code == nil {
		return fmt.Errorf("the robot's server answers %d without an errcode", answer.Status)
	}
	text := message.Cut(got.Message, 200)
	switch *got.Code {
	case codeOK:
		return nil
	case codeTooOften:
		return message.Busy(time.Minute, "the robot was called too often (45009): %s", text)
	case codeBadKey, codeEmpty, codeTooLong, codeBadJSON:
		return message.Refused("the robot refuses (%d): %s", *got.Code, text)
	}
	return fmt.Errorf("the robot answers %d: %s", *got.Code, text)
}

// Payload is the request's body. It is markdown, which mentions by WeCom user
// id; when a recipient is known by mobile only, it is a text, which can mention
// by that.
func Payload(m *message.Message) any {
	var ids, mobiles []string
	byMobile := false
	for _, p := range m.Recipients {
		switch {
		case p.WeComUserID != "":
			ids = append(ids, p.WeComUserID)
		case p.Mobile != "":
			mobiles = append(mobiles, p.Mobile)
			byMobile = true
		}
	}
	if byMobile {
		return map[string]any{"msgtype": "text", "text": textBody{m.Text(maxText), ids, mobiles}}
	}
	return map[string]any{"msgtype": "markdown", "markdown": map[string]string{"content": markdown(m, ids)}}
}

type textBody struct {
	Content string   `json:"content"`
	IDs     []string `json:"mentioned_list,omitempty"`
	Mobiles []string `json:"mentioned_mobile_list,omitempty"`
}

func markdown(m *message.Message, ids []string) string {
	color := "comment"
	switch m.Alert.Severity {
	case "high":
		color = "warning"
	case "medium", "":
		color = "info"
	}
	head := `<font color="` + color + `">` + message.Cut(m.Headline(), 600) + `</font>`
	var body []string
	for _, l := range m.Lines() {
		body = append(body, "> "+l.String())
	}
	var tail strings.Builder
	if len(ids) > 0 {
		for _, id := range ids {
			if tail.Len()+len(id) > 1000 { // the rest of a long list reads it in the inbox
				break
			}
			fmt.Fprintf(&tail, "<@%s>", id)
		}
		tail.WriteByte('\n')
	} else if who := m.For(); who != "" {
		body = append(body, "> "+who)
	}
	if m.Link != "" {
		tail.WriteString("[" + m.LinkText() + "](" + m.Link + ")\n")
	}
	tail.WriteString(m.Foot())
	return message.Fit(head, body, tail.String(), maxMarkdown)
}
