package store

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// Log leads what the Redis client says by itself into log, at debug: people are
// told by the health checks and by the errors of who asked. The client knows one
// log for the whole program, so a main calls it, once.
func Log(log *zap.Logger) { redis.SetLogger(clientLog{log.Named("redis")}) }

type clientLog struct{ log *zap.Logger }

func (l clientLog) Printf(_ context.Context, format string, v ...any) {
	if l.log.Core().Enabled(zap.DebugLevel) {
		l.log.Debug(fmt.Sprintf(format, v...))
	}
}
