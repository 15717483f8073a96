package pages

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// claimView is the third step: what the device is called and where it hangs.
type claimView struct {
	head
	Claim
	Found      []row // of all scans, when none was chosen
	Candidates []commission.Candidate
	Models     []*config.Model // the others of the protocol
	Zones      []zone
}

type zone struct{ ID, Name string }

// form asks for what only a person knows.
func (p *Pages) form(w http.ResponseWriter, r *http.Request) {
	v := claimView{head: p.head(r, 3)}
	f := p.found(r.FormValue("bus"), r.FormValue("protocol"), r.FormValue("address"))
	if f == nil {
		p.choose(w, r, v)
		return
	}
	v.Claim = Claim{Channel: r.FormValue("bus"), Protocol: f.Protocol, Address: f.Address, Setting: f.Setting}
	if len(f.Candidates) > 0 {
		v.Model = f.Candidates[0].Model
	}
	v.Claim = p.propose(v.Claim, v.Lang)
	p.drawForm(w, http.StatusOK, v, f)
}

// choose lists what scans have found and nobody has claimed.
func (p *Pages) choose(w http.ResponseWriter, r *http.Request, v claimView) {
	for _, ch := range p.channels() {
		j := p.jobOf(ch.ID)
		if j == nil {
			continue
		}
		for _, f := range j.progress().Found {
			if x := p.row(v.Lang, ch, f); x.Configured == nil && !x.Duplicate {
				v.Found = append(v.Found, x)
			}
		}
	}
	if r.FormValue("address") != "" {
		v.Notice, v.Bad = v.T.ScanFirst, true
	}
	p.draw(w, http.StatusOK, "choose.html", v)
}

func (p *Pages) drawForm(w http.ResponseWriter, code int, v claimView, f *commission.Found) {
	if f != nil {
		v.Candidates = f.Candidates
	}
	for _, m := range p.cfg.Models {
		known := slices.ContainsFunc(v.Candidates, func(c commission.Candidate) bool { return c.Model == m.Name })
		if m.Protocol == v.Protocol && !known {
			v.Models = append(v.Models, m)
		}
	}
	for id, name := range p.cfg.Site.Zones {
		v.Zones = append(v.Zones, zone{id, name})
	}
	slices.SortFunc(v.Zones, func(a, b zone) int { return strings.Compare(a.ID, b.ID) })
	p.draw(w, code, "claim.html", v)
}

// found is what the newest scan of a channel has seen at an address; nil when there is nothing.
func (p *Pages) found(bus, protocol, address string) *commission.Found {
	j := p.jobOf(bus)
	if j == nil {
		return nil
	}
	for _, f := range j.progress().Found {
		if f.Address == address && (f.Protocol == protocol || protocol == "") {
			return &f
		}
	}
	return nil
}

// propose fills in an id that is free and a name.
func (p *Pages) propose(c Claim, lang config.Language) Claim {
	kind := "device"
	for _, m := range p.cfg.Models {
		if m.Name == c.Model {
			kind, c.Name = m.Kind, m.Title.ZH
			if lang == config.English {
				c.Name = m.Title.EN
			}
		}
	}
	short := c.Address
	if len(short) > 6 {
		short = short[len(short)-6:]
	}
	c.ID = fmt.Sprintf("%s-%s", kind, short)
	taken := func(d device.Device) bool { return d.ID == c.ID || strings.HasPrefix(d.ID, c.ID+".") }
	for n := 2; slices.ContainsFunc(p.cfg.Site.Devices(), taken); n++ {
		c.ID = fmt.Sprintf("%s-%s-%d", kind, short, n)
	}
	return c
}

// took is how long the gateway needs to take up a new device, with room to spare.
const took = 5 * time.Second

// claim keeps the device and lets the gateway take it up.
func (p *Pages) claim(w http.ResponseWriter, r *http.Request) {
	v := claimView{head: p.head(r, 3)}
	f := p.found(r.PostFormValue("bus"), r.PostFormValue("protocol"), r.PostFormValue("address"))
	if f == nil {
		p.choose(w, r, v)
		return
	}
	v.Claim = Claim{Channel: r.PostFormValue("bus"), Protocol: f.Protocol, Address: f.Address, Setting: f.Setting, Model: r.PostFormValue("model"),
		ID: strings.TrimSpace(r.PostFormValue("id")), Name: strings.TrimSpace(r.PostFormValue("name")), Place: strings.TrimSpace(r.PostFormValue("place")), Zone: r.PostFormValue("zone")}
	if err := p.cfg.Claim(r.Context(), v.Claim, v.Lang); err != nil {
		v.Notice, v.Bad = err.Error(), true
		p.drawForm(w, http.StatusConflict, v, f)
		return
	}
	v.Notice = fmt.Sprintf(v.T.Claimed, v.ID)
	p.takeUp(w, r, v)
}

// takeUp lets the gateway take up what is claimed, and leads to the trial read. The answer leaves before the gateway closes its
// pages: that waits for it.
func (p *Pages) takeUp(w http.ResponseWriter, r *http.Request, v claimView) {
	if err := p.cfg.Restart(r.Context(), v.Lang); err != nil {
		v.Notice, v.Bad = strings.TrimSpace(v.Notice+" "+v.T.NotYet+err.Error()), true
		p.draw(w, http.StatusConflict, "claimed.html", v)
		return
	}
	v.Refresh, v.To = took, Base+"/try?device="+v.ID
	p.draw(w, http.StatusOK, "claimed.html", v)
}

// restart tries again to take up what is claimed.
func (p *Pages) restart(w http.ResponseWriter, r *http.Request) {
	v := claimView{head: p.head(r, 3)}
	v.ID = r.PostFormValue("device")
	p.takeUp(w, r, v)
}
