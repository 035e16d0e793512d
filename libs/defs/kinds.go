package defs

import (
	"encoding/json"

	"github.com/tagwire/tagwire/libs/event"
)

// The kinds of definitions.
const (
	KindSource  = "source"
	KindChannel = "channel" // its id is WeCom's State
	KindStore   = "store"
	KindLink    = "link"
	KindForm    = "form"
	KindStaff   = "staff"
	KindRoute   = "route"
	KindRules   = "rules" // id: RulesID
	KindList    = "list"  // id: InternalID
)

// Ids of definitions of which there is one.
const (
	RulesID    = "main"
	InternalID = "internal" // test, staff and internal identities: left out of counts
)

// Kinds are all kinds, in the order in which an import writes them: rules come
// last.
func Kinds() []string {
	return []string{KindStore, KindStaff, KindSource, KindChannel, KindLink, KindForm, KindRoute, KindList, KindRules}
}

// The kinds of sources.
const (
	SourceSegment      = "segment"
	SourceCloudEvents  = "cloudevents"
	SourceWeCom        = "wecom"
	SourceWeComArchive = "wecom-archive"
	SourceWebhook      = "webhook"
	SourceLink         = "link"
	SourceImport       = "import"
	SourceConsole      = "console"
	SourceDemo         = "demo"
)

// Source is where events come from.
type Source struct {
	Kind           string         `json:"kind"`
	Name           string         `json:"name,omitempty"`
	WriteKey       string         `json:"write_key,omitempty"` // public for segment and cloudevents, else secret
	CorpID         string         `json:"corp_id,omitempty"`
	Token          string         `json:"token,omitempty"`            // secret
	EncodingAESKey string         `json:"encoding_aes_key,omitempty"` // secret
	Secret         string         `json:"secret,omitempty"`           // secret
	Mapping        map[string]any `json:"mapping,omitempty"`          // field of the envelope → where it comes from
	DefaultChannel string         `json:"default_channel,omitempty"`
	StaffPrefix    string         `json:"staff_prefix,omitempty"`
	Demo           bool           `json:"demo,omitempty"`
}

// Channel is a way by which customers come: a contact code, a live code, a poster.
type Channel struct {
	Name     string   `json:"name,omitempty"`
	StoreID  string   `json:"store_id,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Campaign string   `json:"campaign,omitempty"`
}

// Shop is a body of KindStore.
type Shop struct {
	Name     string   `json:"name,omitempty"`
	Province string   `json:"province,omitempty"`
	City     string   `json:"city,omitempty"`
	District string   `json:"district,omitempty"`
	Lat      *float64 `json:"lat,omitempty"`
	Lng      *float64 `json:"lng,omitempty"`
	Tags     []string `json:"tags,omitempty"`
}

// The types of links.
const (
	LinkPage     = "link"
	LinkFile     = "file"
	LinkActivity = "activity"
)

// Link is a page, file or activity that is sent to customers as /r/ link.
type Link struct {
	URL       string     `json:"url"`
	Title     string     `json:"title,omitempty"`
	Type      string     `json:"type,omitempty"` // LinkPage when empty
	Channel   string     `json:"channel,omitempty"`
	StaffID   string     `json:"staff_id,omitempty"`
	StoreID   string     `json:"store_id,omitempty"`
	Tags      []string   `json:"tags,omitempty"`
	ExpiresAt event.Time `json:"expires_at,omitzero"`
	Points    int        `json:"points,omitempty"`
}

// Form is a questionnaire or sign-up sheet.
type Form struct {
	Name     string      `json:"name,omitempty"`
	Fields   []FormField `json:"fields,omitempty"`
	Tags     []string    `json:"tags,omitempty"`
	Activity string      `json:"activity,omitempty"`
}

// FormField is one question: a name alone, or more about it.
type FormField struct {
	Name     string   `json:"name"`
	Label    string   `json:"label,omitempty"`
	Type     string   `json:"type,omitempty"`  // text, number, date, choice, choices, phone, email
	Trait    string   `json:"trait,omitempty"` // the trait that the answer sets
	Options  []string `json:"options,omitempty"`
	Required bool     `json:"required,omitempty"`
}

// UnmarshalJSON also takes the name alone.
func (f *FormField) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*f = FormField{}
		return json.Unmarshal(b, &f.Name)
	}
	type plain FormField
	return json.Unmarshal(b, (*plain)(f))
}

// Staff is one person of the business; the id is the one that events carry.
type Staff struct {
	Name        string   `json:"name,omitempty"`
	Department  string   `json:"department,omitempty"`
	Leader      string   `json:"leader,omitempty"` // a staff id
	StoreID     string   `json:"store_id,omitempty"`
	Email       string   `json:"email,omitempty"`
	Mobile      string   `json:"mobile,omitempty"`
	WeComUserID string   `json:"wecom_userid,omitempty"`
	Teams       []string `json:"teams,omitempty"`
}

// Route says on which channels an alert goes out besides the inbox.
type Route struct {
	Match    RouteMatch     `json:"match,omitzero"`
	Channels []RouteChannel `json:"channels,omitempty"`
	Staff    []string       `json:"staff,omitempty"` // these as well get it into their inbox
}

// RouteMatch chooses alerts: every list that is not empty must hold the alert's value.
type RouteMatch struct {
	Severity []string `json:"severity,omitempty"`
	Rule     []string `json:"rule,omitempty"`
	Group    []string `json:"group,omitempty"`
	Store    []string `json:"store,omitempty"`
}

// The kinds of channels of a route.
const (
	RouteRobot   = "robot"
	RouteEmail   = "email"
	RouteWebhook = "webhook"
)

// RouteChannel is one way out.
type RouteChannel struct {
	Kind   string `json:"kind"`
	Name   string `json:"name,omitempty"`
	URL    string `json:"url,omitempty"`    // robot, webhook; a robot's is secret: it carries its key
	To     string `json:"to,omitempty"`     // email: addresses separated by commas; empty: the recipient's own
	Secret string `json:"secret,omitempty"` // secret; webhook: signs
}

// Rules is a rule set: the files of its folder.
type Rules struct {
	Files map[string]string `json:"files"` // name → YAML
	// Warming are the measures that began empty because nobody waited for
	// history, each with the moment from which its facts are kept.
	Warming map[string]event.Time `json:"warming,omitempty"`
	// NoHistory says that whoever saved it accepted that they begin empty.
	NoHistory bool `json:"no_history,omitempty"`
}

// List is a list of identities.
type List struct {
	Identities []string `json:"identities"` // namespace:value
}
