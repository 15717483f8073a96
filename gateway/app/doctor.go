package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/doctor"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// Examine looks at the gateway of a file, its machine and its lines. The gateway that runs with the file does it where there is
// one, because it has the ports. The parts are what a bundle holds beside the findings.
func Examine(ctx context.Context, cfg Config, file string, lang config.Language) ([]doctor.Finding, []doctor.Part, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, nil, err
	}
	look := doctor.Config{File: file, Lang: lang, Version: cfg.Version, Read: readFree(cfg)}
	site, _ := config.Load(file, lang)
	if site == nil {
		return doctor.Look(ctx, look), nil, nil
	}
	var found []doctor.Finding
	asked := url.Values{"lang": {string(lang)}, "version": {cfg.Version}}
	err := control.Ask(ctx, site.Data, http.MethodPost, "/doctor?"+asked.Encode(), &found)
	switch {
	case err == nil:
		return found, metricsOf(ctx, site.Data), nil
	case !errors.Is(err, control.ErrNobody):
		cfg.Log.Error("the running gateway does not answer; looking from outside", "error", err)
	}
	return doctor.Look(ctx, look), nil, nil
}

// metricsOf are the figures of the gateway that runs, for a bundle; none when it does not give them.
func metricsOf(ctx context.Context, data string) []doctor.Part {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway/metrics", nil)
	if err != nil {
		return nil
	}
	res, err := control.Dial(data).Do(r)
	if err != nil {
		return nil
	}
	defer func() { _ = res.Body.Close() }() // what was read is all that is wanted
	text, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil || res.StatusCode != http.StatusOK {
		return nil
	}
	return []doctor.Part{{Name: "metrics.txt", Data: text}}
}

// readFree reads a line that nobody polls.
func readFree(cfg Config) func(context.Context, config.Channel) (doctor.Line, error) {
	return func(ctx context.Context, ch config.Channel) (doctor.Line, error) {
		a := &App{cfg: cfg}
		defer func() { _ = a.closeAll() }() // only a child process to end, and that ends with us anyway
		driver, err := a.driver(ch.Channel)
		if err != nil {
			return doctor.Line{}, err
		}
		return doctor.ReadLine(ctx, driver, ch.Channel, ch.Devices), nil
	}
}

// examine looks at this gateway from inside. lines: at what the lines do, too; each pauses while it is looked at.
func (a *App) examine(ctx context.Context, lang config.Language, version string, lines bool) []doctor.Finding {
	st := a.state()
	running := doctor.Running{Started: a.started, Version: a.cfg.Version, Uplink: st.Uplink, Degraded: st.Degraded, Cause: st.Cause,
		Backlog: st.Events.Records + st.Readings.Records, Lost: st.Lost}
	if err := a.judge.healthy(); err != nil {
		running.Ill = err.Error()
	}
	cfg := doctor.Config{File: a.cfg.Site.File, Lang: lang, Version: version, Running: &running, Gateway: os.Getpid()}
	if lines {
		cfg.Read = a.readLent
	}
	return doctor.Look(ctx, cfg)
}

// readLent reads a line that its poller lends. A write that needs the line meanwhile has it, and the look begins again.
func (a *App) readLent(ctx context.Context, ch config.Channel) (seen doctor.Line, err error) {
	driver, err := a.driver(ch.Channel)
	if err != nil {
		return doctor.Line{}, err
	}
	for range 3 {
		err = a.lend(ctx, ch.ID, func(ctx context.Context) error {
			seen = doctor.ReadLine(ctx, driver, ch.Channel, ch.Devices)
			return ctx.Err()
		})
		if !errors.Is(err, poll.ErrRecalled) {
			break
		}
	}
	return seen, err
}

// lend hands a channel's port to use, while its poller pauses. While an alert of class A fires on a device of the channel it does
// not, and answers poll.ErrAlarm: the readings that would end the alert, or make it worse, must not stop.
func (a *App) lend(ctx context.Context, channel string, use func(ctx context.Context) error) error {
	for _, p := range a.pollers {
		if p.Channel() == channel {
			if err := a.quiet(ctx, channel); err != nil {
				return fmt.Errorf("lend channel %s: %w", channel, err)
			}
			return p.Lend(ctx, use)
		}
	}
	return fmt.Errorf("lend channel %s: %w", channel, errors.ErrUnsupported)
}

// serveDoctor answers `gateway doctor`.
func (a *App) serveDoctor(w http.ResponseWriter, r *http.Request) {
	control.Answer(w, a.examine(r.Context(), config.Language(r.FormValue("lang")), r.FormValue("version"), true), nil)
}
