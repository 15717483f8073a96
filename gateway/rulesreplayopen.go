package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/replay"
	"github.com/linshao/linshao/rules"
)

// open finds the readings and the time that is asked for.
func (c rulesReplayCmd) open(lang config.Language, site *config.Site) (*replayed, played, error) {
	r := &replayed{log: c.CSV == ""}
	if c.CSV != "" {
		table, err := c.table(lang, site)
		if err != nil {
			return nil, nil, err
		}
		r.from, r.to = table.Span()
		if err := c.span(lang, site, r, time.Now()); err != nil {
			return nil, nil, exit{exitUsage, err}
		}
		table.Cut(r.from.Add(-c.Warm), r.to)
		return r, table, nil
	}
	now := time.Now()
	r.from, r.to = now.Add(-7*24*time.Hour), now
	if err := c.span(lang, site, r, now); err != nil {
		return nil, nil, exit{exitUsage, err}
	}
	recorded, err := replay.ReadEvents(site.Data, r.from.Add(-c.Warm), r.to)
	if err != nil {
		return nil, nil, exit{exitDevice, err}
	}
	r.recorded = recorded.Alerts
	log, err := replay.OpenLog(site.Data, r.from.Add(-c.Warm), r.to, known(site), recorded.Resets)
	if errors.Is(err, replay.ErrNothing) {
		return nil, nil, exit{exitDevice, fmt.Errorf(speaker(lang)("%s 里没有读数记录：检查 gateway.yaml 的 data，或用 --csv 给出读数文件", "there are no recorded readings in %s: check data in gateway.yaml, or name a file of readings with --csv"), shorter(site.Data))}
	}
	if err != nil {
		return nil, nil, exit{exitDevice, err}
	}
	return r, log, nil
}

// span is from --from to --to; what is not given stays as it is.
func (c rulesReplayCmd) span(lang config.Language, site *config.Site, r *replayed, now time.Time) (err error) {
	if c.From != "" {
		if r.from, err = moment(lang, c.From, now, site.Location); err != nil {
			return err
		}
	}
	if c.To != "" {
		if r.to, err = moment(lang, c.To, now, site.Location); err != nil {
			return err
		}
	}
	if r.to.Before(r.from) || r.to.Equal(r.from) && c.CSV == "" {
		return errors.New(speaker(lang)("--from 要早于 --to", "--from must be before --to"))
	}
	return nil
}

// table reads a CSV file, and tells every mistake in it.
func (c rulesReplayCmd) table(lang config.Language, site *config.Site) (*replay.Table, error) {
	f, err := os.Open(c.CSV)
	if err != nil {
		return nil, exit{exitDevice, fmt.Errorf("read CSV: %w", err)}
	}
	defer f.Close()
	table, mistakes, err := replay.ReadCSV(f, known(site), site.Location)
	if err != nil {
		return nil, exit{exitDevice, err}
	}
	return table, c.mistakes(lang, c.CSV, mistakes)
}

// mistakes tells them, and answers an error when there are any.
func (c rulesReplayCmd) mistakes(lang config.Language, file string, m replay.Mistakes) error {
	if m.Total == 0 {
		return nil
	}
	say := speaker(lang)
	for _, mistake := range m.List {
		place := shorter(file)
		if mistake.Line > 0 {
			place = fmt.Sprintf("%s:%d", place, mistake.Line)
		}
		fmt.Fprintf(os.Stderr, "%s  %s  %s\n", place, say("错误", "error"), say(mistake.Text.ZH, mistake.Text.EN))
	}
	return exit{exitFinding, fmt.Errorf(say("%s 有 %d 行不能用，没有回放。改好再试", "%[2]d lines of %[1]s cannot be used, nothing was replayed: mend them and try again"), shorter(file), m.Total)}
}

// read takes up what people found.
func (c rulesReplayCmd) read(lang config.Language, site *config.Site, r *replayed) error {
	if c.Outcomes == "" {
		return nil
	}
	f, err := os.Open(c.Outcomes)
	if err != nil {
		return exit{exitDevice, fmt.Errorf("read outcomes: %w", err)}
	}
	defer f.Close()
	outcomes, mistakes, err := replay.ReadOutcomes(f)
	if err != nil {
		return exit{exitDevice, err}
	}
	if err := c.mistakes(lang, c.Outcomes, mistakes); err != nil {
		return err
	}
	r.recorded, r.outside = replay.Join(r.recorded, outcomes, r.from, r.to)
	return nil
}

// nothing says that there is nothing of the time, and of which time there is something.
func (c rulesReplayCmd) nothing(lang config.Language, site *config.Site) error {
	say := speaker(lang)
	if c.CSV != "" {
		return errors.New(say("文件里没有这段时间的读数：检查 --from 和 --to", "the file has no readings of this time: check --from and --to"))
	}
	log, err := outbox.OpenHistory(filepath.Join(site.Data, wire.StreamName(wire.StreamTelemetry)))
	if err == nil {
		for r, err := range log.Range(time.UnixMilli(0), time.Now().AddDate(100, 0, 0)) {
			if err != nil {
				break
			}
			first := time.UnixMilli(r.WallMs).In(site.Location).Format("2006-01-02 15:04")
			return fmt.Errorf(say("这段时间没有记录；最早的记录是 %s。试试 --from %q", "nothing is recorded of this time; the first record is of %s. Try --from %q"), first, first)
		}
	}
	return errors.New(say("这段时间没有记录", "nothing is recorded of this time"))
}

// holesOf are the holes that the sets have seen: all the same.
func (r *replayed) holes() []rules.Hole { return r.last().report.Holes }

func (r *replayed) last() *playedSet { return &r.sets[len(r.sets)-1] }

// compared is the set compared with; nil when there is none.
func (r *replayed) compared() *playedSet {
	if len(r.sets) < 2 {
		return nil
	}
	return &r.sets[0]
}

// name is what a set is called.
func (p *playedSet) title(lang config.Language) string {
	say := speaker(lang)
	switch p.name {
	case "current":
		return say("当前", "current")
	case "draft":
		return say("草稿", "draft")
	}
	return strings.TrimSuffix(p.name, string(os.PathSeparator))
}

// known are the devices that there can be readings of: those that rules judge, and the gateway itself.
func known(site *config.Site) []device.Device {
	all := site.Subjects()
	own := device.Device{Poll: 10 * time.Second, Points: config.GatewayPoints()}
	own.ID = own.Points[0].Device
	return append(all, own)
}
