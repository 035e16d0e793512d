package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tagwire/tagwire/services/console/recount"
)

func runVerify(ctx context.Context, s Streams, args []string) error {
	var p place
	fs := flags("verify", s)
	p.flagsOf(fs)
	fs.StringVar(&p.token, "token", "", "管理令牌，默认取 TAGWIRE_ADMIN_TOKEN / admin token; default: TAGWIRE_ADMIN_TOKEN")
	asJSON := fs.Bool("json", false, "JSON")
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usage("verify [--data DIR | --url URL [--token TOKEN]] [--json]")
	}
	var rep recount.Report
	if err := p.get(ctx, "/verify", &rep); err != nil {
		return err
	}
	if *asJSON {
		err = json.NewEncoder(s.Out).Encode(rep)
	} else {
		err = printVerify(s.Out, rep)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if rep.Drift != 0 {
		return errSilent
	}
	return nil
}

func printVerify(w io.Writer, rep recount.Report) error {
	var b strings.Builder
	for _, d := range rep.Differences {
		name := d.Tag
		if d.Dimension != "" {
			name += " " + d.Dimension + "=" + d.Value
		}
		if strings.TrimSpace(name) == "" {
			name = "全部客户 all profiles"
		}
		history := "—"
		if d.ClickHouse != nil {
			history = fmt.Sprint(*d.ClickHouse)
		}
		fmt.Fprintf(&b, "✗ %s: 实时 live %d, Redis %d, ClickHouse %s\n", name, d.Live, d.Redis, history)
	}
	if rep.Drift == 0 {
		fmt.Fprintf(&b, "一致 / no drift: %d 个客户 profiles, %d 个计数 counts, %s\n", rep.Checked, rep.Counts, rep.AsOf)
	} else {
		fmt.Fprintf(&b, "有偏差 / drift %d: %d 个客户 profiles, %d 个计数 counts, %s\n", rep.Drift, rep.Checked, rep.Counts, rep.AsOf)
	}
	if len(rep.Busy) > 0 {
		fmt.Fprintf(&b, "一直在写入而未核对的分片 / shards written all the time, not compared: %v\n", rep.Busy)
	}
	if rep.NoHistory != "" {
		fmt.Fprintf(&b, "未与 ClickHouse 核对 / not compared with ClickHouse: %s\n", rep.NoHistory)
	}
	if rep.NoPlaces != "" {
		fmt.Fprintf(&b, "渠道、门店、员工、城市未与 ClickHouse 核对 / channels, stores, staff and cities not compared with ClickHouse: %s\n", rep.NoPlaces)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
