package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/tagwire/importer"
)

const importUsage = "import FILE --map MAP [--name NAME] [--data DIR | --url URL --key KEY] [--json]; import FILE --guess"

type importFlags struct {
	place
	file, mapFile, name string
	guess, json         bool
}

func runImport(ctx context.Context, s Streams, args []string) error {
	var f importFlags
	fs := flags("import", s)
	fs.StringVar(&f.mapFile, "map", "", "映射文件 / the map")
	fs.StringVar(&f.name, "name", "", "导入的名字，默认取自映射文件或文件名 / the import's name; default: the map's, or the file's")
	fs.StringVar(&f.data, "data", "", "数据目录 / data folder")
	fs.StringVar(&f.url, "url", "", "采集器地址 / address of the collector")
	fs.StringVar(&f.key, "key", "", "写入密钥 / write key")
	fs.BoolVar(&f.guess, "guess", false, "按表头写出一份映射文件的草稿 / write a first map from the header")
	fs.BoolVar(&f.json, "json", false, "JSON")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) != 1 || f.mapFile == "" && !f.guess {
		return usage(importUsage)
	}
	f.file = words[0]
	if f.guess {
		text, err := importer.Guess(f.file)
		if err != nil {
			return err
		}
		_, err = io.WriteString(s.Out, text)
		return err
	}
	return f.run(ctx, s)
}

func (f *importFlags) run(ctx context.Context, s Streams) error {
	text, err := os.ReadFile(f.mapFile)
	if err != nil {
		return fmt.Errorf("read the map: %w", err)
	}
	m, err := importer.ParseMap(f.mapFile, text)
	if err != nil {
		return err
	}
	if f.name != "" {
		m.Name = f.name
	}
	if m.Name == "" {
		base := filepath.Base(f.file)
		m.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	if err := f.settle(); err != nil {
		return err
	}
	state := f.file + ".import.json"
	if f.data != "" {
		state = filepath.Join(f.data, "imports", fileName(m.Name)+".json")
	}
	show := newProgress(s.Err, f.json)
	res, err := importer.Run(ctx, importer.Options{
		File: f.file, Map: m, StatePath: state, Rejects: f.file + ".rejected.jsonl",
		Place: f.where(show.say), Client: f.client(), Progress: show.rows, Notice: show.say,
	})
	show.end()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("已停止；再执行一次会接着导入 / stopped; the same command goes on from here: %w", err)
		}
		return err
	}
	return f.report(s, res)
}

func (f *importFlags) report(s Streams, res importer.Result) error {
	if f.json {
		if err := json.NewEncoder(s.Out).Encode(res); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	} else {
		resumed := ""
		if res.Resumed > 0 {
			resumed = fmt.Sprintf(", 上次已完成 done before %d", res.Resumed)
		}
		fmt.Fprintf(s.Out, "导入完成 / imported %q: %d 行 rows%s, 新写入 sent %d, 已有 already there %d, 被拒 rejected %d, %.1f s\n",
			res.Name, res.Rows, resumed, res.Sent, res.Had, res.Rejected, res.Seconds)
		if res.Rejected > 0 {
			fmt.Fprintf(s.Out, "被拒的行与原因 / rejected rows with reasons: %s\n", res.Rejects)
		}
	}
	if res.Rejected > 0 {
		return exitCode(2)
	}
	return nil
}

// fileName makes a file's name of an import's.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < 0x20 {
			return '_'
		}
		return r
	}, name)
}

// where finds the server anew each time; a server that is away is waited for.
func (f *importFlags) where(say func(importer.Notice)) func(context.Context) (importer.Place, error) {
	var began bool
	giveUp := time.Now().Add(startWait)
	return func(ctx context.Context) (importer.Place, error) {
		if f.data == "" {
			return importer.Place{URL: f.url, Key: f.key}, nil
		}
		for {
			e, instance, err := endpoints(f.data)
			if err == nil {
				began = true
				key := e.WriteKey
				source := "default"
				if f.key != "" && f.key != key {
					key, source = f.key, ""
				}
				return importer.Place{URL: e.HTTP, Key: key, Instance: instance, History: f.history(source)}, nil
			}
			_, missing := os.Stat(filepath.Join(f.data, "lock"))
			if !began && (missing != nil || time.Now().After(giveUp)) { // it was never there: more likely a wrong folder
				return importer.Place{}, err
			}
			say(importer.Notice{Zh: "等待 Tagwire 重新启动", En: "waiting for Tagwire to come back"})
			select {
			case <-ctx.Done():
				return importer.Place{}, ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

const (
	connectWait = 15 * time.Second
	startWait   = 30 * time.Second // for a Tagwire that is just being started
)

func (f *importFlags) history(source string) func(context.Context) (importer.History, error) {
	return func(ctx context.Context) (importer.History, error) {
		p, err := connect(ctx, f.data, connectWait)
		if err != nil {
			return nil, err
		}
		return importer.Parts{Stream: p.Stream, Redis: p.Redis, Warehouse: p.Warehouse, Source: source, OnClose: closing(p)}.History(), nil
	}
}

func closing(p *parts.Parts) func() error { return p.Close }

// progress shows rows, rate and the time that is left: a bar on a terminal, else
// a line now and then.
type progress struct {
	w      io.Writer
	quiet  bool
	bar    *progressbar.ProgressBar
	tty    bool
	began  time.Time
	first  int64
	last   time.Time
	notice string
}

func newProgress(w io.Writer, quiet bool) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, quiet: quiet, tty: ok && term.IsTerminal(int(f.Fd())), began: time.Now(), last: time.Now(), first: -1}
}

func (p *progress) rows(done, total int64) {
	if p.first < 0 {
		p.first = done
	}
	if p.quiet {
		return
	}
	if p.tty {
		if p.bar == nil {
			p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
				progressbar.OptionSetItsString("rows"), progressbar.OptionSetPredictTime(true), progressbar.OptionSetDescription("导入 importing"), progressbar.OptionThrottle(100*time.Millisecond))
		}
		_ = p.bar.Set64(done) // a bar that cannot be drawn stops nothing
		return
	}
	if time.Since(p.last) < 5*time.Second {
		return
	}
	p.last = time.Now()
	rate := float64(done-p.first) / time.Since(p.began).Seconds()
	left := "?"
	if rate > 0 {
		left = time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	fmt.Fprintf(p.w, "%d / %d 行 rows, %.0f /s, 还需 left %s\n", done, total, rate, left)
}

// say tells why nothing moves, each reason once.
func (p *progress) say(n importer.Notice) {
	if n.Zh == p.notice {
		return
	}
	p.notice = n.Zh
	if p.bar != nil {
		_ = p.bar.Clear() // as above
	}
	fmt.Fprintf(p.w, "%s / %s\n", n.Zh, n.En)
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish() // as above
		fmt.Fprintln(p.w)
	}
}

// flags makes a flag set that prints to the command's own streams.
func flags(name string, s Streams) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(s.Err)
	return fs
}

// parse takes flags before, between and behind the words.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var words []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return words, nil
		}
		words, args = append(words, fs.Arg(0)), fs.Args()[1:]
	}
}

func usage(text string) error {
	return fmt.Errorf("用法 / usage: tagwire %s", text)
}
