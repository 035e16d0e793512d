package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// usual are the images that docker-compose.yml runs. Tagwire's own is on no registry.
var usual = map[string]string{
	"kafka": "apache/kafka:4.1.0", "redis": "valkey/valkey:8-bookworm", "clickhouse": "clickhouse/clickhouse-server:25.8",
}

const (
	// The first pull decides for all: a registry that is not reached is not asked again.
	decideWithin = time.Minute
	pullWithin   = 10 * time.Minute
)

func docker(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// pull fetches an image that is not here yet.
func pull(ctx context.Context, name string, within time.Duration) error {
	if docker(ctx, "image", "inspect", name) == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return docker(ctx, "pull", "--quiet", name)
}

// registry is nil when one can be reached: the smallest image could be had.
var registry = sync.OnceValue(func() error { return pull(context.Background(), usual["redis"], decideWithin) })

// local is the image of a part that scripts/build-images makes of what was fetched.
func local(ctx context.Context, part string) (string, error) {
	cmd := exec.CommandContext(ctx, "../../scripts/build-images", "--load", part)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("make the image of %s here: %w", part, err)
	}
	_, name, found := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !found {
		return "", fmt.Errorf("make the image of %s here: it says %q", part, out)
	}
	return name, nil
}

// image is what the variable names, else the registry's, else one made here.
func image(t *testing.T, part string) string {
	t.Helper()
	if given := os.Getenv("TAGWIRE_E2E_" + strings.ToUpper(part) + "_IMAGE"); given != "" {
		return given
	}
	err := errors.New("it is on no registry")
	if name, there := usual[part]; there {
		if err = registry(); err == nil {
			if err = pull(t.Context(), name, pullWithin); err == nil {
				return name
			}
		}
	}
	name, lerr := local(t.Context(), part)
	require.NoError(t, lerr)
	t.Logf("%s runs from %s, made here: %v", part, name, err)
	return name
}

// testcontainers cleans up by a container of its own, whose image it pulls; without
// a registry the tests' own clean-up must do, which runs unless the binary is killed.
func TestMain(m *testing.M) {
	if registry() != nil {
		if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
