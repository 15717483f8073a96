package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/pushed"
	"github.com/linshao/linshao/gateway/internal/update"
)

type runCmd struct {
	Config    string `required:"" type:"path" help:"The site: gateway.yaml."`
	DemoClock int64  `name:"demo-clock" placeholder:"T0MS" help:"Play the demo: a clock that begins 7.5 h before T0 (Unix ms) and runs 600 times as fast until it meets the present. Only on loopback."`
	Debug     bool   `help:"Log more."`
}

// Run starts a gateway.
func (c runCmd) Run(ctx context.Context, lang config.Language) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // at once: unasked for, it would end the program
	defer signal.Stop(hup)
	self, err := launch(c.Config)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gateway: update:", err) // the gateway runs all the same
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	if data := config.DataOf(c.Config); data != "" {
		if err := pushed.Start(data, time.Now()); err != nil {
			fmt.Fprintln(os.Stderr, "gateway:", err) // the gateway runs all the same
		}
	}
	site, problems := config.LoadForStart(c.Config, lang)
	printProblems(os.Stderr, lang, problems)
	if site == nil {
		return exit{code: exitFinding}
	}
	level := slog.LevelInfo
	if c.Debug {
		level = slog.LevelDebug
	}
	lines := newLogQueue(os.Stderr)
	defer lines.close(time.Second)
	conf := app.Config{Update: self, GiveUp: giveUp, Site: site, Version: version(), Log: slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: level}))}
	if c.DemoClock != 0 {
		if err := app.CheckDemo(site); err != nil {
			return exit{exitRefused, err}
		}
		t0 := time.UnixMilli(c.DemoClock)
		conf.Now, conf.Wall = app.DemoClock(t0), app.DemoWall(t0)
		conf.Clock = func() uint32 { return wire.ClockSynced } // the played past is not to be mended by the cloud
	}
	conf.Reload, conf.Load = hup, func() (*config.Site, configs.Problems) { return config.LoadRules(c.Config, lang) }
	conf.Check = func(set *pushed.Set, lang config.Language) (*config.Site, configs.Problems) {
		return config.CheckPushed(c.Config, lang, set)
	}
	if l, err := config.ReadLaunch(c.Config); err == nil && l.UpdateKey != nil {
		conf.Slots = func() (*update.Slots, error) { return update.Open(l.Data, l.UpdateKey) }
	}
	conf.Anew = func() (*config.Site, configs.Problems) { return config.LoadForStart(c.Config, lang) }
	collectEarly()
	if err := app.Serve(ctx, conf, nil); err != nil {
		return exit{exitDevice, err}
	}
	if why := context.Cause(ctx); errors.Is(why, app.ErrGivenUp) || errors.Is(why, app.ErrUpdated) {
		return exit{exitDevice, why}
	}
	return nil
}

// collectEarly trades some processor time for memory, unless the operator has decided: the live heap is small (some 15 MiB for
// 500 devices), and by default the collector lets it double. A gateway shares 256 MiB with everything else on its board.
func collectEarly() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(50)
	}
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	_, err := fmt.Println("gateway", version())
	return err
}

// release is the version that a build was given: -ldflags "-X main.release=1.4.0".
var release string

// version is that of the release; without one the module's, or the commit it was built from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value[:min(12, len(s.Value))]
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v
}
