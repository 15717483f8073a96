package pages

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// scanView is the second step: who is on a line.
type scanView struct {
	head
	Channels  []*config.Channel
	Bus       string
	Addresses string
	Serial    bool
	All       bool
	Job       *progress
	Rows      []row
	Hints     []commission.Hint
}

// A row is one device that was found.
type row struct {
	commission.Found
	Name      string // of the first candidate; empty: unknown
	Percent   int
	Values    string // the trial's first ones
	Duplicate bool
	Certain   bool // one candidate that stands out
	Bus       string
}

// certain is the confidence above which a candidate is offered without a question.
const certain = 0.8

func (p *Pages) scan(w http.ResponseWriter, r *http.Request) { p.drawScan(w, r, http.StatusOK, "") }

func (p *Pages) drawScan(w http.ResponseWriter, r *http.Request, code int, refused string) {
	v := scanView{head: p.head(r, 2), Channels: p.channels(), Bus: r.FormValue("bus"), Addresses: r.FormValue("addresses"), All: r.FormValue("settings") == "all"}
	v.Notice, v.Bad = refused, refused != ""
	if v.Bus == "" && len(v.Channels) > 0 {
		v.Bus = v.Channels[0].ID
	}
	ch := p.channel(v.Bus)
	if ch == nil {
		p.draw(w, code, "scan.html", v)
		return
	}
	v.Serial = ch.Serial.Baud != 0
	if v.Addresses == "" {
		v.Addresses = "1-32"
	}
	if j := p.jobOf(v.Bus); j != nil {
		seen := j.progress()
		v.Job = &seen
		for _, f := range seen.Found {
			v.Rows = append(v.Rows, p.row(v.Lang, ch, f))
			v.Hints = append(v.Hints, f.Hints...)
		}
		if seen.Report != nil {
			v.Hints = append(v.Hints, seen.Report.Hints...)
		}
		if seen.Running {
			v.Refresh = time.Second
		}
		if seen.Err != nil {
			v.fail(seen.Err)
			if len(v.Rows) == 0 {
				v.Job = nil // nobody was asked: that nobody has answered is not to be read out of it
			}
		}
	}
	p.draw(w, code, "scan.html", v)
}

// row is a device as the page shows it. What is configured there is looked up anew: it may have been claimed since the scan.
func (p *Pages) row(lang config.Language, ch *config.Channel, f commission.Found) row {
	f.Configured = nil
	for _, d := range ch.Devices {
		if len(d.Points) == 0 {
			continue
		}
		address, _, _ := strings.Cut(d.Points[0].Address, "#")
		if protocol := d.Points[0].Protocol; address == f.Address && (protocol == f.Protocol || protocol == "") {
			f.Configured = append(f.Configured, d.ID)
		}
	}
	x := row{Found: f, Bus: ch.ID, Duplicate: f.State == commission.StateDuplicate}
	if len(f.Candidates) > 0 {
		best := f.Candidates[0]
		x.Name, x.Percent = best.Title.In(lang), int(best.Confidence*100+0.5)
		x.Certain = best.Confidence >= certain
	}
	var values []string
	for _, t := range f.Trial {
		if text := trialText(t); text != "" && len(values) < 3 {
			values = append(values, text)
		}
	}
	if x.Values = strings.Join(values, " · "); x.Values == "" {
		x.Values = f.Readable
	}
	return x
}

// beginScan starts a scan, or goes on looking at the one that runs.
func (p *Pages) beginScan(w http.ResponseWriter, r *http.Request) {
	bus := r.PostFormValue("bus")
	ch := p.channel(bus)
	if ch == nil {
		p.drawScan(w, r, http.StatusNotFound, wordsOf(r.Header.Get("Accept-Language")).NoChannel)
		return
	}
	req := commission.ScanRequest{Channel: bus, All: r.PostFormValue("settings") == "all"}
	if r.PostFormValue("settings") == "own" {
		req.Settings = []commission.Setting{settingOf(ch.Serial)}
	}
	if text := r.PostFormValue("addresses"); text != "" {
		var err error
		if req.Addresses, err = commission.ParseRanges(text, 1, 247); err != nil {
			p.drawScan(w, r, http.StatusBadRequest, wordsOf(r.Header.Get("Accept-Language")).BadAddresses+err.Error())
			return
		}
	}
	p.begin(bus, func(ctx context.Context, j *job) error {
		report, err := p.cfg.Service.Scan(ctx, req, j.see)
		if err == nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.report = &report
		}
		return err
	})
	http.Redirect(w, r, Base+"/scan?bus="+bus, http.StatusSeeOther)
}

// stopScan ends a scan; what it has found stays.
func (p *Pages) stopScan(w http.ResponseWriter, r *http.Request) {
	bus := r.PostFormValue("bus")
	if p.channel(bus) == nil {
		http.NotFound(w, r)
		return
	}
	if j := p.jobOf(bus); j != nil {
		j.cancel()
	}
	http.Redirect(w, r, Base+"/scan?bus="+bus, http.StatusSeeOther)
}

func settingOf(s device.Serial) commission.Setting {
	return commission.Setting{Baud: s.Baud, Parity: s.Parity, StopBits: s.StopBits}
}
