package message

import (
	"errors"
	"fmt"
	"time"
)

// Failure is why a message did not go out.
type Failure struct {
	Permanent  bool          // the same message can never succeed there
	RetryAfter time.Duration // the channel asks for this much time
	Err        error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap is the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Refused is a failure that trying again cannot mend.
func Refused(format string, args ...any) error {
	return &Failure{Permanent: true, Err: fmt.Errorf(format, args...)}
}

// Busy is a failure of a channel that asks for time.
func Busy(after time.Duration, format string, args ...any) error {
	return &Failure{RetryAfter: after, Err: fmt.Errorf(format, args...)}
}

// AsFailure reads a failure; any other error may be tried again.
func AsFailure(err error) Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return *f
	}
	return Failure{Err: err}
}
