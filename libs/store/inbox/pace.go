package inbox

import (
	"context"
	_ "embed" // the script
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed pace.lua
var paceLua string

// Pace lets at most so many turns of a name pass in any window, over all
// processes and restarts: a robot counts what all of us send.
type Pace struct {
	Redis  redis.UniversalClient
	Most   int
	Window time.Duration
}

// Take takes a turn, or says how long to wait before asking again.
func (p Pace) Take(ctx context.Context, name string) (time.Duration, error) {
	ms, err := redis.NewScript(paceLua).Run(ctx, p.Redis, []string{"tw:pace:" + name}, p.Most, p.Window.Milliseconds()).Int64()
	if err != nil {
		return 0, fmt.Errorf("take a turn of %s: %w", name, err)
	}
	return time.Duration(ms) * time.Millisecond, nil
}
