package warehouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/tagwire/tagwire/libs/telemetry"
)

// The oldest ClickHouse that does all that is asked of it.
const (
	minMajor = 25
	minMinor = 8
)

// ErrUnfit is the cause of every refusal of a server by Check.
var ErrUnfit = errors.New("this ClickHouse cannot keep history exact")

var numbers = regexp.MustCompile(`^(\d+)\.(\d+)`)

// Check looks at the server after Migrate: its version, and that it knows the
// settings inserts rely on. Settings of tables and of the user that are only
// weaker than demanded are told, each with what it may lose and its cure.
func (w *Warehouse) Check(ctx context.Context) ([]telemetry.Words, error) {
	if err := errors.Join(w.checkVersion(ctx), w.checkSettings(ctx)); err != nil {
		return nil, err
	}
	return w.weaknesses(ctx)
}

func (w *Warehouse) checkVersion(ctx context.Context) error {
	var version string
	if err := w.Scalar(ctx, "SELECT version()", &version); err != nil {
		return err
	}
	if !newEnough(version) {
		return fmt.Errorf("version %s, at least %d.%d is needed: %w", version, minMajor, minMinor, ErrUnfit)
	}
	return nil
}

func newEnough(version string) bool {
	m := numbers.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1]) // digits by the expression
	minor, _ := strconv.Atoi(m[2])
	return major > minMajor || major == minMajor && minor >= minMinor
}

func (w *Warehouse) checkSettings(ctx context.Context) error {
	var errs []error
	for name := range insertSettings() {
		known, err := w.knows(ctx, name)
		if err != nil {
			return err
		}
		if !known {
			errs = append(errs, fmt.Errorf("setting %s is unknown: %w", name, ErrUnfit))
		}
	}
	newer, err := w.knows(ctx, "deduplicate_insert") // from 26.2 on
	w.explicit.Store(newer)
	return errors.Join(append(errs, err)...)
}

func (w *Warehouse) knows(ctx context.Context, setting string) (bool, error) {
	var n uint64
	err := w.Scalar(ctx, fmt.Sprintf("SELECT count() FROM system.settings WHERE name = '%s'", setting), &n)
	return n > 0, err
}
