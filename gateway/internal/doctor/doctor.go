// Package doctor looks at a gateway, its machine and its lines, and says in plain words what is wrong, why that probably is and
// what to do next. It changes nothing: it reads files, asks the kernel, opens a connection to the broker and closes it, and what
// the lines do it takes from whoever reads them. `gateway doctor` prints it, the gateway's own pages show it.
package doctor

import (
	"context"
	"time"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A Level says how much a finding matters.
type Level string

// Levels.
const (
	Well    Level = "ok"
	Warning Level = "warning" // will become a problem, or may be one
	Problem Level = "problem" // something that should work does not
)

// A Finding is what one look at one thing has shown.
type Finding struct {
	Area    commission.Text   `json:"area"`              // "clock", "port": the same for all of a sort
	Channel string            `json:"channel,omitempty"` // whose port or line it is
	Subject string            `json:"subject"`           // what it is about: "/dev/ttyS2 rs485-2"; may be empty
	Level   Level             `json:"level"`             //
	Said    commission.Text   `json:"said"`              // one line
	Next    []commission.Text `json:"next,omitempty"`    // likeliest causes and what to do, in this order
	Since   time.Time         `json:"since,omitzero"`    // zero: not known
	Code    string            `json:"code,omitempty"`    // of the symptom, for programs: "port_held"
}

// Config of a look.
type Config struct {
	File    string // gateway.yaml
	Lang    config.Language
	Version string
	Now     func() time.Time // nil: time.Now
	// Running is the state of the gateway that runs with this file; nil: none runs.
	Running *Running
	// Read looks at a line, as ReadLine does. Nil: the lines are not looked at.
	Read func(ctx context.Context, ch config.Channel) (Line, error)
	// Gateway is the process of the gateway that runs with this file: its ports are its own. 0: none.
	Gateway int
}

// Running is what a running gateway says of itself.
type Running struct {
	Started  time.Time `json:"started"`
	Version  string    `json:"version"`
	Uplink   string    `json:"uplink"` // "connected", "offline", "alone"
	Degraded time.Time `json:"degraded,omitzero"`
	Cause    string    `json:"cause,omitempty"`
	Backlog  uint64    `json:"backlog"` // records that the cloud does not have
	Lost     uint64    `json:"lost"`    // readings, since the start
	Ill      string    `json:"ill,omitempty"`
}

// Look makes all examinations. It takes some seconds; ctx ends it early, with what is known by then.
func Look(ctx context.Context, cfg Config) []Finding {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	site, problems := config.Load(cfg.File, cfg.Lang)
	found := append(program(cfg), configuration(cfg.File, problems)...)
	found = append(found, clock(cfg.Now())...)
	if site == nil {
		return found
	}
	found = append(found, disk(site, cfg.Running)...)
	atPorts := ports(cfg, site)
	found = append(found, atPorts...)
	if cfg.Read != nil {
		found = append(found, lines(ctx, cfg, site, atPorts)...)
	}
	found = append(found, ruleSet(site)...)
	found = append(found, certificates(site, cfg.Now())...)
	if ctx.Err() == nil {
		found = append(found, uplink(ctx, site, cfg.Running)...)
	}
	return found
}

// Worst is the gravest level among findings.
func Worst(found []Finding) Level {
	worst := Well
	for _, f := range found {
		if f.Level == Problem {
			return Problem
		}
		if f.Level == Warning {
			worst = Warning
		}
	}
	return worst
}
