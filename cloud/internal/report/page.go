package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
)

//go:embed page.html
var pageText string

// WritePage writes the report as a page to print: one or two sheets A4, without a script, Chinese first or, with lang en,
// English. Times are those of a zone.
func (r Report) WritePage(w io.Writer, lang string, zone *time.Location) error {
	say := func(t incident.Text) string {
		if lang == "en" {
			return t.EN
		}
		return t.ZH
	}
	page, err := template.New("report").Funcs(template.FuncMap{
		"say": say,
		"t":   func(zh, en string) string { return say(incident.Text{ZH: zh, EN: en}) },
		"pct": func(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) + " %" },
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("read page of report: %w", err)
	}
	if lang != "en" {
		lang = "zh-CN"
	}
	err = page.Execute(w, struct {
		Report
		Lang, Made string
		Title      incident.Text
		Rows       []Line
	}{r, lang, time.UnixMilli(r.At).In(zone).Format("2006-01-02 15:04"), r.title(), r.Lines()})
	if err != nil {
		return fmt.Errorf("write page of report: %w", err)
	}
	return nil
}
