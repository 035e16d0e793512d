package partstest

import (
	"context"
	_ "embed" // the versions
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/embedded"
)

//go:embed engines.env
var enginesEnv string

func pin(name string) string {
	for line := range strings.Lines(enginesEnv) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// KafkaVersion is the Apache Kafka that tests run on.
func KafkaVersion() string { return pin("KAFKA_VERSION") }

func kafkaJars() (string, error) {
	dir := filepath.Join(embedded.EnginesDir(), "kafka-"+KafkaVersion())
	if _, err := os.Stat(filepath.Join(dir, "kafka_2.13-"+KafkaVersion()+".jar")); err != nil {
		return "", fmt.Errorf("find Apache Kafka, run ./scripts/fetch-real-parts: %w", err)
	}
	return dir, nil
}

const oldestJava = 17

var javaVersion = regexp.MustCompile(`version "(\d+)`)

func findJava(ctx context.Context) (string, error) {
	candidates := []string{"java"}
	if home := os.Getenv("JAVA_HOME"); home != "" {
		candidates = []string{filepath.Join(home, "bin", "java"), "java"}
	}
	for _, java := range candidates {
		out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
		m := javaVersion.FindSubmatch(out)
		if err != nil || m == nil {
			continue
		}
		if major, err := strconv.Atoi(string(m[1])); err == nil && major >= oldestJava {
			return java, nil
		}
	}
	return "", fmt.Errorf("no Java of version %d or later on the path, run ./scripts/fetch-real-parts", oldestJava)
}

// RedisProgram is a server of Redis' kind at hand.
type RedisProgram struct {
	Name string // with version: "valkey 9.1.2"
	TLS  bool   // built with TLS
	path string
	libs string // folder of shared libraries it needs; empty: the system's
}

func (r RedisProgram) command(args ...string) *exec.Cmd {
	cmd := exec.Command(r.path, args...)
	if r.libs != "" {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+r.libs)
	}
	return cmd
}

var redisVersion = regexp.MustCompile(`v=(\d+)\.(\d+\.\d+)`)

const oldestRedis = 7

// RedisPrograms are the servers at hand, new enough, those of the path first,
// each name once. There is at least one, or an error.
func RedisPrograms() ([]RedisProgram, error) {
	dir := embedded.EnginesDir()
	debian := filepath.Join(dir, "redis-debian")
	candidates := []RedisProgram{
		{Name: "valkey", path: "valkey-server"},
		{Name: "redis", path: "redis-server"},
	}
	fetched, err := filepath.Glob(filepath.Join(dir, "valkey-*", "valkey-server"))
	if err != nil {
		return nil, fmt.Errorf("look for valkey: %w", err)
	}
	for _, path := range fetched {
		candidates = append(candidates, RedisProgram{Name: "valkey", path: path})
	}
	candidates = append(candidates, RedisProgram{Name: "redis", path: filepath.Join(debian, "bin", "redis-server"), libs: filepath.Join(debian, "lib")})
	var found []RedisProgram
	seen := map[string]bool{}
	for _, r := range candidates {
		out, err := r.command("--version").Output()
		m := redisVersion.FindSubmatch(out)
		if err != nil || m == nil {
			continue
		}
		if major, err := strconv.Atoi(string(m[1])); err != nil || major < oldestRedis {
			continue
		}
		r.TLS = r.hasTLS()
		r.Name += " " + string(m[1]) + "." + string(m[2])
		if key := fmt.Sprint(r.Name, r.TLS); !seen[key] {
			seen[key] = true
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no valkey-server and no redis-server of version 7 or later, run ./scripts/fetch-engines")
	}
	return found, nil
}

// hasTLS asks for TLS without a key: a server that has it says that the key is
// missing, another that it has no TLS. Neither starts.
func (r RedisProgram) hasTLS() bool {
	out, err := r.command("--port", "0", "--tls-port", "1", "--tls-cert-file", "/nowhere", "--save", "").CombinedOutput()
	return err != nil && strings.Contains(string(out), "tls-key-file")
}
