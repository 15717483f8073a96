// Package pages are what an installer sees in a browser: look, scan, claim, trial read, hand-over. The status page mounts them
// behind the claim code. They are plain HTML without a script, so they work on any phone, without cloud and without TLS; what
// takes long runs as a job that the page looks at again every second.
//
// They promise: a scan that was begun ends with its job, whoever closes the browser; two scans of one line are one; nothing is
// claimed by a link, only by a form of these pages.
package pages

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/doctor"
	"github.com/linshao/linshao/gateway/internal/names"
	"github.com/linshao/linshao/gateway/internal/poll"
)

//go:embed *.html
var files embed.FS

// Base begins the paths of all pages.
const Base = "/commission"

// A Service looks at lines; commission.Service is one.
type Service interface {
	Scan(ctx context.Context, req commission.ScanRequest, progress func(commission.Progress)) (commission.Report, error)
	Read(ctx context.Context, req commission.ReadRequest) (commission.ReadReport, error)
}

// A Claim is a device that becomes one of the site.
type Claim struct {
	Channel, Protocol, Address string
	Setting                    commission.Setting
	Model                      string
	ID, Name, Place, Zone      string
}

// Config of the pages.
type Config struct {
	Site     *config.Site
	Models   []*config.Model
	Service  Service
	Memory   *Memory                                                         // nil: of these pages alone
	Claim    func(ctx context.Context, c Claim, lang config.Language) error  // keeps the device; its error is told as it is
	Restart  func(ctx context.Context, lang config.Language) error           // takes up what was claimed, soon after it returns; an error says why not now
	Examine  func(ctx context.Context, lines bool) []doctor.Finding          // lines: also what the lines do, which pauses them
	Handover func(ctx context.Context, w io.Writer, l config.Language) error // the sheet as a page of its own
	Log      *slog.Logger
}

// A Memory keeps what scans have found while the gateway takes up a device, which makes new pages.
type Memory struct {
	mu   sync.Mutex
	jobs map[string]*job // by channel; "" is the look at everything
}

// Pages is an http.Handler for everything below Base.
type Pages struct {
	cfg  Config
	mux  *http.ServeMux
	ctx  context.Context //nolint:containedctx // of the jobs, which outlive the request that began them
	stop context.CancelFunc
	run  sync.WaitGroup
}

// New makes the pages. No job runs before somebody asks.
func New(cfg Config) *Pages {
	if cfg.Memory == nil {
		cfg.Memory = &Memory{}
	}
	p := &Pages{cfg: cfg, mux: http.NewServeMux()}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.mux.HandleFunc("GET "+Base, p.start)
	p.mux.HandleFunc("POST "+Base+"/look", p.look)
	p.mux.HandleFunc("GET "+Base+"/scan", p.scan)
	p.mux.HandleFunc("POST "+Base+"/scan", p.beginScan)
	p.mux.HandleFunc("POST "+Base+"/scan/stop", p.stopScan)
	p.mux.HandleFunc("GET "+Base+"/claim", p.form)
	p.mux.HandleFunc("POST "+Base+"/claim", p.claim)
	p.mux.HandleFunc("POST "+Base+"/restart", p.restart)
	p.mux.HandleFunc("GET "+Base+"/try", p.try)
	p.mux.HandleFunc("POST "+Base+"/try", p.compare)
	p.mux.HandleFunc("GET "+Base+"/handover", p.handover)
	return p
}

// ServeHTTP implements http.Handler.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Close ends the jobs and waits for them.
func (p *Pages) Close() error {
	p.stop()
	p.run.Wait()
	return nil
}

// head is what every page has.
type head struct {
	T       words
	Lang    config.Language
	Site    string
	Gateway string
	Step    int           // of the five, from 1
	Refresh time.Duration // look again after; 0: never
	To      string        // where to look then; empty: here
	Notice  string
	Bad     bool // the notice is a refusal
	Alarm   bool // because of an alert, which stands on the first page
}

// fail says why something was not done.
func (h *head) fail(err error) {
	h.Notice, h.Bad, h.Alarm = h.T.told(err), true, errors.Is(err, poll.ErrAlarm)
}

// Seconds of Refresh, for the page.
func (h head) Seconds() int { return int(h.Refresh.Seconds()) }

// Steps are the five steps with their pages.
func (h head) Steps() []step {
	return []step{{1, h.T.Power, Base}, {2, h.T.Scan, Base + "/scan"}, {3, h.T.Claim, Base + "/claim"}, {4, h.T.Try, Base + "/try"}, {5, h.T.Handover, Base + "/handover"}}
}

type step struct {
	N        int
	Name, At string
}

func (p *Pages) head(r *http.Request, step int) head {
	t := wordsOf(r.Header.Get("Accept-Language"))
	return head{T: t, Lang: t.lang, Site: p.cfg.Site.Name, Gateway: p.cfg.Site.Gateway, Step: step}
}

// draw answers a page. It is drawn whole before a byte of it leaves.
func (p *Pages) draw(w http.ResponseWriter, code int, name string, view any) {
	var page bytes.Buffer
	set, err := template.New("").Funcs(helpers()).ParseFS(files, "frame.html", name)
	if err == nil {
		err = set.ExecuteTemplate(&page, name, view)
	}
	if err != nil {
		p.cfg.Log.Error("draw commissioning page", "page", name, "error", err)
		http.Error(w, fmt.Sprintf("draw %s: %v", name, err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	if _, err := page.WriteTo(w); err != nil {
		p.cfg.Log.Debug("send commissioning page", "error", err)
	}
}

// channel finds a channel that can be scanned; nil when there is none of that id.
func (p *Pages) channel(id string) *config.Channel {
	for i := range p.cfg.Site.Channels {
		if ch := &p.cfg.Site.Channels[i]; ch.ID == id && scannable(ch) {
			return ch
		}
	}
	return nil
}

func scannable(ch *config.Channel) bool {
	return ch.Driver != config.DriverRTSP && ch.Driver != config.DriverPlugin
}

func (p *Pages) channels() []*config.Channel {
	var all []*config.Channel
	for i := range p.cfg.Site.Channels {
		if ch := &p.cfg.Site.Channels[i]; scannable(ch) {
			all = append(all, ch)
		}
	}
	return all
}

func (p *Pages) handover(w http.ResponseWriter, r *http.Request) {
	h := p.head(r, 5)
	var sheet bytes.Buffer
	if p.cfg.Handover == nil {
		http.NotFound(w, r)
		return
	}
	if err := p.cfg.Handover(r.Context(), &sheet, h.Lang); err != nil {
		p.cfg.Log.Warn("make hand-over sheet", "error", err)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The sheet is one file that can be kept: its style is inside.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'")
	if _, err := sheet.WriteTo(w); err != nil {
		p.cfg.Log.Debug("send hand-over sheet", "error", err)
	}
}

// helpers are what templates cannot do.
func helpers() template.FuncMap {
	return template.FuncMap{
		"text":    func(l config.Language, t commission.Text) string { return t.In(l) },
		"value":   trialText,
		"point":   func(l config.Language, name string) string { return names.Point(name, l) },
		"reason":  reasonText,
		"seconds": func(ms float64) float64 { return ms / 1000 },
		"percent": func(share float64) float64 { return 100 * share },
	}
}
