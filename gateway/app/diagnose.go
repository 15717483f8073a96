package app

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/doctor"
	"github.com/linshao/linshao/rules"
)

const (
	diagnoseLimit = 45 * time.Second // what is known by then is told
	bundleMost    = wire.MaxAnswer - 64<<10
)

// diagnose looks at this gateway for somebody far away. No secret leaves it: what is told is redacted here.
func (a *App) diagnose(ctx context.Context, ask *wire.AskDoctor) (*wire.Diagnosis, rules.Text) {
	limited, cancel := context.WithTimeout(ctx, diagnoseLimit)
	defer cancel()
	cfg := doctor.Config{File: a.cfg.Site.File, Lang: config.Chinese}
	found := doctor.Redact(cfg, a.examine(limited, config.Chinese, a.cfg.Version, ask.GetLines()))
	out := &wire.Diagnosis{}
	for _, f := range found {
		next := make([]*wire.Text, len(f.Next))
		for i, n := range f.Next {
			next[i] = &wire.Text{Zh: n.ZH, En: n.EN}
		}
		out.Findings = append(out.Findings, &wire.Finding{Area: &wire.Text{Zh: f.Area.ZH, En: f.Area.EN}, Subject: f.Subject, Level: string(f.Level), Said: &wire.Text{Zh: f.Said.ZH, En: f.Said.EN}, Next: next})
	}
	if !ask.GetBundle() {
		return out, rules.Text{}
	}
	var err error
	if out.Bundle, err = a.bundle(ctx, cfg, found); err != nil {
		a.cfg.Log.Error("support bundle not made", "error", err)
		return nil, rules.Text{ZH: "诊断包没有做成：" + err.Error(), EN: "the support bundle was not made: " + err.Error()}
	}
	return out, rules.Text{}
}

// bundle is a zip that fits into an answer: without the log, then without the frames, where it would be too large.
func (a *App) bundle(ctx context.Context, cfg doctor.Config, found []doctor.Finding) ([]byte, error) {
	parts := append(metricsOf(ctx, a.cfg.Site.Data), doctor.Part{Name: "frames.txt", Data: a.allFrames()})
	parts = append(parts, doctor.LogPart(ctx)...)
	for {
		var b bytes.Buffer
		if err := doctor.Bundle(&b, cfg, found, parts); err != nil {
			return nil, err
		}
		if b.Len() <= bundleMost {
			return b.Bytes(), nil
		}
		if len(parts) == 0 {
			return nil, fmt.Errorf("the configuration alone has %d bytes", b.Len())
		}
		parts = slices.Delete(parts, len(parts)-1, len(parts))
	}
}

// allFrames are the last frames of every device, a line each.
func (a *App) allFrames() []byte {
	var b bytes.Buffer
	for _, ch := range a.cfg.Site.Channels {
		for _, d := range ch.Devices {
			frames, _ := a.lastFrames(d.ID)
			for _, f := range frames {
				fmt.Fprintf(&b, "%s\t%s\t%d us\treason %d\trefusal %d\t> % x\t< % x\n", time.UnixMilli(f.GetAtMs()).UTC().Format("2006-01-02T15:04:05.000Z"), d.ID, f.GetTookUs(), f.GetReason(), f.GetRefusal(), f.GetOut(), f.GetIn())
			}
		}
	}
	return b.Bytes()
}
