package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

type scanCmd struct {
	Bus      string        `required:"" help:"Id of the channel in gateway.yaml."`
	Config   string        `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	Addr     string        `default:"1-32" help:"Addresses to ask: 1-247, or 1,5,10-20."`
	Baud     string        `help:"Settings to try: 9600, 9600-8E1, a list of such, or all. Default: those of the channel, then the usual ones until somebody answers."`
	Protocol []string      `help:"What to ask for: modbus, dlt645, cjt188, osdp. Default: what the channel's driver speaks."`
	Timeout  time.Duration `help:"Wait for each address, beside the time on the wire. Default: 100ms, 300ms over a network; more when answers come late."`
	Bare     bool          `help:"Only who answers, not what it may be."`
	Emit     bool          `help:"Print the new devices as a fragment for gateway.yaml; everything else goes to stderr."`
	JSON     bool          `name:"json" help:"Print the report as JSON."`
}

// Run looks who answers on a channel.
func (c scanCmd) Run(ctx context.Context, lang config.Language) error {
	req := commission.ScanRequest{Channel: c.Bus, Protocols: c.Protocol, TimeoutMS: int(c.Timeout.Milliseconds()), Bare: c.Bare}
	var err error
	if req.Addresses, err = commission.ParseRanges(c.Addr, 0, 247); err != nil {
		return exit{exitUsage, fmt.Errorf("--addr: %w", err)}
	}
	if req.Settings, req.All, err = lineSettings(c.Baud); err != nil {
		return exit{exitUsage, fmt.Errorf("--baud: %w", err)}
	}
	site, who, err := commissioning(ctx, c.Config, lang)
	if err != nil {
		return err
	}
	out := os.Stdout
	if c.Emit || c.JSON {
		out = os.Stderr
	}
	show := newScanShow(out, lang, c.Config)
	if c.JSON && !show.tty {
		show.out = nil // who wants JSON reads no table
	}
	report, err := who.Scan(ctx, req, show.progress)
	show.clear()
	if err != nil {
		return failed(err, site, c.Bus, lang)
	}
	show.end(report)
	switch {
	case c.JSON:
		if err := printed(report, true); err != nil {
			return err
		}
	case c.Emit:
		if _, err := os.Stdout.Write(commission.Emit(report, lang)); err != nil {
			return fmt.Errorf("print fragment: %w", err)
		}
	}
	return scanExit(report)
}

// scanExit is what a report means for a script.
func scanExit(r commission.Report) error {
	if r.Stopped {
		return exit{code: exitSignal}
	}
	several := slices.ContainsFunc(r.Hints, func(h commission.Hint) bool { return h.Code == commission.HintSeveral })
	if len(r.Found) == 0 && !several {
		return exit{code: exitDevice}
	}
	for _, f := range r.Found {
		if f.State == commission.StateDuplicate || f.State == commission.StateNoise || len(f.Hints) > 0 {
			return exit{code: exitFinding}
		}
	}
	if len(r.Hints) > 0 {
		return exit{code: exitFinding}
	}
	return nil
}
