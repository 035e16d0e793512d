package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// timelinePage is a part of a customer's history. ArchivedTo says up to when
// history is certainly whole; what came later may be missing.
type timelinePage struct {
	Items      []warehouse.Entry `json:"items"`
	Next       string            `json:"next_cursor"`
	ArchivedTo event.Time        `json:"archived_to"`
}

func (a *API) timeline(w http.ResponseWriter, r *http.Request) error {
	limit, err := number(r, "limit")
	if err != nil {
		return err
	}
	if a.opt.Warehouse == nil {
		return away(errNoWarehouse)
	}
	p, err := a.find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	to := a.archivedTo(r.Context())
	page, err := a.opt.Warehouse.Timeline(r.Context(), warehouse.TimelineQuery{
		Profile: p.ID, Kinds: q["kind"], Renewed: q.Get("renewed") == "true", Cursor: q.Get("cursor"), Limit: limit,
	})
	if err != nil {
		return err
	}
	page.Entries = slices.DeleteFunc(page.Entries, func(e warehouse.Entry) bool { // the alert's own entry says it
		return e.Kind == warehouse.KindEvent && e.Source == sourceConsole && strings.HasPrefix(e.Type, "alert.")
	})
	fields := make([]*string, 0, 3*len(page.Entries))
	for i := range page.Entries {
		e := &page.Entries[i]
		fields = append(fields, &e.Title, &e.Text, &e.ObjectTitle)
	}
	if err := a.openFields(r.Context(), who(r), fields...); err != nil {
		return err
	}
	for i := range page.Entries {
		e := &page.Entries[i]
		if (e.Kind == warehouse.KindNote || e.Type == event.TypeUnmerge) && e.Title == "" {
			e.Title = e.Text
		}
	}
	return answer(w, http.StatusOK, timelinePage{Items: filled(page.Entries), Next: page.Next, ArchivedTo: to})
}

// archive is how far history is known to be whole.
type archive struct {
	mu      sync.Mutex
	whole   event.Time
	asked   time.Time
	samples []logEnd
}

// logEnd is where the log ended at a moment.
type logEnd struct {
	at   event.Time
	ends map[string][]stream.Range
}

const maxSamples = 120

// archivedTo is the latest moment known at which all that was in the log is in
// history by now; zero when that is not known. It is asked at most once a second.
func (a *API) archivedTo(ctx context.Context) event.Time {
	x := &a.archive
	x.mu.Lock()
	defer x.mu.Unlock()
	if time.Since(x.asked) < time.Second {
		return x.whole
	}
	sample := logEnd{at: event.At(a.opt.Now()), ends: map[string][]stream.Range{}}
	marks := map[string]map[int]warehouse.Mark{}
	for _, topic := range []string{schemas.TopicEvents, schemas.TopicChanges, schemas.TopicAlerts} {
		var err error
		if sample.ends[topic], err = a.opt.Stream.Ranges(ctx, topic, a.opt.Shards); err != nil {
			return x.whole
		}
		if marks[topic], err = a.opt.Warehouse.Archived(ctx, topic); err != nil {
			return x.whole
		}
	}
	x.asked = time.Now()
	x.samples = append(x.samples[max(0, len(x.samples)-maxSamples+1):], sample)
	for i, s := range slices.Backward(x.samples) {
		if s.archived(marks) {
			x.whole, x.samples = s.at, slices.Clone(x.samples[i+1:])
			break
		}
	}
	return x.whole
}

func (s logEnd) archived(marks map[string]map[int]warehouse.Mark) bool {
	for topic, ends := range s.ends {
		for p, e := range ends {
			if e.End > e.First && marks[topic][p].Next < e.End {
				return false
			}
		}
	}
	return true
}
