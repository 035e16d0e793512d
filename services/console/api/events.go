package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/tagwire/tagwire/services/console/live"
)

// followWait is how long a listener waits for the feed to stand at the ends.
const followWait = 3 * time.Second

func (a *API) eventStream(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	sub := a.feed.Subscribe(r.URL.Query().Get("source"))
	defer sub.Close()
	select { // an open stream shows what is accepted from then on
	case <-a.feed.Following():
	case <-time.After(followWait):
	case <-ctx.Done():
		return nil
	}
	s, err := openStream(w)
	if err != nil {
		return nil
	}
	told := int64(0)
	return pump(ctx, s, sub.C, func(e live.Event) error {
		if n := sub.Dropped(); n != told {
			told = n
			if err := s.comment("dropped " + strconv.FormatInt(n, 10)); err != nil {
				return err
			}
		}
		data, err := json.Marshal(e)
		if err != nil {
			return err
		}
		return s.send("", data)
	})
}

// verify counts everything anew.
func (a *API) verify(w http.ResponseWriter, r *http.Request) error {
	rep, err := a.recount.Get(r.Context())
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, rep)
}
