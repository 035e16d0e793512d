package checks_test

import (
	"bufio"
	"bytes"
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/services/tagwire/app"
)

// environment is parts.env.example with a value for each secret.
func environment(t *testing.T) []string {
	t.Helper()
	var out []string
	lines := bufio.NewScanner(bytes.NewReader(read(t, "deploy/docker/parts.env.example")))
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if value == "" {
			value = "secret-of-" + strings.ToLower(key)
		}
		out = append(out, key+"="+value)
	}
	return out
}

// compose reads a file as `docker compose config` does.
func compose(t *testing.T, file string, env []string) (*types.Project, error) {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{filepath.Join(root, file)}, cli.WithEnv(env), cli.WithResolvedPaths(true))
	require.NoError(t, err)
	return o.LoadProject(context.WithoutCancel(t.Context()))
}

func parsed(t *testing.T, file string) *types.Project {
	t.Helper()
	p, err := compose(t, file, environment(t))
	require.NoError(t, err)
	return p
}

const (
	manyFile = "docker-compose.yml"
	oneFile  = "deploy/docker/one.yml"
)

func TestComposeFilesKeepContainersSmallAndSafe(t *testing.T) {
	for _, file := range []string{manyFile, oneFile} {
		p := parsed(t, file)
		for name, s := range p.Services {
			at := file + ": " + name
			if assert.NotNil(t, s.HealthCheck, "%s: health check", at) {
				assert.NotEmpty(t, s.HealthCheck.Test, at)
				assert.NotNil(t, s.HealthCheck.StartPeriod, "%s: time to start", at)
			}
			assert.Positive(t, s.MemLimit, "%s: mem_limit", at)
			assert.Positive(t, s.PidsLimit, "%s: pids_limit", at)
			assert.Equal(t, "unless-stopped", s.Restart, at)
			assert.True(t, s.ReadOnly, "%s: read_only", at)
			assert.Equal(t, []string{"ALL"}, s.CapDrop, at)
			assert.Contains(t, s.SecurityOpt, "no-new-privileges:true", at)
			assert.False(t, s.Privileged, at)
			user, _, _ := strings.Cut(s.User, ":")
			assert.NotContains(t, []string{"", "0", "root"}, user, "%s: user", at)
			for _, v := range s.Volumes {
				switch v.Type {
				case types.VolumeTypeVolume:
					assert.Contains(t, p.Volumes, v.Source, at)
				case types.VolumeTypeBind:
					assert.True(t, v.ReadOnly, "%s: %s can be written to", at, v.Source)
					_, err := os.Stat(v.Source)
					assert.NoError(t, err, at)
				}
			}
			for dep, d := range s.DependsOn {
				assert.Contains(t, p.Services, dep, at)
				assert.Equal(t, types.ServiceConditionHealthy, d.Condition, "%s waits for %s", at, dep)
			}
		}
	}
}

func TestComposeHoldsEveryRoleAndPart(t *testing.T) {
	p := parsed(t, manyFile)
	for role := range maps.Keys(app.Builders()) {
		s, ok := p.Services[role]
		require.True(t, ok, "%s is missing", role)
		assert.Equal(t, types.ShellCommand{"run", role}, s.Command)
		assert.Equal(t, "roles", s.Build.Target, "the image without engines")
		for _, part := range []string{"kafka", "redis", "clickhouse"} {
			assert.Contains(t, s.DependsOn, part, role)
		}
		assert.Contains(t, s.Networks, "parts", role)
	}
	images := map[string]string{
		"kafka": "apache/kafka:4.", "redis": "valkey/valkey:", "clickhouse": "clickhouse/clickhouse-server:25.8",
		"prometheus": "prom/prometheus:v3.", "grafana": "grafana/grafana:",
	}
	for name, image := range images {
		assert.True(t, strings.HasPrefix(p.Services[name].Image, image), "%s is %s", name, p.Services[name].Image)
	}
	assert.Len(t, p.Services, len(images)+len(app.Builders()), "a new service belongs into this test")
	assert.Subset(t, p.Services["redis"].Command, []string{"--appendonly", "--appendfsync", "always", "--maxmemory-policy", "noeviction"})
}

