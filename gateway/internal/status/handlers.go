package status

import (
	"context"
	"embed"
	"encoding/json"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/names"
	"github.com/linshao/linshao/rules"
)

//go:embed page.html outputs.html login.html lost.html style.css
var files embed.FS

// pageSize is how many devices one page shows: a phone is asked to draw no more.
const pageSize = 100

// askLimit is how long the page waits for the rules. Rules that hang are what people come to the page to see.
const askLimit = 3 * time.Second

func style(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "style.css") }

// lost answers an address that leads nowhere, with the way back.
func (p *Page) lost(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	if err := template.Must(template.ParseFS(files, "lost.html")).Execute(w, wordsOf(r.Header.Get("Accept-Language"))); err != nil {
		p.cfg.Log.Debug("draw lost page", "error", err)
	}
}

// healthz answers 200 while the safety loop lives, 503 and the reason otherwise.
func (p *Page) healthz(w http.ResponseWriter, _ *http.Request) {
	answer := struct {
		OK     bool   `json:"ok"`
		Reason string `json:"reason,omitempty"`
	}{OK: true}
	code := http.StatusOK
	if err := p.cfg.Healthy(); err != nil {
		answer.OK, answer.Reason, code = false, err.Error(), http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		p.cfg.Log.Debug("answer healthz", "error", err)
	}
}

// reset resets a latched alert: the person stands at the site.
func (p *Page) reset(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	done, err := p.cfg.Reset(ctx, r.FormValue("alert"))
	if err != nil {
		p.cfg.Log.Warn("reset alert", "error", err)
		http.Error(w, wordsOf(r.Header.Get("Accept-Language")).NotReset, http.StatusServiceUnavailable)
		return
	}
	result := "held"
	if done {
		result = "done"
	}
	http.Redirect(w, r, "/?reset="+result, http.StatusSeeOther)
}

// view is what the template draws.
type view struct {
	Self     string // "/", or "/plain": the same in words alone, for any browser and for reading aloud
	T        words
	C        Config
	State    State
	Now      string
	Since    string // when the disk began to take nothing
	Rules    Rules
	Refused  string // when rules were last refused
	Ill      string // why the rules do not run
	Outputs  string // the words of the link
	Alerts   []alertView
	Devices  []deviceView
	Notice   string
	From, To int
	Total    int
	Next     int // 0: no further page
	Previous int // -1: this is the first
}

type alertView struct {
	ID, Title, Message, Severity, Since string
	Firing, Shadow                      bool
	Asks                                bool // why can be asked
	Why, Fired                          []string
}

type deviceView struct {
	device.Device
	Points []pointView
	Health string // "100", or the score and why it is not; empty: not known
	Well   bool
}

type pointView struct{ Name, Value, Class, Age string }

func (p *Page) page(w http.ResponseWriter, r *http.Request) {
	t := wordsOf(r.Header.Get("Accept-Language"))
	now := p.cfg.Now()
	v := view{Self: r.URL.Path, T: t, C: p.cfg, State: p.cfg.State(), Now: now.In(p.cfg.Location).Format("2006-01-02 15:04:05"), Total: len(p.cfg.Devices), Previous: -1}
	more := outputWordsOf(t.Lang)
	v.Outputs = more.Title
	if err := p.cfg.Healthy(); err != nil {
		v.Ill = more.Ill + ": " + err.Error()
	}
	if since := v.State.Degraded; !since.IsZero() {
		v.Since = since.In(p.cfg.Location).Format("01-02 15:04:05")
	}
	if p.cfg.Rules != nil {
		v.Rules = p.cfg.Rules()
		v.Refused = v.Rules.At.In(p.cfg.Location).Format("01-02 15:04:05")
	}
	switch r.FormValue("reset") {
	case "done":
		v.Notice = t.ResetDone
	case "held":
		v.Notice = t.ResetHeld
	}
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	alerts, err := p.cfg.Alerts(ctx)
	if err != nil { // no page rather than one that says that nothing is wrong
		p.cfg.Log.Warn("list alerts", "error", err)
		if v.Ill == "" {
			v.Ill = t.Unknown
		}
		http.Error(w, v.Ill, http.StatusServiceUnavailable)
		return
	}
	for _, a := range alerts {
		shown := p.alert(t, a)
		p.unfold(r, t, a, &shown)
		v.Alerts = append(v.Alerts, shown)
	}
	v.From, _ = strconv.Atoi(r.FormValue("from")) // a bad number is the first page
	v.From = max(0, min(v.From, max(0, v.Total-1)))
	v.To = min(v.From+pageSize, v.Total)
	if v.To < v.Total {
		v.Next = v.To
	}
	if v.From > 0 {
		v.Previous = max(0, v.From-pageSize)
	}
	for _, d := range p.cfg.Devices[v.From:v.To] {
		v.Devices = append(v.Devices, p.device(t, d, now))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := p.template().Execute(w, v); err != nil {
		p.cfg.Log.Debug("draw status page", "error", err)
	}
}

// template is parsed per request: the page is opened rarely, and the memory is the gateway's.
func (p *Page) template() *template.Template {
	return template.Must(template.ParseFS(files, "page.html"))
}

func (p *Page) alert(t words, a rules.AlertEvent) alertView {
	v := alertView{ID: a.Alert, Title: a.Title.EN, Message: a.Message.EN, Severity: string(a.Severity), Firing: a.State == rules.Firing, Shadow: a.Shadow,
		Since: a.Since.In(p.cfg.Location).Format("01-02 15:04:05")}
	if t.Lang == "zh" {
		v.Title, v.Message = a.Title.ZH, a.Message.ZH
	}
	return v
}

func (p *Page) device(t words, d device.Device, now time.Time) deviceView {
	v := deviceView{Device: d}
	v.Health, v.Well = p.health(t, d.ID)
	for _, pt := range d.Points {
		v.Points = append(v.Points, p.point(t, d, pt, now))
	}
	return v
}

func (p *Page) point(t words, d device.Device, pt device.Point, now time.Time) pointView {
	v := pointView{Name: names.Point(pt.Name, t.language()), Value: "—", Class: "bad", Age: t.Never}
	r, ok := p.latest.Of(pt.Key())
	if !ok {
		return v
	}
	age := now.Sub(r.Time)
	v.Age, v.Class = names.Ago(age, t.language()), r.Quality.String()
	if r.Quality != device.Bad && !math.IsNaN(r.Value) {
		v.Value = names.Value(pt, r.Value, t.language())
	}
	if r.Reason != device.ReasonNone {
		v.Age += " · " + t.reason(r.Reason)
	}
	if limit := max(3*d.Poll, 10*time.Second); age > limit && v.Class == "good" {
		v.Class = "uncertain" // it was good, but that is too long ago
	}
	return v
}

// health is how far a device can be trusted, in words.
func (p *Page) health(t words, id string) (text string, well bool) {
	if p.cfg.Sensor == nil {
		return "", false
	}
	score, reasons, ok := p.cfg.Sensor(id)
	if !ok {
		return "", false
	}
	why := make([]string, len(reasons))
	for i, r := range reasons {
		if why[i] = r.EN; t.Lang == "zh" {
			why[i] = r.ZH
		}
	}
	text = strconv.Itoa(score)
	if len(why) > 0 {
		text += " · " + strings.Join(why, " · ")
	}
	return text, len(why) == 0
}
