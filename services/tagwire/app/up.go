package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/embedded"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/services/archiver/archive"
	"github.com/tagwire/tagwire/services/collector/ingest"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/notifier/notify"
	"github.com/tagwire/tagwire/services/resolver/resolve"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// Endpoints is DIR/endpoints.json: where everything is, and the keys to it. It
// is readable by its owner only.
type Endpoints struct {
	HTTP             string `json:"http"`
	Kafka            string `json:"kafka"`
	Redis            string `json:"redis"`
	RedisPassword    string `json:"redis_password,omitempty"`
	ClickHouseHTTP   string `json:"clickhouse_http"`
	ClickHouseNative string `json:"clickhouse_native"`
	ClickHouseUser   string `json:"clickhouse_user,omitempty"`
	ClickHousePass   string `json:"clickhouse_password,omitempty"`
	WriteKey         string `json:"write_key"`
	AdminToken       string `json:"admin_token"`
	Certificate      string `json:"certificate_sha256,omitempty"` // of HTTP, when it is https
	BIPassword       string `json:"bi_password"`
	Demo             bool   `json:"demo,omitempty"` // nothing here is real
}

// Options of Up.
type Options struct {
	Config  *config.Config
	Notices []string
	Demo    bool      // a simulated shop runs: said in endpoints.json and at the start
	Out     io.Writer // what people read at start
	Log     *zap.Logger
	Extra   []parts.Builder                                              // roles beside the six: the demo's shop
	Ready   func(ctx context.Context, p *parts.Parts, e Endpoints) error // nil: nothing; called once everything answers
}

// Builders are the six roles.
func Builders() map[string]parts.Builder {
	return map[string]parts.Builder{
		"collector": ingest.Role, "resolver": resolve.Role, "tagger": tagging.Role,
		"archiver": archive.Role, "notifier": notify.Role, "console": api.Role,
	}
}

// Up runs everything until ctx ends.
func Up(ctx context.Context, o Options) error {
	cfg := o.Config
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("数据目录 %s 无法创建：请换一个目录，或检查权限 / the data folder %s cannot be made; choose another or check its permissions: %w", cfg.Data, cfg.Data, err)
	}
	if _, err := cfg.TLS.Config(); err != nil { // said before any part starts
		return err
	}
	lock, err := embedded.Lock(cfg.Data)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // the process ends with it anyway
	path := filepath.Join(cfg.Data, "endpoints.json")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the endpoints of the last run: %w", err)
	}
	listener, err := listen(ctx, cfg, o.Out)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // served and closed by then, unless the start failed
	if cfg.MasterKey.Reveal() == "" {       // made at the first start; everything runs in this one process
		if _, err := seal.LoadOrCreateMaster(filepath.Join(cfg.Data, "master.key")); err != nil {
			return err
		}
	}
	engines, err := startEngines(ctx, cfg, o)
	if err != nil {
		return err
	}
	if err := keys(cfg); err != nil {
		return errors.Join(err, engines.Close(context.WithoutCancel(ctx)))
	}
	p, err := parts.Open(ctx, cfg, o.Log)
	if err != nil {
		return errors.Join(err, engines.Close(context.WithoutCancel(ctx)))
	}
	return run(ctx, o, p, engines, listener)
}

func run(ctx context.Context, o Options, p *parts.Parts, engines *embedded.Parts, listener net.Listener) error {
	cfg := o.Config
	served, err := cfg.TLS.Config()
	if err != nil {
		return errors.Join(err, p.Close(), engines.Close(context.WithoutCancel(ctx)))
	}
	builders := []parts.Builder{ingest.Role, resolve.Role, tagging.Role, archive.Role, notify.Role, api.Role}
	components, mux, err := p.Assemble(ctx, append(builders, o.Extra...)...)
	if err != nil {
		return errors.Join(err, p.Close(), engines.Close(context.WithoutCancel(ctx)))
	}
	path := filepath.Join(cfg.Data, "endpoints.json")
	e := endpoints(cfg, engines, listener)
	if served != nil {
		e.HTTP, e.Certificate = "https://"+listener.Addr().String(), fingerprint(served)
	}
	e.Demo = o.Demo
	components = append(components,
		process.Component{Name: "embedded parts", Stage: process.Part, Run: engines.Run, Drain: 8 * time.Second},
		process.Component{Name: "http", Stage: process.Source, Run: func(ctx context.Context) error {
			return telemetry.Serve(ctx, telemetry.ServeOptions{Listener: listener, Handler: mux, TLS: served, Log: o.Log})
		}},
		process.Component{Name: "ready", Stage: process.Source, Run: func(ctx context.Context) error {
			if err := announce(ctx, o, p, e, path); err != nil {
				return err
			}
			<-ctx.Done()
			return os.Remove(path)
		}},
	)
	err = process.Run(ctx, o.Log, components...)
	return errors.Join(err, p.Close(), engines.Close(context.WithoutCancel(ctx)))
}

