package pages

import (
	"context"
	"net/http"
	"time"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/doctor"
)

// startView is the first step: is everything that is needed there.
type startView struct {
	head
	Channels []*config.Channel
	Findings []doctor.Finding
	Looking  bool
	Looked   bool // the findings hold what the lines do
}

func (p *Pages) start(w http.ResponseWriter, r *http.Request) {
	v := startView{head: p.head(r, 1), Channels: p.channels()}
	if j := p.jobOf(""); j != nil {
		seen := j.progress()
		v.Looking, v.Findings, v.Looked = seen.Running, seen.Findings, !seen.Running
	}
	if v.Looking {
		v.Refresh = time.Second
	}
	if v.Findings == nil && !v.Looking { // a look reads the whole configuration, and a page that waits is drawn every second
		v.Findings = p.cfg.Examine(r.Context(), false)
	}
	p.draw(w, http.StatusOK, "start.html", v)
}

// look begins a look at everything, the lines too.
func (p *Pages) look(w http.ResponseWriter, r *http.Request) {
	p.begin("", func(ctx context.Context, j *job) error {
		found := p.cfg.Examine(ctx, true)
		j.mu.Lock()
		defer j.mu.Unlock()
		j.findings = found
		return nil
	})
	http.Redirect(w, r, Base, http.StatusSeeOther)
}
