package api

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/report"
)

// ReportIn is what a report is about.
type ReportIn struct {
	Node   string `query:"node" maxLength:"80" doc:"this node and all below it; default: all that the caller may see"`
	Period string `query:"period" enum:"day,week,month,custom" default:"month"`
	From   string `query:"from" format:"date" doc:"a day of the period in the street's calendar, of a custom one the first; default: today"`
	To     string `query:"to" format:"date" doc:"last day of a custom period; default: today"`
}

type reportOut struct{ Body report.Report }

// mostReport is the longest custom period, in days: more than a year; the one before it is as long.
const mostReport = 400

func (a *API) makeReport(ctx context.Context, in *ReportIn) (report.Report, error) {
	ask, err := a.ask(ctx, in.Node)
	if err != nil {
		return report.Report{}, err
	}
	r := report.Ask{Scope: ask.Scope, Node: in.Node, Kind: in.Period, From: ask.Now, To: ask.Now, Now: ask.Now}
	for _, d := range []struct {
		text string
		to   *time.Time
	}{{in.From, &r.From}, {in.To, &r.To}} {
		if d.text == "" {
			continue
		}
		if *d.to, err = time.ParseInLocation(time.DateOnly, d.text, ask.Zone); err != nil {
			return report.Report{}, errDay()
		}
	}
	if in.Period == report.Custom && (r.From.After(r.To) || r.To.Sub(r.From) > mostReport*24*time.Hour) {
		return report.Report{}, newProblem(http.StatusUnprocessableEntity, "bad_range", "时间范围无效：开始不能晚于结束，最长 400 天", "the range is not valid: from is not after to, at most 400 days")
	}
	return report.Make(ctx, a.cfg.DB.Reader(), r)
}

// report is the figures of a part of the street in a period, beside those of the period before.
func (a *API) report(ctx context.Context, in *ReportIn) (*reportOut, error) {
	r, err := a.makeReport(ctx, in)
	if err != nil {
		return nil, err
	}
	return &reportOut{r}, nil
}

type reportFileOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte `contentType:"text/csv"`
}

func (a *API) reportCSV(ctx context.Context, in *ReportIn) (*reportFileOut, error) {
	r, err := a.makeReport(ctx, in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := r.WriteCSV(&b); err != nil {
		return nil, err
	}
	return &reportFileOut{"text/csv; charset=utf-8", `attachment; filename="report-` + r.From + `.csv"`, "default-src 'none'", b.Bytes()}, nil
}

type reportPageIn struct {
	ReportIn
	Lang string `query:"lang" enum:"zh,en" default:"zh"`
}

type reportPageOut struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte `contentType:"text/html"`
}

// reportPage is the report to print. It has no script, and may load nothing.
func (a *API) reportPage(ctx context.Context, in *reportPageIn) (*reportPageOut, error) {
	r, err := a.makeReport(ctx, &in.ReportIn)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := r.WritePage(&b, in.Lang, a.zone()); err != nil {
		return nil, err
	}
	return &reportPageOut{"text/html; charset=utf-8", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'", b.Bytes()}, nil
}
