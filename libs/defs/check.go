package defs

import (
	"encoding/base64"
	"fmt"
	"net/mail"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tagwire/tagwire/libs/event"
)

const (
	maxText  = 500  // characters of a name or title
	maxURL   = 2048 // bytes
	maxItems = 1000 // of a list of tags, fields, …
	minWrite = 8    // characters of a write key
	// maxIdentities bounds the list of internal identities.
	maxIdentities = 10_000
)

// checker collects what is wrong with a body.
type checker struct{ problems []Problem }

func (c *checker) failf(field, format string, args ...any) {
	c.problems = append(c.problems, Problem{field, fmt.Sprintf(format, args...)})
}

func (c *checker) text(field, v string) {
	if n := utf8.RuneCountInString(v); n > maxText {
		c.failf(field, "has %d characters; at most %d fit", n, maxText)
	}
}

func (c *checker) texts(field string, list []string) {
	if len(list) > maxItems {
		c.failf(field, "has %d entries; at most %d fit", len(list), maxItems)
	}
	for i, v := range list {
		name := fmt.Sprintf("%s.%d", field, i)
		if strings.TrimSpace(v) == "" {
			c.failf(name, "is empty")
		}
		c.text(name, v)
	}
}

func (c *checker) needed(field, v, why string) {
	if v == "" {
		c.failf(field, "is missing: %s", why)
	}
}

func (c *checker) oneOf(field, v string, allowed ...string) {
	if !slices.Contains(allowed, v) {
		c.failf(field, "is %q; one of %s is needed", v, strings.Join(allowed, ", "))
	}
}

// id checks the name of another definition, without asking whether it exists.
func (c *checker) id(field, kind, v string) {
	if v == "" {
		return
	}
	if m := idProblem(kind, v); m != "" {
		c.failf(field, "%s", m)
	}
}

func (c *checker) url(field, v string) {
	u, err := url.Parse(v)
	switch {
	case len(v) > maxURL:
		c.failf(field, "has %d bytes; at most %d fit", len(v), maxURL)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		c.failf(field, "is not an address that begins with http:// or https://") // it may be secret: not repeated
	}
}

func (b *Source) check(c *checker) {
	c.oneOf("kind", b.Kind, SourceSegment, SourceCloudEvents, SourceWeCom, SourceWeComArchive, SourceWebhook,
		SourceLink, SourceImport, SourceConsole, SourceDemo)
	c.text("name", b.Name)
	c.text("staff_prefix", b.StaffPrefix)
	c.id("default_channel", KindChannel, b.DefaultChannel)
	if b.WriteKey != "" && (len(b.WriteKey) < minWrite || len(b.WriteKey) > maxText || strings.ContainsAny(b.WriteKey, ": \t\r\n/")) {
		c.failf("write_key", "has fewer than %d characters, or a colon, slash or space", minWrite)
	}
	switch b.Kind {
	case SourceWeCom:
		c.needed("corp_id", b.CorpID, "the id of the WeCom corporation (企业ID)")
		c.needed("token", b.Token, "the token of the callback page (回调配置 Token)")
		c.needed("encoding_aes_key", b.EncodingAESKey, "the key of the callback page (回调配置 EncodingAESKey)")
		if b.EncodingAESKey == "" {
			break
		}
		if len(b.EncodingAESKey) != 43 {
			c.failf("encoding_aes_key", "has %d characters; WeCom's has 43", len(b.EncodingAESKey))
		} else if _, err := base64.RawStdEncoding.DecodeString(b.EncodingAESKey); err != nil {
			c.failf("encoding_aes_key", "holds a character that base64 does not have")
		}
	case SourceWeComArchive:
		c.needed("corp_id", b.CorpID, "the id of the WeCom corporation (企业ID) names the customers")
		c.needed("secret", b.Secret, "without it anybody could send messages")
	case SourceWebhook:
		c.needed("secret", b.Secret, "without it anybody could send events")
	}
	if strings.ContainsAny(b.CorpID, ": \t\r\n/") {
		c.failf("corp_id", "holds a colon, slash or space")
	}
}

func (b *Channel) check(c *checker) {
	c.text("name", b.Name)
	c.text("campaign", b.Campaign)
	c.id("store_id", KindStore, b.StoreID)
	c.texts("tags", b.Tags)
}

