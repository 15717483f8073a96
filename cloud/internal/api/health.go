package api

import (
	"context"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// ask is a question about the part of the street that the caller may see, or of a node in it.
func (a *API) ask(ctx context.Context, node string) (health.Ask, error) {
	q := health.Ask{Scope: scope(ctx), Node: node, Now: a.today(), Zone: a.zone()}
	if node == "" {
		return q, nil
	}
	need := access{auth.See, ofNode}
	return q, a.check(ctx, need, func(string) string { return node })
}

// zone is that of the street.
func (a *API) zone() *time.Location {
	if a.cfg.Zone == nil {
		return time.UTC
	}
	return a.cfg.Zone
}

type healthIn struct {
	Node string `query:"node" maxLength:"80" doc:"this node and all below it; default: all that the caller may see"`
}

type healthOut struct{ Body health.Overview }

// summary says how well the street can be seen now.
func (a *API) summary(ctx context.Context, in *healthIn) (*healthOut, error) {
	ask, err := a.ask(ctx, in.Node)
	if err != nil {
		return nil, err
	}
	s, err := health.Sum(ctx, a.cfg.DB.Reader(), ask)
	if err != nil {
		return nil, err
	}
	return &healthOut{s}, nil
}

type worstIn struct {
	Node  string `query:"node" maxLength:"80" doc:"this node and all below it; default: all that the caller may see"`
	State string `query:"state" enum:"good,suspect,faulty,offline,silent,unknown,overdue" doc:"default: all that are not good, without those of silent gateways; overdue: whose calibration is overdue"`
	Kind  string `query:"kind" maxLength:"80" doc:"of the devices; default: all"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"10"`
}

type worstOut struct {
	Body struct {
		At      int64                 `json:"at" doc:"the server's time for which all of it holds, Unix ms"`
		Devices []health.DeviceHealth `json:"devices" doc:"lowest score first"`
	}
}

// worst are the devices that need somebody most.
func (a *API) worst(ctx context.Context, in *worstIn) (*worstOut, error) {
	ask, err := a.ask(ctx, in.Node)
	if err != nil {
		return nil, err
	}
	out := &worstOut{}
	out.Body.At = ask.Now.UnixMilli()
	out.Body.Devices, err = health.Worst(ctx, a.cfg.DB.Reader(), ask, health.Filter{State: in.State, Kind: in.Kind, Limit: in.Limit})
	return out, err
}

type siteHealthIn struct {
	Site string `path:"site" maxLength:"80"`
	Days int    `query:"days" minimum:"1" maximum:"400" default:"30" doc:"for the online rates and repairs, with today"`
}

// SiteHealth is how far the devices of a site can be trusted.
type SiteHealth struct {
	Summary health.Overview       `json:"summary"`
	Devices []health.DeviceHealth `json:"devices" doc:"in the order of the gateway's file"`
	Online  []health.OnlineRate   `json:"online" doc:"for how much of the days devices could be seen, by their kind"`
}

type siteHealthOut struct{ Body SiteHealth }

func (a *API) siteHealth(ctx context.Context, in *siteHealthIn) (*siteHealthOut, error) {
	q := a.cfg.DB.Reader()
	if _, err := org.OneSite(ctx, q, in.Site); err != nil {
		return nil, err
	}
	ask := health.Ask{Scope: tree.Everywhere(), Site: in.Site, Now: a.today(), Zone: a.zone()} // the access is checked: it is about the site
	var out siteHealthOut
	var err error
	if out.Body.Summary, err = health.Sum(ctx, q, ask); err != nil {
		return nil, err
	}
	if out.Body.Devices, err = health.All(ctx, q, ask); err != nil {
		return nil, err
	}
	from, to := ask.Now.AddDate(0, 0, 1-in.Days).Format(time.DateOnly), ask.Now.Format(time.DateOnly)
	out.Body.Online, err = health.OnlineRates(ctx, q, ask, from, to, health.ByKind)
	return &out, err
}

type onlineIn struct {
	Node string `query:"node" maxLength:"80" doc:"this node and all below it; default: all that the caller may see"`
	From string `query:"from" format:"date" doc:"first day in the street's calendar; default: 30 days before to"`
	To   string `query:"to" format:"date" doc:"last day; default: today"`
	By   string `query:"by" enum:"site,kind" doc:"default: all together"`
}

type onlineOut struct {
	Body struct {
		From  string              `json:"from"`
		To    string              `json:"to"`
		Rates []health.OnlineRate `json:"rates" doc:"smallest first"`
	}
}

// online says for how much of some days devices could be seen.
func (a *API) online(ctx context.Context, in *onlineIn) (*onlineOut, error) {
	ask, err := a.ask(ctx, in.Node)
	if err != nil {
		return nil, err
	}
	out := &onlineOut{}
	b := &out.Body
	if b.To = in.To; b.To == "" {
		b.To = ask.Now.Format(time.DateOnly)
	}
	to, err := time.Parse(time.DateOnly, b.To)
	if err != nil {
		return nil, errDay()
	}
	if b.From = in.From; b.From == "" {
		b.From = to.AddDate(0, 0, -29).Format(time.DateOnly)
	}
	if from, err := time.Parse(time.DateOnly, b.From); err != nil || from.After(to) {
		return nil, errDay()
	}
	b.Rates, err = health.OnlineRates(ctx, a.cfg.DB.Reader(), ask, b.From, b.To, health.By(in.By))
	return out, err
}

func errDay() *problem {
	return newProblem(http.StatusUnprocessableEntity, "bad_range", "日期无效：须为 2026-11-22 这样的日期，且开始不晚于结束", "days are such as 2026-11-22, and the first is not after the last")
}

type calibrateIn struct {
	Body struct {
		Calibrations []health.Calibration `json:"calibrations" minItems:"1" maxItems:"400"`
	}
}

type calibrateOut struct{ Body health.CalibrationsTaken }

// calibrate notes when devices were calibrated. What is wrong is named and left out.
func (a *API) calibrate(ctx context.Context, in *calibrateIn) (*calibrateOut, error) {
	t, err := health.Calibrate(ctx, a.cfg.DB, scope(ctx), in.Body.Calibrations, a.today())
	if err != nil {
		return nil, err
	}
	return &calibrateOut{t}, nil
}
