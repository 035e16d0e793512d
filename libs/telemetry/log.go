// Package telemetry is what a program tells about itself: its log, its
// metrics, and whether it is healthy and ready.
//
// It guarantees: no globals (registry, logger and health are values that are
// passed in); one slow or panicking check delays or breaks no other; the values
// of metric labels made with [Bounded] and [Capped] are limited in number.
//
// It does not decide what the roles measure, and it sends nothing anywhere.
// The mains of all services call it; roles get the values it makes.
package telemetry

import (
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// LogOptions choose the shape of the log.
type LogOptions struct {
	// Level is debug, info, warn or error. Default: info.
	Level string
	// Format is console, for people, or json. Default: console.
	Format string
	// Out takes the lines. Default: standard error.
	Out io.Writer
}

// NewLogger makes the program's logger.
func NewLogger(opts LogOptions) (*zap.Logger, error) {
	level := zapcore.InfoLevel
	if opts.Level != "" {
		if err := level.Set(opts.Level); err != nil {
			return nil, fmt.Errorf("log level %q: use debug, info, warn or error", opts.Level)
		}
	}
	if opts.Out == nil {
		opts.Out = os.Stderr
	}
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	switch opts.Format {
	case "", "console":
		enc.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(enc)
	case "json":
		encoder = zapcore.NewJSONEncoder(enc)
	default:
		return nil, fmt.Errorf("log format %q: use console or json", opts.Format)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(opts.Out)), level)), nil
}