// Only collector and console are for others; they too are opened by choice.
func TestComposeOpensNothingToTheWorld(t *testing.T) {
	p := parsed(t, manyFile)
	for name, s := range p.Services {
		for _, port := range s.Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, "%s: port %s", name, port.Published)
		}
	}
	open := func(env ...string) (out []string) {
		p, err := compose(t, manyFile, append(environment(t), env...))
		require.NoError(t, err)
		for name, s := range p.Services {
			for _, port := range s.Ports {
				if ip := net.ParseIP(port.HostIP); ip == nil || !ip.IsLoopback() {
					out = append(out, name)
				}
			}
		}
		slices.Sort(out)
		return out
	}
	assert.Equal(t, []string{"collector", "console"}, open("COLLECTOR_ADDRESS=0.0.0.0:8081", "CONSOLE_ADDRESS=0.0.0.0:8082"))
	assert.True(t, bool(p.Networks["parts"].Internal), "the parts' network has no way out")
	for _, part := range []string{"kafka", "redis", "clickhouse"} {
		assert.Equal(t, []string{"parts"}, slices.Collect(maps.Keys(p.Services[part].Networks)), part)
	}
}

// The settings of each role are settings, they are accepted, and each address
// names a service that waits there.
func TestComposeSetsWhatTheProductKnows(t *testing.T) {
	p := parsed(t, manyFile)
	host := regexp.MustCompile(`\b([a-z]+):(\d+)\b`)
	for role := range app.Builders() {
		var env []string
		for key, value := range p.Services[role].Environment {
			if strings.HasPrefix(key, "TAGWIRE_") && value != nil {
				env = append(env, key+"="+sane(key, *value))
			}
		}
		c, notices, err := config.Load(config.Options{Env: env, OtherVariables: []string{}})
		require.NoError(t, err, role)
		assert.Empty(t, notices, role)
		assert.True(t, c.KafkaExternal() && c.RedisExternal() && c.ClickHouseExternal(), role)
		assert.NotEmpty(t, c.MasterKey.Reveal(), role)
		addresses := append([]string{c.Redis.Addr, c.ClickHouse.Addr, c.ClickHouse.HTTP}, c.Kafka.Brokers...)
		for _, a := range addresses {
			m := host.FindStringSubmatch(a)
			require.NotNil(t, m, "%s: %s", role, a)
			assert.Contains(t, p.Services, m[1], "%s: %s", role, a)
		}
		if c.Spool.Dir != "data/spool" {
			assert.True(t, mounted(p.Services[role], c.Spool.Dir), "%s: %s is no volume", role, c.Spool.Dir)
		}
	}
	assert.True(t, mounted(p.Services["collector"], "/spool"), "the spool outlives its container")
	assert.Contains(t, *p.Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"], "kafka:9092")
}

// sane replaces the stand-ins of settings that are no secrets.
func sane(key, value string) string {
	switch key {
	case "TAGWIRE_PUBLIC_URL":
		return "https://tag.example.com"
	case "TAGWIRE_TRUSTED_PROXIES":
		return "10.0.0.0/8"
	}
	return value
}

func mounted(s types.ServiceConfig, target string) bool {
	return slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool {
		return v.Type == types.VolumeTypeVolume && v.Target == target
	})
}

// Nothing starts without secrets, and the message says where they come from.
func TestComposeRefusesToStartWithoutSecrets(t *testing.T) {
	all := environment(t)
	for _, key := range []string{
		"TAGWIRE_MASTER_KEY", "TAGWIRE_WRITE_KEY", "TAGWIRE_ADMIN_TOKEN",
		"TAGWIRE_REDIS_PASSWORD", "TAGWIRE_CLICKHOUSE_PASSWORD", "GRAFANA_PASSWORD",
	} {
		some := slices.DeleteFunc(slices.Clone(all), func(e string) bool { return strings.HasPrefix(e, key+"=") })
		require.Less(t, len(some), len(all), "parts.env.example lacks %s", key)
		_, err := compose(t, manyFile, some)
		assert.ErrorContains(t, err, "make-env", key)
	}
	_, err := compose(t, oneFile, nil)
	require.NoError(t, err, "one container needs none")
}

// Prometheus asks services that exist, and every role.
func TestPrometheusAsksEveryRole(t *testing.T) {
	p := parsed(t, manyFile)
	text := string(read(t, "deploy/prometheus/prometheus.yml"))
	names := regexp.MustCompile(`names: \[([^\]]+)\]`).FindStringSubmatch(text)
	require.NotNil(t, names)
	asked := strings.Split(names[1], ", ")
	assert.ElementsMatch(t, slices.Collect(maps.Keys(app.Builders())), asked)
	for _, name := range asked {
		assert.Contains(t, p.Services, name)
		assert.Contains(t, p.Services["prometheus"].Networks, "parts")
	}
	assert.Contains(t, text, "clickhouse:9363")
	assert.Contains(t, string(read(t, "deploy/clickhouse/tagwire.xml")), "<port>9363</port>")
}
