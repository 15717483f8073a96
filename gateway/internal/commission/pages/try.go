package pages

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// tryView is the fourth step: does the gateway read what the device shows.
type tryView struct {
	head
	Devices []device.Device
	Device  string
	Report  *commission.ReadReport
	Shows   map[string]string // what the person typed, by point
}

// tryLimit bounds a trial read: less than a browser and the server wait.
const tryLimit = 20 * time.Second

func (p *Pages) try(w http.ResponseWriter, r *http.Request) {
	v := tryView{head: p.head(r, 4), Device: r.FormValue("device")}
	if v.Device == "" {
		for _, ch := range p.channels() {
			v.Devices = append(v.Devices, ch.Devices...)
		}
		p.draw(w, http.StatusOK, "try.html", v)
		return
	}
	p.read(w, r, v, nil)
}

// compare reads again and says what would make the values those that the device shows.
func (p *Pages) compare(w http.ResponseWriter, r *http.Request) {
	v := tryView{head: p.head(r, 4), Device: r.PostFormValue("device"), Shows: map[string]string{}}
	shows := map[string]float64{}
	for key, values := range r.PostForm {
		point, ok := strings.CutPrefix(key, "shows.")
		text := strings.TrimSpace(values[0])
		if !ok || text == "" {
			continue
		}
		v.Shows[point] = text
		n, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", "."), 64)
		if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
			v.Notice, v.Bad = text+v.T.NoNumber, true
			continue
		}
		shows[point] = n
	}
	p.read(w, r, v, shows)
}

func (p *Pages) read(w http.ResponseWriter, r *http.Request, v tryView, shows map[string]float64) {
	ctx, cancel := context.WithTimeout(r.Context(), tryLimit)
	defer cancel()
	report, err := p.cfg.Service.Read(ctx, commission.ReadRequest{Device: v.Device, Shows: shows})
	if err != nil {
		v.fail(err)
		p.draw(w, http.StatusServiceUnavailable, "try.html", v)
		return
	}
	v.Report = &report
	p.draw(w, http.StatusOK, "try.html", v)
}

// reasonText says why a value is not good.
func reasonText(l config.Language, t commission.Trial) string {
	if r, ok := device.ParseReason(t.Reason); ok && r != device.ReasonNone {
		return commission.ReasonText(r).In(l)
	}
	return ""
}

// trialText is a value for people; empty when there is none.
func trialText(t commission.Trial) string {
	switch {
	case t.Label != "":
		return t.Label
	case t.Value == nil:
		return ""
	}
	steps := 1e2 // hundredths, as displays show them
	if math.Abs(*t.Value) < 10 {
		steps = 1e4
	}
	return strings.TrimSpace(strconv.FormatFloat(math.Round(*t.Value*steps)/steps, 'f', -1, 64) + " " + t.Unit)
}
