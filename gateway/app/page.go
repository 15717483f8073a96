package app

import (
	"path/filepath"

	"github.com/linshao/linshao/gateway/internal/commission/pages"
	"github.com/linshao/linshao/gateway/internal/login"
	"github.com/linshao/linshao/gateway/internal/status"
)

// CodeFile holds the claim code, in the data folder.
const CodeFile = "claim.code"

// door stands before the gateway's own pages: the one of before a restart, unless there is another claim code now. nil when there is
// none: beyond loopback nobody gets in then, and the gateway runs.
func door(cfg Config) *login.Door {
	code, err := login.Code(filepath.Join(cfg.Site.Data, CodeFile))
	switch {
	case err != nil && cfg.Door != nil:
		cfg.Log.Error("the claim code cannot be read: the one of before stays in force", "error", err)
		return cfg.Door
	case err != nil:
		cfg.Log.Error("nobody can log in with a claim code", "error", err)
		return nil
	case cfg.Door != nil && cfg.Door.For(code):
		return cfg.Door
	}
	return login.NewDoor(code)
}

// buildPage opens the local page. A port that is taken refuses a restart, whose site before runs on; it does not keep a gateway from
// starting, nor the one that runs on.
func (a *App) buildPage() error {
	s := a.cfg.Site
	a.cfg.Door = door(a.cfg)
	if a.cfg.Found == nil {
		a.cfg.Found = &pages.Memory{}
	}
	a.installer = a.newInstaller()
	page, err := status.New(status.Config{Listen: s.Status.Listen, Patient: a.cfg.Previous == nil || a.cfg.Refused != nil, User: s.Status.User, Password: s.Status.Password, Door: a.cfg.Door, Site: s.Name,
		Gateway: s.Gateway, Version: a.cfg.Version, Location: s.Location, Devices: a.devices, Sensor: a.sensorHealth, Now: a.cfg.Now, Healthy: a.judge.healthy,
		State: a.state, Rules: a.book.get, Alerts: a.judge.active, Reset: a.reset, Explain: a.judge.explain,
		Outputs: a.executor.Outputs, Move: a.executor.Ask, Release: a.executor.Release, Commission: a.installer, Gatherer: a.metrics, Log: a.cfg.Log}, a.latest)
	if err != nil {
		return err
	}
	a.page = page
	a.toClose = append(a.toClose, page.Close, a.installer.close)
	return nil
}
