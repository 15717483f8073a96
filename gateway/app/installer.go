package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/claim"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/commission/pages"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/doctor"
)

// installer serves the commissioning pages. They are made when the first person asks: the models that a device may be take memory,
// which a gateway in use has no need of.
type installer struct {
	build func() (*pages.Pages, error)

	mu   sync.Mutex
	made *pages.Pages
	shut bool
}

func (a *App) newInstaller() *installer {
	return &installer{build: func() (*pages.Pages, error) {
		service, err := a.commission(config.Chinese)
		if err != nil {
			return nil, err
		}
		return pages.New(pages.Config{Site: a.cfg.Site, Models: service.Models(), Service: service, Memory: a.cfg.Found,
			Claim: a.claim, Restart: a.restartFor, Handover: a.handover, Log: a.cfg.Log,
			Examine: func(ctx context.Context, lines bool) []doctor.Finding {
				return a.examine(ctx, config.Chinese, a.cfg.Version, lines)
			}}), nil
	}}
}

// ServeHTTP implements http.Handler.
func (i *installer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, err := i.pages()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	p.ServeHTTP(w, r)
}

func (i *installer) pages() (p *pages.Pages, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.shut {
		return nil, errors.New("the gateway is stopping")
	}
	if i.made == nil {
		i.made, err = i.build()
	}
	return i.made, err
}

// close ends what the pages have begun.
func (i *installer) close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.shut = true
	if i.made == nil {
		return nil
	}
	return i.made.Close()
}

// claim keeps a device that a scan has found.
func (a *App) claim(_ context.Context, c pages.Claim, lang config.Language) error {
	e := config.Entry{ID: c.ID, Name: c.Name, Profile: c.Model, Address: c.Address, Place: c.Place, Zone: c.Zone}
	for _, ch := range a.cfg.Site.Channels {
		if s := c.Setting.Serial(); ch.ID == c.Channel && ch.Driver == config.DriverSerial && s.Baud != 0 && s != ch.Serial {
			e.Line.Baud, e.Line.Parity, e.Line.StopBits = &s.Baud, string(s.Parity), &s.StopBits
		}
	}
	_, err := claim.Site{File: a.cfg.Site.File, Lang: lang}.Claim(config.Fragment{Channel: c.Channel, Devices: []config.Entry{e}}, "")
	return inWords(err, lang)
}

// restartFor is Restart for a person.
func (a *App) restartFor(ctx context.Context, lang config.Language) error {
	return inWords(a.Restart(ctx), lang)
}

// inWords is an error in the words of who asked.
func inWords(err error, lang config.Language) error {
	var refused *claim.Refused
	var refusal *control.Refusal
	var problems configs.Problems
	switch {
	case errors.As(err, &refused):
		return errors.New(commission.Text(refused.Text).In(lang))
	case errors.As(err, &refusal):
		return errors.New(strings.Join(append([]string{commission.Text{ZH: refusal.ZH, EN: refusal.EN}.In(lang)}, refusal.More...), "\n"))
	case errors.As(err, &problems):
		var lines []string
		for _, p := range problems.Fatal() {
			lines = append(lines, p.Error())
		}
		return errors.New(strings.Join(lines, "\n"))
	}
	return err
}
