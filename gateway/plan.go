package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/bustime"
	"github.com/linshao/linshao/gateway/internal/config"
)

type planCmd struct {
	File    string `arg:"" type:"path" help:"The site: gateway.yaml."`
	Channel string `help:"Only this channel."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// Verdicts on a channel's plan.
const (
	planFits       = "fits"
	planTight      = "tight"      // it fits, with hardly any room
	planImpossible = "impossible" // more is asked than the line carries
	planUnknown    = "unknown"    // the driver cannot say what it does
)

// shownPlan is a channel's plan as JSON.
type shownPlan struct {
	Channel     string      `json:"channel"`
	Driver      string      `json:"driver"`
	Line        string      `json:"line,omitempty"` // "9600 8N1"
	Verdict     string      `json:"verdict"`
	Pause       float64     `json:"pause_ms,omitempty"` // before each request, where it is longer than the line's own silence
	Cycle       float64     `json:"cycle_ms"`
	Utilisation float64     `json:"utilisation"`
	Fit         *shownFit   `json:"fit,omitempty"` // what would leave room
	Units       []shownUnit `json:"units"`         // the biggest eater first
}

type shownFit struct {
	Poll  float64 `json:"poll_ms,omitempty"`
	Lines int     `json:"lines"`
	Baud  int     `json:"baud,omitempty"`
}

// shownUnit is what is read in one go.
type shownUnit struct {
	Devices  []string       `json:"devices"`
	Known    bool           `json:"known"`
	Interval float64        `json:"interval_ms"`
	Took     float64        `json:"took_ms"`
	Share    float64        `json:"share"`
	Silent   float64        `json:"silent_ms"`                   // what one attempt costs when it does not answer
	Pause    float64        `json:"pause_ms,omitempty"`          // that the device needs after each answer; the line is free then
	Least    float64        `json:"least_interval_ms,omitempty"` // the shortest that its pause allows
	Requests []shownRequest `json:"requests"`
}

type shownRequest struct {
	What   string  `json:"what"`
	Out    int     `json:"out_bytes"`
	In     int     `json:"in_bytes"`
	Took   float64 `json:"took_ms"`
	Every  float64 `json:"every_ms,omitempty"` // asked no more often than that
	Points int     `json:"points"`
}

// Run prints how the time of each line will be used.
func (c planCmd) Run(lang config.Language) error {
	site, problems := config.Load(shorter(c.File), lang)
	printProblems(os.Stderr, lang, problems.Fatal())
	if site == nil {
		return exit{code: exitFinding}
	}
	channels := site.Channels
	if c.Channel != "" {
		channels = slices.DeleteFunc(slices.Clone(channels), func(ch config.Channel) bool { return ch.ID != c.Channel })
		if len(channels) == 0 {
			return exit{exitUsage, fmt.Errorf("there is no channel %q", c.Channel)}
		}
	}
	list, possible := []shownPlan{}, true
	page := planPage{w: os.Stdout, say: speaker(lang)}
	for _, ch := range channels {
		p := ch.Plan()
		possible = possible && planVerdict(p) != planImpossible
		if c.JSON {
			list = append(list, shownPlanOf(ch, p))
			continue
		}
		page.channel(ch, p)
	}
	if c.JSON {
		return printed(list, possible)
	}
	if !possible {
		return exit{code: exitFinding}
	}
	return nil
}

func planVerdict(p bustime.Plan) string {
	switch {
	case !p.Known:
		return planUnknown
	case p.Impossible(), len(p.Hurried()) > 0:
		return planImpossible
	case p.Tight():
		return planTight
	}
	return planFits
}

func shownPlanOf(ch config.Channel, p bustime.Plan) shownPlan {
	s := shownPlan{Channel: ch.ID, Driver: ch.Driver, Line: settingsOf(p.Serial), Verdict: planVerdict(p),
		Pause: inMillis(p.Pause), Cycle: inMillis(p.Cycle), Utilisation: p.Utilisation, Units: []shownUnit{}}
	if p.Tight() || p.Impossible() {
		f := ch.Fit(p)
		s.Fit = &shownFit{inMillis(f.Poll), f.Lines, f.Baud}
	}
	for _, u := range p.Eaters(len(p.Units)) {
		shown := shownUnit{Devices: u.Devices, Known: !u.Unknown, Interval: inMillis(u.Interval), Took: inMillis(u.Took), Share: u.Share,
			Silent: inMillis(u.Silent), Pause: inMillis(u.Pause), Least: inMillis(u.Least), Requests: []shownRequest{}}
		for _, r := range u.Requests {
			shown.Requests = append(shown.Requests, shownRequest{r.What, r.Out, r.In, inMillis(r.Took), inMillis(r.Every), r.Points})
		}
		s.Units = append(s.Units, shown)
	}
	return s
}

// inMillis is a duration in milliseconds, to a hundredth.
func inMillis(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// settingsOf are a line's settings as installers write them: "9600 8N1"; empty for what is no serial line.
func settingsOf(s *device.Serial) string {
	if s == nil {
		return ""
	}
	parity := map[device.Parity]string{device.ParityEven: "E", device.ParityOdd: "O"}[s.Parity]
	return fmt.Sprintf("%d 8%s%d", s.Baud, cmp.Or(parity, "N"), max(1, s.StopBits))
}
