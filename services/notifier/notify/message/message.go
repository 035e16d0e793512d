// Package message is an alert as it is told to people outside the console.
//
// It guarantees that a message holds no personal data beyond the masked name:
// what is sealed in an alert's title is opened and cut to its first character.
// It carries the alert's number, so that a message that came twice is known as
// one, and an opaque link. What customers wrote, such as names and titles, can
// form no mark-up, mention or line of its own.
//
// It sends nothing; the packages of the channels do. The notifier calls it.
package message

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store/inbox"
)

// Opener opens sealed texts: seal.Keys.
type Opener interface {
	OpenText(ctx context.Context, s string) (string, error)
}

// Recipient is a person a message is meant for.
type Recipient struct {
	ID          string
	Name        string
	Email       string
	Mobile      string
	WeComUserID string
}

// Message is what is told.
type Message struct {
	ID         string // of this delivery: the same at every try
	Alert      inbox.Alert
	Title      string // masked
	Link       string // empty without a public address
	Recipients []Recipient
	Language   Language
	zone       *time.Location
}

// Address is where a message goes.
type Address struct {
	Key    string // hash of the address: names its queue and its limits
	URL    string // robot, webhook
	To     string // e-mail; empty: the recipients' own
	Secret string // webhook
}

// Builder makes messages.
type Builder struct {
	Keys      Opener
	PublicURL string
	Language  Language
	Zone      *time.Location // of the times shown; nil: Asia/Shanghai
}

// shanghai is the zone of all days shown; a fixed offset, because it has had no
// summer time since 1991 and a machine may lack the zone table.
func shanghai() *time.Location { return time.FixedZone("Asia/Shanghai", 8*60*60) }

// Build makes the message of an alert. An error means that the keys cannot be
// read now.
func (b *Builder) Build(ctx context.Context, id string, a *inbox.Alert, to []Recipient) (*Message, error) {
	m := &Message{ID: id, Alert: *a, Recipients: to, Language: b.Language, zone: b.Zone}
	var err error
	if m.Title, err = maskNames(ctx, b.Keys, a.Title); err != nil {
		return nil, fmt.Errorf("open title of alert %s: %w", a.AlertID, err)
	}
	if m.Alert.Advice, err = maskNames(ctx, b.Keys, a.Advice); err != nil {
		return nil, fmt.Errorf("open advice of alert %s: %w", a.AlertID, err)
	}
	m.Alert.Title = m.Title
	m.hide()
	if m.zone == nil {
		m.zone = shanghai()
	}
	if m.Language == "" {
		m.Language = Chinese
	}
	if b.PublicURL != "" {
		m.Link = strings.TrimRight(b.PublicURL, "/") + "/#/alerts/" + a.AlertID
	}
	return m, nil
}

// hide masks what else may be sealed: a measure can keep a trait's value.
func (m *Message) hide() {
	measures := make(map[string]string, len(m.Alert.Measures))
	for name, value := range m.Alert.Measures {
		measures[name] = seal.Mask(value, masked)
	}
	m.Alert.Measures = measures
	m.Alert.Evidence = slices.Clone(m.Alert.Evidence)
	for i := range m.Alert.Evidence {
		m.Alert.Evidence[i].ObjectTitle = seal.Mask(m.Alert.Evidence[i].ObjectTitle, masked)
	}
}

// Line is one thing a message says: its name and the text. Channels only lay
// lines out.
type Line struct {
	Name string
	Text string
	sep  string
}

func (l Line) String() string { return l.Name + l.sep + l.Text }

// maxEvidence is how many events a message tells; the console shows all.
const maxEvidence = 5

// Headline is the first line: how urgent, and what.
func (m *Message) Headline() string {
	p := m.Language.phrases()
	urgency := p.severity(m.Alert.Severity)
	if m.Alert.EscalatedAt != 0 {
		urgency += p.escalated
	}
	return p.bracketOpen + urgency + p.bracketClose + flat(m.Title)
}