func (b *Shop) check(c *checker) {
	c.text("name", b.Name)
	c.text("province", b.Province)
	c.text("city", b.City)
	c.text("district", b.District)
	c.texts("tags", b.Tags)
	if b.Lat != nil && (*b.Lat < -90 || *b.Lat > 90) {
		c.failf("lat", "is outside -90 to 90")
	}
	if b.Lng != nil && (*b.Lng < -180 || *b.Lng > 180) {
		c.failf("lng", "is outside -180 to 180")
	}
	if (b.Lat == nil) != (b.Lng == nil) {
		c.failf("lat", "and lng are given both or not at all")
	}
}

func (b *Link) check(c *checker) {
	c.url("url", b.URL)
	c.text("title", b.Title)
	c.oneOf("type", b.Type, "", LinkPage, LinkFile, LinkActivity)
	c.id("channel", KindChannel, b.Channel)
	c.id("staff_id", KindStaff, b.StaffID)
	c.id("store_id", KindStore, b.StoreID)
	c.texts("tags", b.Tags)
	if b.Points < 0 {
		c.failf("points", "is below 0")
	}
}

func (b *Form) check(c *checker) {
	c.text("name", b.Name)
	c.text("activity", b.Activity)
	c.texts("tags", b.Tags)
	if len(b.Fields) > maxItems {
		c.failf("fields", "has %d entries; at most %d fit", len(b.Fields), maxItems)
	}
	seen := map[string]bool{}
	for i, f := range b.Fields {
		at := fmt.Sprintf("fields.%d.", i)
		c.needed(at+"name", f.Name, "the field's name in what the form sends")
		c.text(at+"label", f.Label)
		c.text(at+"trait", f.Trait)
		c.texts(at+"options", f.Options)
		c.oneOf(at+"type", f.Type, "", "text", "number", "date", "choice", "choices", "phone", "email")
		if seen[f.Name] && f.Name != "" {
			c.failf(at+"name", "%q is there twice", f.Name)
		}
		seen[f.Name] = true
	}
}

func (b *Staff) check(c *checker) {
	c.text("name", b.Name)
	c.text("department", b.Department)
	c.id("leader", KindStaff, b.Leader)
	c.id("store_id", KindStore, b.StoreID)
	c.texts("teams", b.Teams)
	c.text("mobile", b.Mobile)
	c.id("wecom_userid", KindStaff, b.WeComUserID)
	if _, err := mail.ParseAddress(b.Email); b.Email != "" && err != nil {
		c.failf("email", "is not an e-mail address")
	}
}

func (b *Route) check(c *checker) {
	for i, v := range b.Match.Severity {
		c.oneOf(fmt.Sprintf("match.severity.%d", i), v, "low", "medium", "high")
	}
	c.texts("match.rule", b.Match.Rule)
	c.texts("match.group", b.Match.Group)
	c.texts("match.store", b.Match.Store)
	c.texts("staff", b.Staff)
	names := map[string]bool{}
	for i, ch := range b.Channels {
		at := fmt.Sprintf("channels.%d.", i)
		c.oneOf(at+"kind", ch.Kind, RouteRobot, RouteEmail, RouteWebhook)
		c.text(at+"name", ch.Name)
		if ch.Name != "" && names[ch.Name] {
			c.failf(at+"name", "%q is there twice", ch.Name)
		}
		names[ch.Name] = true
		switch ch.Kind {
		case RouteRobot, RouteWebhook:
			c.url(at+"url", ch.URL)
		case RouteEmail:
			if _, err := mail.ParseAddressList(ch.To); ch.To != "" && err != nil {
				c.failf(at+"to", "is not a list of e-mail addresses")
			}
		}
	}
}

func (b *Rules) check(c *checker) {
	if len(b.Files) == 0 {
		c.failf("files", "has no file; a rule set has at least one, such as rules.yaml")
	}
	for name := range b.Files {
		ext := path.Ext(name)
		if !validFile(name) || ext != ".yaml" && ext != ".yml" {
			c.failf("files."+name, "is not a name such as rules.yaml or stages/main.yaml")
		}
	}
}

// validFile says that a name stays within its folder on every system.
func validFile(name string) bool {
	if name == "" || len(name) > 200 || path.Clean(name) != name || strings.HasPrefix(name, "/") || strings.ContainsAny(name, `\:*?"<>|`) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return false
		}
	}
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
}

func (b *List) check(c *checker) {
	if len(b.Identities) > maxIdentities {
		c.failf("identities", "has %d entries; at most %d fit", len(b.Identities), maxIdentities)
	}
	for i, v := range b.Identities {
		if _, err := event.ParseIdentity(v); err != nil {
			c.failf(fmt.Sprintf("identities.%d", i), "is not namespace:value, such as user_id:u1")
		}
	}
}
