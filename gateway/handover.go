package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/handover"
)

type sheetCmd struct {
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
}

// Run prints the sheet: from the running gateway's newest readings, or by reading each device once.
func (c sheetCmd) Run(ctx context.Context, lang config.Language) error {
	site, problems := config.LoadForStart(standardConfig(c.Config), lang)
	printProblems(os.Stderr, lang, problems.Fatal())
	if site == nil {
		return exit{code: exitFinding}
	}
	k := app.Unknown(site, version())
	var now app.Now
	switch err := control.Ask(ctx, site.Data, http.MethodGet, "/now", &now); {
	case err == nil:
		now.Tell(&k, site, lang)
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
