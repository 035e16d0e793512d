package links

import (
	"net/http"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// Source is the id under which links are kept when no source of kind link is
// defined.
const Source = "link"

// Link is what a definition says of the page, file or activity behind a token.
type Link struct {
	ID, Title, Type           string
	Channel, StaffID, StoreID string
	Tags                      []string
	Points                    int
	Expired                   bool
}

// Visit is one request for a link.
type Visit struct {
	EventID   string
	Received  event.Time
	Customer  string // of the token: an identity or a profile id
	Anonymous string // of the visitor's cookie
	Bot       bool
	Agent     string
	Referrer  string
}

// Open makes the event of a visit.
func (l Link) Open(v Visit) (*event.Event, *envelope.Refusal) {
	e, why := l.event(v.EventID, v.Received, v)
	if why != nil {
		return nil, why
	}
	switch {
	case v.Bot:
		e.Type, e.Tags = "link.prefetch", nil
		e.Properties["bot"] = true
	case l.Expired: // the visitor did not get to see it
		e.Type, e.Tags = "link.expired", nil
	case l.Type == "file":
		e.Type = "file.open"
	default:
		e.Type = "link.open"
	}
	if l.Points != 0 {
		e.Properties["points"] = l.Points
	}
	return e, nil
}

// Read makes the event of the time that was spent on a page.
func (l Link) Read(v Visit, seconds float64) (*event.Event, *envelope.Refusal) {
	e, why := l.event(v.EventID, v.Received, v)
	if why != nil {
		return nil, why
	}
	e.Type, e.Tags = "link.read", nil
	e.Properties["seconds"] = seconds
	return e, nil
}

func (l Link) event(id string, received event.Time, v Visit) (*event.Event, *envelope.Refusal) {
	typ := l.Type
	if typ == "" {
		typ = "link"
	}
	e := &event.Event{
		EventID: id, Time: received, ReceivedAt: received, Source: Source, From: "customer",
		StaffID: l.StaffID, Channel: l.Channel, StoreID: l.StoreID, Touchpoint: "link",
		Object: &event.Object{Type: typ, ID: l.ID, Title: l.Title}, Tags: l.Tags, Properties: event.Fields{},
	}
	context := event.Fields{}
	if v.Agent != "" {
		context["user_agent"] = cut(v.Agent, 512)
	}
	if v.Referrer != "" {
		context["referrer"] = cut(v.Referrer, 1024)
	}
	if len(context) > 0 {
		e.Context = context
	}
	namespace, value := "anonymous_id", v.Anonymous
	if v.Customer != "" {
		var ok bool
		if namespace, value, ok = strings.Cut(v.Customer, ":"); !ok {
			namespace, value = "profile_id", v.Customer
		}
	}
	if why := envelope.AddIdentity(e, namespace, value); why != nil {
		return nil, why
	}
	if len(e.Identities) == 0 {
		return nil, envelope.Refuse(schemas.ReasonNoIdentity, "neither the link nor the visitor names a customer")
	}
	return e, nil
}

func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

// bots are words in the names of programs that open links by themselves.
func bots() []string {
	return []string{
		"bot/", "bot;", "bot ", "-bot", "slackbot", "googlebot", "bingbot", "crawler", "spider", "slurp", "facebookexternalhit", "embedly",
		"whatsapp/", "telegrambot", "skypeuripreview", "discordbot", "linkpreview", "link preview", "headlesschrome-prerender",
		"bingpreview", "mediapartners-google", "wechat-link-preview", "dingtalkbot", "larkurlpreview", "feishu-link-preview", "bytespider",
	}
}

// Automatic says that no person made this request: it only looks (HEAD), comes
// before anyone has clicked, or names itself a robot.
func Automatic(r *http.Request) bool {
	if r.Method == http.MethodHead {
		return true
	}
	for _, h := range []string{"Purpose", "Sec-Purpose", "X-Purpose", "X-Moz"} {
		v := strings.ToLower(r.Header.Get(h))
		if strings.Contains(v, "prefetch") || strings.Contains(v, "preview") || strings.Contains(v, "prerender") {
			return true
		}
	}
	agent := strings.ReplaceAll(strings.ToLower(r.UserAgent())+";", "cubot", "") // a make of telephones
	for _, word := range bots() {
		if strings.Contains(agent, word) {
			return true
		}
	}
	return false
}
