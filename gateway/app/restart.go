package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/rules"
)

// errRestart is why the parts end when the gateway goes on with another site.
var errRestart = errors.New("the gateway takes up its site anew")

// A Running is what the control socket tells of the gateway.
type Running struct {
	Gateway string    `json:"gateway"`
	Version string    `json:"version"`
	Boot    uint32    `json:"boot"`
	Started time.Time `json:"started"`
	Hash    string    `json:"config_hash"`
	Devices int       `json:"devices"`
	Uplink  string    `json:"uplink"`             // connected, offline, alone
	LeftOut []string  `json:"left_out,omitempty"` // mistakes of fragments that are not in the site
}

// Restart lets the gateway take up the site as its files have it now: Run ends in order and Next is the site to go on with. It
// answers before that. Refused, with the reason, while an alert of severity A fires or an action is under way, and where the files
// are not usable: the gateway then goes on as it is.
func (a *App) Restart(ctx context.Context) error {
	if a.cfg.Anew == nil {
		return errors.New("restart gateway: nobody starts it again")
	}
	if a.next.Load() != nil {
		return nil // it does already
	}
	if err := a.busy(ctx); err != nil {
		return err
	}
	site, problems := a.cfg.Anew()
	if site != nil {
		problems = newlyLeftOut(site, a.cfg.Site)
	}
	if problems = problems.Fatal(); problems != nil {
		r := &control.Refusal{Code: "config", ZH: "配置有错误，照旧运行", EN: "the configuration has mistakes: the gateway goes on as it is"}
		for _, p := range problems {
			r.More = append(r.More, p.Error())
			a.cfg.Log.Error("restart refused", "problem", p.Error())
		}
		return r
	}
	if err := a.busy(ctx); err != nil { // reading the files took a while
		return err
	}
	if a.next.CompareAndSwap(nil, site) {
		close(a.again)
	}
	return nil
}

// Next is the site to go on with after Run; nil: the gateway was told to stop.
func (a *App) Next() *config.Site { return a.next.Load() }

// present is the site that runs, with the rules that a reload has taken up since.
func (a *App) present() *config.Site {
	if s := a.reloaded.Load(); s != nil {
		return s
	}
	return a.cfg.Site
}

// newlyLeftOut are the mistakes of fragments that are in the running site: its devices must not vanish by a restart that somebody asked
// for because of others.
func newlyLeftOut(site, running *config.Site) configs.Problems {
	var all configs.Problems
	for _, p := range site.LeftOut {
		if !slices.ContainsFunc(running.LeftOut, func(old configs.Problem) bool { return old.File == p.File }) {
			all = append(all, p)
		}
	}
	return all
}

// busy refuses a pause of the safety loop at a moment when it is needed.
func (a *App) busy(ctx context.Context) error {
	select {
	case <-a.executor.Idle():
	default:
		return &control.Refusal{Code: "busy", ZH: "正在执行联动动作，等它完成", EN: "an action is under way: wait until it is done"}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	alerts, err := a.judge.active(ctx)
	if err != nil {
		return fmt.Errorf("ask the rules for alerts: %w", err)
	}
	r := &control.Refusal{Code: "busy", ZH: "有 A 级告警，先处理", EN: "an alert of severity A fires: see to it first"}
	for _, e := range alerts {
		if e.Severity == rules.SeverityA && e.State == rules.Firing {
			r.More = append(r.More, e.Alert)
		}
	}
	if r.More != nil {
		return r
	}
	return nil
}

// buildControl opens the control socket. A gateway without it is deaf to commands, and runs.
func (a *App) buildControl() error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /site", func(w http.ResponseWriter, _ *http.Request) { control.Answer(w, a.running(), nil) })
	mux.HandleFunc("GET /now", func(w http.ResponseWriter, r *http.Request) {
		now, err := a.now(r.Context())
		control.Answer(w, now, err)
	})
	mux.HandleFunc("POST /restart", func(w http.ResponseWriter, r *http.Request) {
		before, err := a.running(), a.Restart(r.Context())
		control.Answer(w, before, err)
	})
	mux.HandleFunc("POST /doctor", a.serveDoctor)
	mux.Handle("/commission/", commission.Handler(func() (*commission.Service, error) { return a.commission(config.Chinese) }))
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 10 * time.Second}))
	server, err := control.Listen(a.cfg.Site.Data, mux, a.cfg.Log)
	if err != nil {
		a.cfg.Log.Error("no control socket: commands cannot reach this gateway", "error", err)
		return nil
	}
	a.control = server
	a.toClose = append(a.toClose, server.Close)
	return nil
}

