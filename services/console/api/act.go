package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/shards"
)

// sourceConsole names events of what people do here.
const sourceConsole = "console"

const (
	publishWait = 5 * time.Second
	pollEvery   = 15 * time.Millisecond
	maxNote     = 4000 // bytes
	maxTag      = 200
)

// deed is what a person does to a customer.
type deed struct {
	typ        string
	text       string
	properties event.Fields
}

// publish writes a deed as an event of the profile into `raw`, as a collector
// does. A request that is sent again with the same Idempotency-Key is the same
// event.
func (a *API) publish(r *http.Request, profileID string, d deed) (*event.Event, error) {
	by := who(r)
	now := event.At(a.opt.Now())
	id := r.Header.Get("Idempotency-Key")
	switch {
	case len(id) > 100:
		return nil, badRequest("Idempotency-Key 最多 100 个字符", "an Idempotency-Key has at most 100 characters")
	case id == "":
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
		id = hex.EncodeToString(b[:])
	}
	if d.properties == nil {
		d.properties = event.Fields{}
	}
	d.properties["by"] = by.by()
	e := &event.Event{
		EventID: id, Type: d.typ, Time: now, ReceivedAt: now, Source: sourceConsole, StaffID: by.StaffID, From: "staff", Text: d.text,
		Identities: []event.Identity{{Namespace: directNamespace, Value: profileID}}, Properties: d.properties,
	}
	plain, err := e.Encode()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), publishWait)
	defer cancel()
	sealed, err := a.opt.Keys.SealDay(ctx, e.ReceivedAt, plain)
	if err != nil {
		return nil, err
	}
	primary := e.Primary()
	msg := stream.Message{
		Key: []byte(a.opt.Keys.Master().KeyHash(primary)), Value: sealed, Headers: []kafka.Header{{Key: "kind", Value: []byte("event")}},
	}
	_, err = a.opt.Stream.Publish(ctx, schemas.TopicRaw, event.Partition(primary.String(), a.opt.RawPartitions), []stream.Message{msg})
	return e, err
}

// committed waits until the tagger has applied an event to a profile; nil when
// that takes longer than people wait.
func (a *API) committed(ctx context.Context, profileID string, e *event.Event) (*profile.Profile, error) {
	ctx, cancel := context.WithTimeout(ctx, a.opt.CommitWait)
	defer cancel()
	hash := profile.IDHash(e.Source, e.EventID)
	last := int64(-1)
	for {
		commit, err := a.commit(ctx, profileID)
		if err == nil && commit != last {
			last = commit
			p, err := a.shards.Profile(ctx, profileID)
			if err == nil && (slices.ContainsFunc(p.Seen, func(s profile.SeenID) bool { return s.Hash == hash }) || partedBy(p, e)) {
				return p, nil
			}
			if err == nil && p.ID != profileID {
				profileID, last = p.ID, -1 // merged meanwhile: it commits elsewhere
			}
			if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, shards.ErrUnknown) {
				return nil, err
			}
		}
		if !sleep(ctx, pollEvery) {
			return nil, nil
		}
	}
}

func (a *API) commit(ctx context.Context, profileID string) (int64, error) {
	return a.opt.Redis.HGet(ctx, a.shards.Of(profileID).PosKey(), "commit").Int64()
}

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// doneAnswer is what came of a deed.
type doneAnswer struct {
	EventID   string       `json:"event_id"`
	Profile   string       `json:"profile_id"`
	Committed bool         `json:"committed"` // false: accepted, it will take effect
	View      *profileView `json:"profile,omitempty"`
}

// do publishes a deed and answers when the tagger has committed it.
func (a *API) do(w http.ResponseWriter, r *http.Request, d deed) error {
	out, _, err := a.perform(r, d)
	if err != nil {
		return err
	}
	return answer(w, out.status(), out)
}

// perform publishes a deed and waits until the tagger has committed it; done is the
// customer as of then, nil when that takes longer than people wait.
func (a *API) perform(r *http.Request, d deed) (out doneAnswer, done *profile.Profile, err error) {
	p, err := a.find(r.Context(), r.PathValue("id"))
	if err != nil {
		return out, nil, err
	}
	if p.Suppressed && d.typ != event.TypeConsent && d.typ != event.TypeUnmerge {
		return out, nil, refuse(http.StatusConflict, "suppressed", "该客户已被设为不再处理，请先解除", "this customer is suppressed; lift that first")
	}
	e, err := a.publish(r, p.ID, d)
	if err != nil {
		return out, nil, err
	}
	if done, err = a.committed(r.Context(), p.ID, e); err != nil {
		return out, nil, err
	}
	out = doneAnswer{EventID: e.EventID, Profile: p.ID, Committed: done != nil}
	if done == nil {
		return out, nil, nil
	}
	out.Profile = done.ID
	s, err := a.subjectOf(r.Context(), done.ID)
	if err != nil {
		return out, nil, err
	}
	out.View, err = a.view(r.Context(), who(r), s)
	return out, done, err
}

func (d doneAnswer) status() int {
	if d.Committed {
		return http.StatusOK
	}
	return http.StatusAccepted
}

// tagRequest is a manual tag.
type tagRequest struct {
	Tag     string `json:"tag"`
	Group   string `json:"group"`
	Release bool   `json:"release"` // let the rules decide again
}

func readTag(w http.ResponseWriter, r *http.Request) (tagRequest, error) {
	in := tagRequest{Tag: r.URL.Query().Get("tag"), Release: r.URL.Query().Get("release") == "true"}
	if err := readJSON(w, r, &in); err != nil {
		return in, err
	}
	in.Tag = strings.TrimSpace(in.Tag)
	if in.Tag == "" || len(in.Tag) > maxTag {
		return in, badRequest("tag 不能为空，最多 200 字节", "tag is missing, or longer than 200 bytes")
	}
	return in, nil
}

func (a *API) addTag(w http.ResponseWriter, r *http.Request) error {
	in, err := readTag(w, r)
	if err != nil {
		return err
	}
	props := event.Fields{"tag": in.Tag}
	if in.Group != "" {
		props["group"] = in.Group
	}
	return a.do(w, r, deed{typ: "tag.add", properties: props})
}

func (a *API) removeTag(w http.ResponseWriter, r *http.Request) error {
	in, err := readTag(w, r)
	if err != nil {
		return err
	}
	typ := "tag.remove"
	if in.Release {
		typ = "tag.release"
	}
	return a.do(w, r, deed{typ: typ, properties: event.Fields{"tag": in.Tag}})
}

func (a *API) addNote(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Text string `json:"text"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Text = strings.TrimSpace(in.Text); in.Text == "" || len(in.Text) > maxNote {
		return badRequest("text 不能为空，最多 4000 字节", "text is missing, or longer than 4,000 bytes")
	}
	return a.do(w, r, deed{typ: "note.add", text: in.Text})
}

func (a *API) setConsent(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Profiling  string `json:"profiling"`
		Suppressed *bool  `json:"suppressed"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	props := event.Fields{}
	switch in.Profiling {
	case "":
	case "refused", "granted":
		props["profiling"] = in.Profiling
	default:
		return badRequest("profiling 应为 refused 或 granted", "profiling is refused or granted")
	}
	if in.Suppressed != nil {
		props["suppressed"] = *in.Suppressed
	}
	if len(props) == 0 {
		return badRequest("请给出 profiling 或 suppressed", "give profiling or suppressed")
	}
	return a.do(w, r, deed{typ: event.TypeConsent, properties: props})
}
