package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
)

// health is how a role or part fares.
type health struct {
	OK         bool    `json:"ok"`
	LagSeconds float64 `json:"lag_seconds"`
	Detail     string  `json:"detail,omitempty"`
}

// statusView is the state of the whole as the page shows it.
type statusView struct {
	Ready   bool              `json:"ready"`
	Roles   map[string]health `json:"roles"`
	Parts   map[string]health `json:"parts"`
	Streams streamsView       `json:"streams"`
	Rules   rulesStatus       `json:"rules"`
}

type streamsView struct {
	AsOf event.Time `json:"as_of"`
}

type rulesStatus struct {
	Version    int64  `json:"version"`
	Activating bool   `json:"activating"`
	Trouble    string `json:"trouble,omitempty"`
}

// partNames are the checks that are about parts, not roles.
func partNames() []string { return []string{"kafka", "redis", "clickhouse"} }

func (a *API) status(w http.ResponseWriter, r *http.Request) error {
	out := statusView{Ready: true, Roles: map[string]health{}, Parts: map[string]health{}}
	if a.opt.Health != nil {
		report := a.opt.Health.Report(r.Context())
		out.Ready = report.Ready
		for _, c := range report.Checks {
			name, _, _ := strings.Cut(c.Name, ".")
			into := out.Roles
			if slices.Contains(partNames(), name) {
				into = out.Parts
			}
			into[name] = worse(into, name, health{c.OK, c.LagSeconds, c.Detail})
		}
	}
	a.ping(r.Context(), out.Parts)
	if v, err := a.board.Now(r.Context()); err == nil {
		out.Streams.AsOf = v.AsOf
		out.Rules = rulesStatus{v.RulesVersion, v.Activating, a.activator.Trouble()}
	}
	return answer(w, http.StatusOK, out)
}

// ping asks the parts that no check speaks of.
func (a *API) ping(ctx context.Context, into map[string]health) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	asks := map[string]func(context.Context) error{
		"kafka": func(ctx context.Context) error { _, err := a.opt.Stream.Reach(ctx); return err },
		"redis": func(ctx context.Context) error { return store.Reach(ctx, a.opt.Redis) },
	}
	if a.opt.Warehouse != nil {
		asks["clickhouse"] = a.opt.Warehouse.Ping
	}
	type reply struct {
		name string
		err  error
	}
	replies := make(chan reply, len(asks))
	asked := 0
	for name, ask := range asks {
		if _, known := into[name]; known {
			continue
		}
		asked++
		go func() { replies <- reply{name, ask(ctx)} }() // ends with ctx at the latest
	}
	for range asked {
		got := <-replies
		h := health{OK: got.err == nil}
		if got.err != nil {
			h.Detail = "没有应答 / it does not answer"
		}
		into[got.name] = h
	}
}

// worse joins the checks of one role: all must be in order, the largest lag
// counts, and what is said of a failing one is said first.
func worse(have map[string]health, name string, h health) health {
	old, ok := have[name]
	if !ok {
		return h
	}
	first, second := old, h
	if old.OK && !h.OK {
		first, second = h, old
	}
	detail := first.Detail
	if second.Detail != "" && detail != "" {
		detail += "; "
	}
	return health{old.OK && h.OK, max(old.LagSeconds, h.LagSeconds), detail + second.Detail}
}