// Lines are the reason and what to do, the most important first.
func (m *Message) Lines() []Line {
	p := m.Language.phrases()
	var lines []Line
	add := func(name, text string) {
		if text != "" {
			lines = append(lines, Line{name, flat(text), p.colon})
		}
	}
	add(p.advice, m.Alert.Advice)
	why := m.Alert.Rule
	if m.Alert.RuleVersion > 0 {
		why = fmt.Sprintf(p.ruleVersion, why, m.Alert.RuleVersion)
	}
	add(p.rule, why)
	events := slices.Clone(m.Alert.Evidence)
	slices.SortStableFunc(events, func(a, b event.Evidence) int { return cmp.Compare(a.Time, b.Time) })
	from := max(0, len(events)-maxEvidence) // the newest, told in their order
	for _, e := range events[from:] {
		add(p.evidence, m.evidence(e))
	}
	if from > 0 {
		add(p.evidence, fmt.Sprintf(p.more, from))
	}
	return lines
}

func (m *Message) evidence(e event.Evidence) string {
	p := m.Language.phrases()
	text := m.clock(e.Time) + " " + p.event(e.Type)
	if e.ObjectTitle != "" {
		text += p.quoteOpen + e.ObjectTitle + p.quoteClose
	}
	if len(e.Matched) > 0 {
		text += p.matched + strings.Join(e.Matched, p.comma)
	}
	return text
}

// clock is the time of day, with the date when it is another day than the
// alert's.
func (m *Message) clock(t event.Time) string {
	at, raised := t.Std().In(m.zone), m.Alert.RaisedAt.Std().In(m.zone)
	if at.YearDay() == raised.YearDay() && at.Year() == raised.Year() {
		return at.Format("15:04")
	}
	return at.Format("01-02 15:04")
}

// Foot is the last line: the number.
func (m *Message) Foot() string {
	p := m.Language.phrases()
	return p.number + " " + m.Alert.Number + " · " + m.Alert.RaisedAt.Std().In(m.zone).Format("01-02 15:04")
}

// LinkText is what the link says.
func (m *Message) LinkText() string { return m.Language.phrases().open }

// For names whom it is for, empty when nobody.
func (m *Message) For() string {
	p := m.Language.phrases()
	var names []string
	for _, r := range m.Recipients {
		name := r.Name
		if name == "" {
			name = r.ID
		}
		names = append(names, flat(name))
	}
	if len(names) == 0 {
		return ""
	}
	return p.staff + p.colon + strings.Join(names, p.comma)
}

// Text is the whole message as plain text of at most limit bytes; 0: any
// length. What is cut is the reason's end, never the number and the link.
func (m *Message) Text(limit int) string {
	var body []string
	for _, l := range m.Lines() {
		body = append(body, l.String())
	}
	if who := m.For(); who != "" {
		body = append(body, who)
	}
	tail := m.Foot()
	if m.Link != "" {
		tail = m.Link + "\n" + tail
	}
	return Fit(m.Headline(), body, tail, limit)
}

// Fit joins head, body lines and tail so that they take at most limit bytes: it
// leaves out body lines from the end, then cuts the head between two
// characters. 0: any length.
func Fit(head string, body []string, tail string, limit int) string {
	for n := len(body); n >= 0; n-- {
		lines := append([]string{head}, body[:n]...)
		text := strings.Join(append(lines, tail), "\n")
		if limit <= 0 || len(text) <= limit {
			return text
		}
	}
	const ellipsis = "…"
	room := limit - len(tail) - len("\n") - len(ellipsis)
	if room <= 0 {
		return Cut(tail, limit)
	}
	return Cut(head, room) + ellipsis + "\n" + tail
}

// Cut shortens a text to at most limit bytes, between two characters.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xC0 == 0x80 { // within a character
		limit--
	}
	return s[:limit]
}
