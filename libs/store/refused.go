package store

import "errors"

// Why a compared write has changed nothing; whoever returns one names what it was
// about.
var (
	ErrNotOwner = errors.New("another owner has taken it over")
	ErrBehind   = errors.New("it has moved on: the last write was not confirmed to us")
	ErrLost     = errors.New("its state is gone from Redis")
)

// The same as labels of metrics.
const (
	causeNotOwner = "not_owner"
	causeBehind   = "behind"
	causeLost     = "lost"
	causeOther    = "other"
)

// Refused is the error of a script's answer: "owner", "behind" or "lost". Any other
// answer is none.
func Refused(answer string) error {
	switch answer {
	case "owner":
		return ErrNotOwner
	case "behind":
		return ErrBehind
	case "lost":
		return ErrLost
	}
	return nil
}

// Causes are the values of Cause.
func Causes() []string { return []string{causeNotOwner, causeBehind, causeLost, causeOther} }

// Cause is an error as the label of a metric.
func Cause(err error) string {
	switch {
	case errors.Is(err, ErrNotOwner):
		return causeNotOwner
	case errors.Is(err, ErrBehind):
		return causeBehind
	case errors.Is(err, ErrLost):
		return causeLost
	}
	return causeOther
}