// awaitReady says now and then what is still waited for.
func awaitReady(ctx context.Context, p *parts.Parts) bool {
	said := time.Now()
	for {
		r := p.Health.Report(ctx)
		if r.Ready {
			return true
		}
		if time.Since(said) >= time.Second {
			said = time.Now()
			for _, c := range r.Checks {
				if !c.OK {
					p.Log.Info("not ready yet", zap.String("check", c.Name), zap.String("detail", c.Detail))
				}
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// announce waits until everything answers, then writes endpoints.json and tells
// people where to look.
func announce(ctx context.Context, o Options, p *parts.Parts, e Endpoints, path string) error {
	if !awaitReady(ctx, p) {
		return nil
	}
	if o.Ready != nil {
		if err := o.Ready(ctx, p, e); err != nil {
			return err
		}
	}
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encode endpoints: %w", err)
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	banner := ""
	if o.Demo {
		banner = "演示数据 / demo data：模拟的企业微信店铺，都不是真的 / a simulated WeCom shop, nothing here is real\n"
	}
	_, err = fmt.Fprintf(o.Out, `
%sTagwire 已就绪 / is ready
  页面 page            %s
  管理令牌 admin token   %s
  写入密钥 write key     %s
  地址与密码 addresses    %s
  停止 stop            Ctrl-C
`, banner, e.HTTP, e.AdminToken, e.WriteKey, path)
	return err
}

func endpoints(cfg *config.Config, engines *embedded.Parts, l net.Listener) Endpoints {
	return Endpoints{
		HTTP: "http://" + l.Addr().String(), Kafka: cfg.Kafka.Brokers[0], Redis: cfg.Redis.Addr, RedisPassword: cfg.Redis.Password.Reveal(),
		ClickHouseHTTP: cfg.ClickHouse.HTTPURL(), ClickHouseNative: cfg.ClickHouse.Addr,
		ClickHouseUser: cfg.ClickHouse.User, ClickHousePass: cfg.ClickHouse.Password.Reveal(),
		WriteKey: cfg.WriteKey.Reveal(), AdminToken: cfg.AdminToken.Reveal(), BIPassword: engines.BIPassword,
	}
}

// listen takes the HTTP address first, so that a busy one is said before any
// part starts. A busy default is replaced by a free one; a given address never.
func listen(ctx context.Context, cfg *config.Config, out io.Writer) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", cfg.HTTP)
	if err == nil {
		return l, nil
	}
	if cfg.Given("http") {
		return nil, fmt.Errorf("地址 %s 不可用：请换一个或停掉占用它的程序 / the address %s cannot be used; choose another or stop what holds it: %w", cfg.HTTP, cfg.HTTP, err)
	}
	host, _, splitErr := net.SplitHostPort(cfg.HTTP)
	if splitErr != nil {
		return nil, fmt.Errorf("http address %q: %w", cfg.HTTP, splitErr)
	}
	l, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for http: %w", err)
	}
	_, err = fmt.Fprintf(out, "默认地址 %s 被占用，改用 %s / the default address %s is busy, using %s\n", cfg.HTTP, l.Addr(), cfg.HTTP, l.Addr())
	return l, err
}

// startEngines starts the parts that are not configured elsewhere and points the
// configuration at them.
func startEngines(ctx context.Context, cfg *config.Config, o Options) (*embedded.Parts, error) {
	e, err := embedded.Start(ctx, embedded.Options{
		Dir: cfg.Data, Log: o.Log.Named("embedded"),
		Kafka: !cfg.KafkaExternal(), Redis: !cfg.RedisExternal(), ClickHouse: !cfg.ClickHouseExternal(),
		KafkaAddr: cfg.Embedded.Kafka, RedisAddr: cfg.Embedded.Redis,
		ClickHouseNativeAddr: cfg.Embedded.ClickHouse, ClickHouseHTTPAddr: cfg.Embedded.ClickHouseHTTP,
	})
	if err != nil {
		return nil, err
	}
	for _, n := range e.Notices {
		if _, err := fmt.Fprintf(o.Out, "%s / %s\n", n.Zh, n.En); err != nil {
			return nil, errors.Join(err, e.Close(ctx))
		}
	}
	if !cfg.KafkaExternal() {
		cfg.Kafka.Brokers = e.KafkaBrokers
	}
	if !cfg.RedisExternal() {
		cfg.Redis.Addr, cfg.Redis.Password = e.RedisAddr, config.Secret(e.RedisPassword)
	}
	if !cfg.ClickHouseExternal() {
		cfg.ClickHouse.Addr, cfg.ClickHouse.HTTP = e.ClickHouseNative, e.ClickHouseHTTP
		cfg.ClickHouse.User, cfg.ClickHouse.Password = e.ClickHouseUser, config.Secret(e.ClickHousePassword)
	}
	return e, nil
}

// keys are made at the first start where none are given.
func keys(cfg *config.Config) error {
	path := filepath.Join(cfg.Data, "keys.json")
	var kept struct {
		WriteKey   string `json:"write_key"`
		AdminToken string `json:"admin_token"`
	}
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &kept)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if kept.WriteKey == "" {
		kept.WriteKey, kept.AdminToken = auth.NewToken("wk_"), auth.NewToken("adm_")
		if b, err = json.Marshal(kept); err != nil {
			return fmt.Errorf("encode keys: %w", err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	if cfg.WriteKey.Reveal() == "" {
		cfg.WriteKey = config.Secret(kept.WriteKey)
	}
	if cfg.AdminToken.Reveal() == "" {
		cfg.AdminToken = config.Secret(kept.AdminToken)
	}
	return nil
}
