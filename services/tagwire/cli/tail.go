package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// tailed is one live event as the API streams it.
type tailed struct {
	EventID    string     `json:"event_id"`
	Type       string     `json:"type"`
	Time       event.Time `json:"time"`
	Source     string     `json:"source"`
	Profile    string     `json:"profile_id"`
	Verdict    string     `json:"verdict"`
	Reason     string     `json:"reason"`
	Detail     string     `json:"detail"`
	Applied    []string   `json:"tags_applied"`
	Removed    []string   `json:"tags_removed"`
	Alerts     []string   `json:"alerts"`
	DidYouMean string     `json:"did_you_mean"`
	Stage      string     `json:"stage"`
}

func runTail(ctx context.Context, s Streams, args []string) error {
	var p place
	fs := flags("tail", s)
	p.flagsOf(fs)
	fs.StringVar(&p.token, "token", "", "管理令牌，默认取 TAGWIRE_ADMIN_TOKEN / admin token; default: TAGWIRE_ADMIN_TOKEN")
	source := fs.String("source", "", "只看一个来源 / one source only")
	asJSON := fs.Bool("json", false, "JSON，每行一个事件 / JSON, an event a line")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usage("tail [--source ID] [--data DIR | --url URL [--token TOKEN]] [--json]")
	}
	path := "/events/stream"
	if *source != "" {
		path += "?source=" + url.QueryEscape(*source)
	}
	show := tailPrinter{w: s.Out, json: *asJSON}
	for began := false; ; {
		err := p.follow(ctx, path, func() {
			if !began && !*asJSON {
				fmt.Fprintln(s.Err, "实时事件，Ctrl-C 结束 / live events, Ctrl-C ends")
			}
			began = true
		}, show.event)
		switch {
		case ctx.Err() != nil:
			return nil
		case !began || errors.Is(err, errWrite):
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second): // the server is being started again
		}
	}
}

var errWrite = errors.New("write")

// follow reads a stream until it ends.
func (p *place) follow(ctx context.Context, path string, open func(), on func([]byte) error) error {
	res, err := p.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it has ended
	open()
	return readStream(res.Body, on)
}

// readStream calls on with the data of each message of an event stream.
func readStream(in io.Reader, on func([]byte) error) error {
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 64<<10), 4<<20)
	var data []byte
	for sc.Scan() {
		line := sc.Bytes()
		if len(line) == 0 {
			if len(data) > 0 {
				if err := on(data); err != nil {
					return err
				}
			}
			data = nil
			continue
		}
		if rest, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if len(data) > 0 {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(rest, []byte(" "))...)
		}
	}
	return sc.Err()
}

type tailPrinter struct {
	w    io.Writer
	json bool
}

func (t tailPrinter) event(data []byte) error {
	text := string(data) + "\n"
	if !t.json {
		var e tailed
		if json.Unmarshal(data, &e) != nil {
			return nil // of a newer server
		}
		text = e.line()
	}
	if _, err := io.WriteString(t.w, text); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return nil
}

// line is an event for people.
func (e tailed) line() string {
	var b strings.Builder
	mark := "✓"
	if e.Verdict != "accepted" {
		mark = "✗"
	}
	fmt.Fprintf(&b, "%s %s %-18s %s", e.Time.Std().Local().Format("15:04:05.000"), mark, e.Type, e.Source)
	if e.Profile != "" {
		b.WriteString(" " + e.Profile)
	}
	for _, t := range e.Applied {
		b.WriteString(" +" + t)
	}
	for _, t := range e.Removed {
		b.WriteString(" -" + t)
	}
	if e.Stage != "" {
		b.WriteString(" → " + e.Stage)
	}
	if n := len(e.Alerts); n > 0 {
		fmt.Fprintf(&b, " ⚑ %d 条提醒 alerts", n)
	}
	if e.Reason != "" {
		b.WriteString(" " + e.Reason)
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.DidYouMean != "" {
		fmt.Fprintf(&b, "  是不是 did you mean %s?", e.DidYouMean)
	}
	return b.String() + "\n"
}
