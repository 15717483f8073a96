package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

type historyCmd struct {
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	Device string `required:"" help:"Id of the device."`
	Point  string `help:"Name of the point. Default: all of the device."`
	From   string `default:"2h" help:"How long ago (90m, 2h, 7d), or a time of the site: 2026-11-22 18:30."`
	To     string `default:"0s" help:"The same. Default: now."`
	CSV    bool   `name:"csv" xor:"form" help:"Print CSV."`
	JSON   bool   `name:"json" xor:"form" help:"Print a JSON line for each reading."`
}

// Run prints what the gateway kept of a device. It reads the logs' folders, so the gateway may run or not.
func (c historyCmd) Run(lang config.Language) error {
	site, problems := config.Load(standardConfig(c.Config), lang)
	printProblems(os.Stderr, lang, problems.Fatal())
	if site == nil {
		return exit{code: exitFinding}
	}
	now := time.Now()
	from, err := moment(lang, c.From, now, site.Location)
	if err != nil {
		return exit{exitUsage, err}
	}
	to, err := moment(lang, c.To, now, site.Location)
	if err != nil {
		return exit{exitUsage, err}
	}
	if !from.Before(to) {
		return exit{exitUsage, errors.New(speaker(lang)("--from 要早于 --to", "--from must be before --to"))}
	}
	decoder, err := wire.NewDecoder()
	if err != nil {
		return err
	}
	p := printer{lang: lang, zone: site.Location, points: map[string]device.Point{}}
	for _, d := range site.Devices() {
		for _, point := range d.Points {
			if d.ID == c.Device {
				p.points[point.Name] = point
			}
		}
	}
	n := 0
	flush, print := p.open(os.Stdout, c)
	h := history{want: c, from: from, to: to, decoder: decoder}
	err = h.each(site.Data, func(r device.Reading) error { n++; return print(r) })
	if err = errors.Join(err, flush()); err != nil {
		return exit{exitDevice, err}
	}
	if n == 0 {
		return exit{exitFinding, c.nothing(lang, p.points)}
	}
	return nil
}

// nothing says that nothing is kept, and when the site has no such device or point. One that left may still have a history.
func (c historyCmd) nothing(lang config.Language, points map[string]device.Point) error {
	say, what := speaker(lang), strings.TrimSuffix(c.Device+"/"+c.Point, "/")
	_, known := points[c.Point]
	switch {
	case len(points) == 0:
		return fmt.Errorf(say("%s 这段时间没有记录；%s 里没有这台设备", "nothing of %s is kept of this time, and %s has no such device"), what, standardConfig(c.Config))
	case c.Point != "" && !known:
		names := slices.Sorted(maps.Keys(points))
		return fmt.Errorf(say("%s 没有点位 %s，它有：%s", "%s has no point %s; it has %s"), c.Device, c.Point, strings.Join(names, " "))
	}
	return fmt.Errorf(say("%s 这段时间没有记录", "nothing of %s is kept of this time"), what)
}

// moment reads a time: so long ago, or a wall time of the site.
func moment(lang config.Language, text string, now time.Time, zone *time.Location) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf(speaker(lang)("看不懂时间 %q：写 90m、2h、7d，或 2026-11-22 18:30", "cannot read the time %q: write 90m, 2h, 7d, or 2026-11-22 18:30"), text)
}

// history walks through the readings of one device.
type history struct {
	want     historyCmd
	from, to time.Time
	decoder  *wire.Decoder
}

type moments struct {
	device.Key
	ms int64
}

// each hands over what is in records, and then what lies in the parts log only: the newest. The parts are read first, so that
// what becomes a record meanwhile is met twice and not missed.
func (h history) each(data string, print func(device.Reading) error) error {
	var parts []device.Reading
	left := map[moments]bool{} // of parts: not met in a record
	err := h.read(filepath.Join(data, wire.StreamName(wire.StreamParts)), func(r device.Reading) error {
		parts = append(parts, r)
		left[moments{r.Key(), r.Time.UnixMilli()}] = true
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, outbox.ErrNoLog) {
		return err
	}
	err = h.read(filepath.Join(data, wire.StreamName(wire.StreamTelemetry)), func(r device.Reading) error {
		delete(left, moments{r.Key(), r.Time.UnixMilli()})
		return print(r)
	})
	for _, r := range parts {
		if left[moments{r.Key(), r.Time.UnixMilli()}] {
			err = errors.Join(err, print(r))
		}
	}
	return err
}

// read walks through one log.
func (h history) read(dir string, each func(device.Reading) error) error {
	log, err := outbox.OpenHistory(dir)
	if err != nil {
		return err
	}
	for record, err := range log.Range(h.from, h.to) {
		if err != nil {
			return err
		}
		readings, err := h.decoder.Readings(record.Payload)
		if err != nil {
			fmt.Fprintf(os.Stderr, "gateway: record %d: %v\n", record.Seq, err)
			continue
		}
		slices.SortStableFunc(readings, func(a, b device.Reading) int { return a.Time.Compare(b.Time) })
		for _, r := range readings {
			if r.Device != h.want.Device || h.want.Point != "" && r.Point != h.want.Point || r.Time.Before(h.from) || r.Time.After(h.to) {
				continue
			}
			if err := each(r); err != nil {
				return fmt.Errorf("print reading: %w", err)
			}
		}
	}
	return nil
}

// printer prints readings in one of three forms.
type printer struct {
	lang   config.Language
	zone   *time.Location
	points map[string]device.Point // of the device, for units and labels
}

func (p printer) open(w io.Writer, c historyCmd) (flush func() error, print func(device.Reading) error) {
	none := func() error { return nil }
	switch {
	case c.JSON:
		out := json.NewEncoder(w)
		return none, func(r device.Reading) error { return out.Encode(lineOf(r)) }
	case c.CSV:
		out := csv.NewWriter(w)
		_ = out.Write([]string{"time", "device", "point", "value", "unit", "quality", "reason"}) // flush tells
		return func() error { out.Flush(); return out.Error() }, func(r device.Reading) error { return out.Write(p.cells(r)) }
	}
	return none, func(r device.Reading) error {
		_, err := fmt.Fprintln(w, strings.TrimRight(p.text(r, c.Point == ""), " "))
		return err
	}
}

const historyTime = "2006-01-02T15:04:05.000Z07:00"

func (p printer) cells(r device.Reading) []string {
	value, reason := "", ""
	if !math.IsNaN(r.Value) {
		value = strconv.FormatFloat(r.Value, 'f', -1, 64)
	}
	if r.Reason != device.ReasonNone {
		reason = r.Reason.String()
	}
	return []string{r.Time.In(p.zone).Format(historyTime), r.Device, r.Point, value, p.points[r.Point].Unit, r.Quality.String(), reason}
}

// text is a line for people: time, point where there are several, value and unit, and the quality unless it is good.
func (p printer) text(r device.Reading, named bool) string {
	line := r.Time.In(p.zone).Format("2006-01-02 15:04:05.000")
	if named {
		line += fmt.Sprintf("  %-20s", r.Point)
	}
	line += fmt.Sprintf("  %12s %-6s", valueOf(p.points[r.Point], r), p.points[r.Point].Unit)
	if r.Quality != device.Good {
		line += "  " + qualityOf(p.lang, r)
	}
	return line
}
