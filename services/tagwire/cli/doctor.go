package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/services/console/web"
)

// The levels of findings.
const (
	levelOK    = "ok"
	levelWarn  = "warn"  // weaker than demanded, or close to a limit
	levelError = "error" // does not work
)

// finding is one thing that was looked at, what was found and what it may cost.
type finding struct {
	Level string `json:"level"`
	Name  string `json:"name"`
	Zh    string `json:"zh"`
	En    string `json:"en"`
}

// doctor looks at a deployment.
type doctor struct {
	dir      string
	now      func() time.Time
	findings []finding
}

func (d *doctor) add(level, name, zh, en string) {
	d.findings = append(d.findings, finding{level, name, zh, en})
}

func runDoctor(ctx context.Context, s Streams, args []string) error {
	var p place
	fs := flags("doctor", s)
	fs.StringVar(&p.data, "data", "", "数据目录 / data folder")
	asJSON := fs.Bool("json", false, "JSON")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usage("doctor [--data DIR] [--json]")
	}
	if err := p.settle(); err != nil {
		return err
	}
	d := &doctor{dir: p.data, now: time.Now}
	if err := d.look(ctx); err != nil {
		return err
	}
	return d.report(s.Out, *asJSON)
}

// report prints; the exit code is 1 when something does not work, 2 when
// something is weaker than demanded.
func (d *doctor) report(w io.Writer, asJSON bool) error {
	worst := map[string]int{}
	for _, f := range d.findings {
		worst[f.Level]++
	}
	if asJSON {
		if err := json.NewEncoder(w).Encode(map[string]any{"ok": worst[levelWarn]+worst[levelError] == 0, "findings": d.findings}); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	} else {
		mark := map[string]string{levelOK: "✓", levelWarn: "!", levelError: "✗"}
		for _, f := range d.findings {
			fmt.Fprintf(w, "%s %-12s %s / %s\n", mark[f.Level], f.Name, f.Zh, f.En)
		}
		fmt.Fprintf(w, "正常 fine %d, 警告 warnings %d, 错误 errors %d\n", worst[levelOK], worst[levelWarn], worst[levelError])
	}
	switch {
	case worst[levelError] > 0:
		return exitCode(1)
	case worst[levelWarn] > 0:
		return exitCode(2)
	}
	return nil
}

func (d *doctor) look(ctx context.Context) error {
	cfg, notices, err := parts.Load(func(c *config.Config) { c.Data = d.dir; c.Give("data") })
	if err != nil {
		d.add(levelError, "config", "配置有误："+err.Error(), "the configuration is wrong: "+err.Error())
		return nil
	}
	for _, n := range notices {
		d.add(levelWarn, "config", n, n)
	}
	d.add(levelOK, "config", "配置可读，数据目录 "+d.dir, "the configuration can be read, data folder "+d.dir)
	if !web.Built() {
		d.add(levelWarn, "page", "程序里没有网页，请用 ./scripts/up 构建", "the page is not in this program; build it by ./scripts/up")
	}
	d.disk("disk", d.dir)
	spool := cfg.Spool.Dir
	if spool == "" {
		spool = filepath.Join(d.dir, "spool")
	}
	d.disk("spool", spool)
	e, _, err := endpoints(d.dir)
	running := err == nil
	switch {
	case running:
		d.health(ctx, e.HTTP)
	case cfg.KafkaExternal() && cfg.RedisExternal() && cfg.ClickHouseExternal():
		d.add(levelOK, "tagwire", "不是单进程运行；各角色请看各自的 /readyz", "not run as one process; ask each role's /readyz")
	default:
		d.add(levelError, "tagwire", "没有在运行", "does not run: "+err.Error())
		return nil
	}
	embeddedKafka := !cfg.KafkaExternal()
	if running {
		outside(cfg, e)
	}
	d.parts(ctx, cfg, embeddedKafka)
	return nil
}

// disk warns below 10 % or 2 GB of free space: a full disk stops the log.
func (d *doctor) disk(name, dir string) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		if errors.Is(err, syscall.ENOENT) {
			d.add(levelOK, name, dir+" 还没有建立", dir+" is not there yet")
			return
		}
		d.add(levelError, name, dir+" 无法访问："+err.Error(), dir+" cannot be looked at: "+err.Error())
		return
	}
	free, all := st.Bavail*uint64(st.Bsize), st.Blocks*uint64(st.Bsize)
	gb := float64(free) / (1 << 30)
	if all == 0 || free > 2<<30 && float64(free) > 0.1*float64(all) {
		d.add(levelOK, name, fmt.Sprintf("%s 可用 %.1f GB", dir, gb), fmt.Sprintf("%s has %.1f GB free", dir, gb))
		return
	}
	d.add(levelWarn, name, fmt.Sprintf("%s 只剩 %.1f GB：写满后采集器会答复 503", dir, gb), fmt.Sprintf("%s has only %.1f GB free: when it is full, the collector answers 503", dir, gb))
}

// health reads /readyz: lags, sinks, the spool.
func (d *doctor) health(ctx context.Context, url string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	var res *http.Response
	if err == nil {
		res, err = folderClient(d.dir).Do(req)
	}
	var rep telemetry.Report
	if err == nil {
		err = errors.Join(json.NewDecoder(res.Body).Decode(&rep), res.Body.Close())
	}
	if err != nil {
		d.add(levelError, "tagwire", url+" 没有答复", url+" does not answer: "+err.Error())
		return
	}
	for _, c := range rep.Checks {
		level := levelOK
		if !c.OK {
			level = levelError
			if c.Advisory {
				level = levelWarn
			}
		}
		detail := ""
		if c.Detail != "" {
			detail = ", " + c.Detail
		}
		d.add(level, c.Name, fmt.Sprintf("落后 %.1f 秒%s", c.LagSeconds, detail), fmt.Sprintf("%.1f s behind%s", c.LagSeconds, detail))
	}
	if !rep.Ready {
		d.add(levelError, "tagwire", "未就绪", "is not ready")
	}
}