func (a *App) runControl(ctx context.Context) error {
	if a.control == nil {
		return nil
	}
	return a.control.Run(ctx)
}

func (a *App) running() Running {
	s := a.cfg.Site
	r := Running{Gateway: s.Gateway, Version: a.cfg.Version, Boot: a.boot.Number, Started: a.started, Hash: s.Inventory.GetConfigHash(), Devices: len(a.devices), Uplink: a.uplink.state()}
	for _, p := range s.LeftOut {
		r.LeftOut = append(r.LeftOut, p.Error())
	}
	return r
}

// siteNews tells what is other than before the restart, and what of the files is not in force.
func (a *App) siteNews() {
	a.tellLeftOut()
	if a.cfg.Refused != nil {
		a.cfg.Log.Error("the new site cannot be run: the one before goes on", "error", a.cfg.Refused)
		a.notice(wire.NoticeRestartRefused, "", "", rules.Text{ZH: "新配置无法运行，照旧运行：" + a.cfg.Refused.Error(), EN: "the new site cannot be run, the one before goes on: " + a.cfg.Refused.Error()})
	}
	if a.cfg.Previous == nil {
		return
	}
	before := map[string]device.Device{}
	for _, d := range a.cfg.Previous.Devices() {
		before[d.ID] = d
	}
	for _, d := range a.devices {
		old, known := before[d.ID]
		delete(before, d.ID)
		switch {
		case !known:
			a.notice(wire.NoticeCommissioned, d.ID, d.Channel, rules.Text{ZH: "新接入设备 " + d.ID + "：" + d.Model, EN: "device " + d.ID + " was added: " + d.Model})
		case address(old) != address(d) || old.Channel != d.Channel || old.Model != d.Model:
			a.notice(wire.NoticeCommissioned, d.ID, d.Channel, rules.Text{
				ZH: fmt.Sprintf("设备 %s 已更换：%s %s %s → %s %s %s", d.ID, old.Model, old.Channel, address(old), d.Model, d.Channel, address(d)),
				EN: fmt.Sprintf("device %s was replaced: %s %s %s → %s %s %s", d.ID, old.Model, old.Channel, address(old), d.Model, d.Channel, address(d))})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		a.notice(wire.NoticeCommissioned, id, before[id].Channel, rules.Text{ZH: "设备 " + id + " 已撤下", EN: "device " + id + " was taken out"})
	}
}

// tellLeftOut tells of each fragment that is not in force, by its first mistake; the page has all of them.
func (a *App) tellLeftOut() {
	first, more := map[string]string{}, map[string]int{}
	for _, p := range a.cfg.Site.LeftOut {
		a.cfg.Log.Error("A FRAGMENT IS BROKEN and left out: its devices are not read", "problem", p.Error())
		if _, known := first[p.File]; known {
			more[p.File]++
		} else {
			first[p.File] = p.Error()
		}
	}
	for _, file := range slices.Sorted(maps.Keys(first)) {
		text := rules.Text{ZH: "配置片段有错误，未采用，其中的设备没有采集：" + first[file],
			EN: "a fragment of the configuration is broken and left out, its devices are not read: " + first[file]}
		if n := more[file]; n > 0 {
			text.ZH += fmt.Sprintf("（另有 %d 处错误）", n)
			text.EN += fmt.Sprintf(" (and %d more mistakes)", n)
		}
		a.notice(wire.NoticeFragmentLeftOut, "", "", text)
	}
}

func (a *App) notice(kind, id, channel string, text rules.Text) {
	a.journal.put(&wire.Event{Kind: &wire.Event_Notice{Notice: &wire.Notice{Kind: kind, Device: id, Channel: channel,
		Text: &wire.Text{Zh: text.ZH, En: text.EN}, AtMs: a.cfg.Now().UnixMilli()}}})
}

// address of a device without its secrets.
func address(d device.Device) string {
	if len(d.Points) == 0 || strings.Contains(d.Points[0].Address, "@") {
		return ""
	}
	text, _, _ := strings.Cut(d.Points[0].Address, "#")
	return text
}
