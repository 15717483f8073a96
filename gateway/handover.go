package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/handover"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

type sheetCmd struct {
	Config string `required:"" type:"path" help:"The site: gateway.yaml."`
}

// Run prints the sheet: from the running gateway's newest readings, or by reading each device once.
func (c sheetCmd) Run(ctx context.Context, lang config.Language) error {
	site, problems := config.LoadForStart(shorter(c.Config), lang)
	printProblems(os.Stderr, lang, problems.Fatal())
	if site == nil {
		return exit{code: exitFinding}
	}
	k := handover.Known{At: time.Now(), Version: version(), Readings: map[device.Key]device.Reading{}, Took: map[string]time.Duration{}, Tested: tested(site.Data)}
	var now app.Now
	switch err := control.Ask(ctx, site.Data, http.MethodGet, "/now", &now); {
	case err == nil:
		ofRunning(&k, now, site, lang)
	case errors.Is(err, control.ErrNobody):
		readAll(ctx, site, &k)
	default:
		return exit{exitDevice, err}
	}
	if ctx.Err() != nil {
		return exit{code: exitSignal}
	}
	sheet := handover.Make(site, k, lang)
	var page bytes.Buffer // whole or not at all
	if err := handover.Write(&page, sheet); err != nil {
		return err
	}
	if _, err := page.WriteTo(os.Stdout); err != nil {
		return exit{exitDevice, fmt.Errorf("print sheet: %w", err)}
	}
	if len(sheet.Problems) > 0 {
		fmt.Fprintf(os.Stderr, speaker(lang)("不能交付：%d 个问题未解决，见交付单\n", "not fit to be handed over: %d open problems, see the sheet\n"), len(sheet.Problems))
		return exit{code: exitFinding}
	}
	return nil
}

// ofRunning takes what the running gateway knows.
func ofRunning(k *handover.Known, now app.Now, site *config.Site, lang config.Language) {
	say := speaker(lang)
	k.Running, k.Version = true, now.Version
	if now.Hash != site.Inventory.GetConfigHash() {
		k.Problems = append(k.Problems, say("网关运行的不是文件里的配置：重启它", "the gateway does not run what is in the files: restart it"))
	}
	for _, v := range now.Readings {
		r := device.Reading{Device: v.Device, Point: v.Point, Value: math.NaN(), Quality: v.Quality, Reason: v.Reason, Time: time.UnixMilli(v.AtMs)}
		if v.Value != nil {
			r.Value = *v.Value
		}
		k.Readings[r.Key()] = r
	}
	for _, a := range now.Alerts {
		k.Problems = append(k.Problems, say("告警 ", "alert ")+a.Severity+" "+say(a.ZH, a.EN))
	}
}

// readAll reads each device once.
func readAll(ctx context.Context, site *config.Site, k *handover.Known) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	for _, d := range site.Devices() {
		began := time.Now()
		_, rs, err := app.ReadOnce(ctx, app.Config{Site: site, Log: log}, d.ID)
		if err != nil {
			k.Problems = append(k.Problems, d.ID+": "+err.Error())
			continue
		}
		for _, r := range rs {
			if k.Readings[r.Key()] = r; r.Quality == device.Good {
				k.Took[d.ID] = time.Since(began)
			}
		}
	}
}

// tested are the outputs that were moved and read back, as the events log tells; none where it cannot be read.
func tested(data string) map[device.Key]time.Time {
	all := map[device.Key]time.Time{}
	_, _ = outbox.Inspect(filepath.Join(data, wire.StreamName(wire.StreamEvents)), func(r outbox.Record) error { // a log that is damaged tells less
		var e wire.Event
		if r.Type != wire.TypeEvent || proto.Unmarshal(r.Payload, &e) != nil || e.GetAction().GetOutcome() != action.Confirmed {
			return nil
		}
		a := e.GetAction().GetAction()
		all[device.Key{Device: a.GetDevice(), Point: a.GetPoint()}] = time.UnixMilli(e.GetAction().GetAtMs())
		return nil
	})
	return all
}
