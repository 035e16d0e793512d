package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/tagwire/app"
)

// place is where a command finds the running Tagwire: its data folder, or an
// address with a key or token.
type place struct {
	data  string // the folder; empty with url
	url   string
	key   string // write key
	token string // admin token
}

// errNotRunning is the answer to a folder without endpoints.
var errNotRunning = errors.New("not running")

// endpoints reads DIR/endpoints.json, which stands there while `up` is ready.
func endpoints(dir string) (app.Endpoints, string, error) {
	path := filepath.Join(dir, "endpoints.json")
	var e app.Endpoints
	info, err := os.Stat(path)
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return e, "", fmt.Errorf("目录 %s 里没有运行中的 Tagwire：请先执行 tagwire up，或用 --data、--url 指明在哪里 / Tagwire does not run in the folder %s: start `tagwire up`, or say where it is by --data or --url: %w", dir, dir, errNotRunning)
	}
	if err == nil {
		err = json.Unmarshal(b, &e)
	}
	if err != nil {
		return e, "", fmt.Errorf("read %s: %w", path, err)
	}
	return e, fmt.Sprint(info.ModTime().UnixNano(), e.HTTP), nil
}

// settle fills what is not given from the configuration and the endpoints.
func (p *place) settle() error {
	if p.url != "" {
		p.data = ""
		return nil
	}
	if p.data == "" {
		cfg, _, err := parts.Load(nil)
		if err != nil {
			return err
		}
		p.data = cfg.Data
	}
	return nil
}

// api is the address and the admin token.
func (p *place) api() (url, token string, err error) {
	if err := p.settle(); err != nil {
		return "", "", err
	}
	if p.data == "" {
		if p.token == "" {
			cfg, _, err := parts.Load(nil) // TAGWIRE_ADMIN_TOKEN, or its file
			if err != nil {
				return "", "", err
			}
			p.token = cfg.AdminToken.Reveal()
		}
		if p.token == "" {
			return "", "", errors.New("用 --url 时请用 --token 或变量 TAGWIRE_ADMIN_TOKEN 给出管理令牌 / with --url, give the admin token by --token or the variable TAGWIRE_ADMIN_TOKEN")
		}
		return strings.TrimRight(p.url, "/"), p.token, nil
	}
	e, _, err := endpoints(p.data)
	if err != nil {
		return "", "", err
	}
	if p.token != "" {
		e.AdminToken = p.token
	}
	return e.HTTP, e.AdminToken, nil
}

// connect makes clients of the parts of a running deployment: those that are
// configured elsewhere by their configuration, the embedded ones by the
// endpoints.
func connect(ctx context.Context, dir string, wait time.Duration) (*parts.Parts, error) {
	e, _, err := endpoints(dir)
	if err != nil {
		return nil, err
	}
	cfg, _, err := parts.Load(func(c *config.Config) { c.Data = dir; c.Give("data") })
	if err != nil {
		return nil, err
	}
	outside(cfg, e)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	p, err := parts.Open(ctx, cfg, zap.NewNop())
	if err != nil {
		return nil, fmt.Errorf("连接 Kafka 与 Redis / connect to Kafka and Redis: %w", err)
	}
	return p, nil
}

// outside points a configuration at the embedded parts of another process.
func outside(cfg *config.Config, e app.Endpoints) {
	if !cfg.KafkaExternal() {
		cfg.Kafka.Brokers = strings.Split(e.Kafka, ",")
	}
	if !cfg.RedisExternal() {
		cfg.Redis.Addr, cfg.Redis.Password = e.Redis, config.Secret(e.RedisPassword)
	}
	if !cfg.ClickHouseExternal() {
		cfg.ClickHouse.Addr, cfg.ClickHouse.HTTP = e.ClickHouseNative, strings.TrimPrefix(e.ClickHouseHTTP, "http://")
		cfg.ClickHouse.User, cfg.ClickHouse.Password = e.ClickHouseUser, config.Secret(e.ClickHousePass)
	}
}
