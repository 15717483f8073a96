package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/cloud/wire/program"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/gateway/internal/update"
	"github.com/linshao/linshao/rules"
)

// ErrUpdated says that a program of the cloud is in place: the next start runs it on trial.
var ErrUpdated = errors.New("a program of the cloud is in place, the next start runs it")

const (
	offerFile  = "offer.state" // what the cloud's last update has come to, in the data folder
	offerLimit = 2 * time.Hour // for one attempt to fetch
	calmEvery  = 5 * time.Second
	sameAgain  = 10 * time.Minute // after which the same reason to wait is told again
)

// States of an update that the cloud wants.
const (
	offerWaits    = "waits"
	offerRefused  = "refused"
	offerTrial    = "trial"
	offerApplied  = "applied"
	offerReverted = "reverted"
)

// An offered is what became of an update of the cloud.
type offered struct {
	Revision uint64      `json:"revision"`
	Version  string      `json:"version"`
	State    string      `json:"state"`
	Why      update.Text `json:"why"`
	Applied  uint64      `json:"applied,omitempty"` // newest revision whose program was confirmed
}

// offers is the update that the cloud wants.
type offers struct {
	mu   sync.Mutex
	kept offered
	in   chan *wire.Update // the newest that waits

	said   offered   // last answer that waits; runUpdates' alone
	saidAt time.Time // by the machine's own clock
}

// last is what became of the newest one that was decided on.
func (o *offers) last() offered {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept
}

// recallOffer reads what became of the last one.
func (a *App) recallOffer() {
	a.offers.in = make(chan *wire.Update, 1)
	_, text, err := state.LoadSealed(filepath.Join(a.cfg.Site.Data, offerFile))
	if err == nil && text != nil {
		err = json.Unmarshal(text, &a.offers.kept)
	}
	if err != nil {
		a.cfg.Log.Error("what the cloud's last update has come to is not known", "error", err)
		a.offers.kept = offered{}
	}
	a.wishes.stands(aboutUpdate, a.offers.kept.Revision, a.offers.kept.Applied)
}

// offer takes an update of the cloud; the one that waits already goes on.
func (a *App) offer(u *wire.Update) {
	select {
	case a.offers.in <- u:
	default: // the cloud says it again
	}
}

// runUpdates takes up what the cloud offers until ctx ends.
func (a *App) runUpdates(ctx context.Context) {
	if a.cfg.Previous != nil && a.offers.last().State == offerTrial && !a.onTrial() {
		a.whenCalm(ctx) // the gateway before this one, in the same process, was to end
	}
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-a.offers.in:
			a.takeOffer(ctx, u)
		}
	}
}

// onTrial says whether this program is one on trial.
func (a *App) onTrial() bool {
	if a.cfg.Update == nil {
		return false
	}
	t, err := a.cfg.Update.Trial()
	return t != nil || err != nil
}

// takeOffer takes an update up, and answers the cloud.
func (a *App) takeOffer(ctx context.Context, u *wire.Update) {
	last := a.offers.last()
	o := offered{Revision: u.GetRevision(), Version: u.GetVersion(), State: offerRefused, Applied: last.Applied}
	a.wishes.stands(aboutUpdate, max(o.Revision, last.Revision), last.Applied)
	if a.refuseOffer(u, last, o) {
		return
	}
	slots, err := a.cfg.Slots()
	if err == nil {
		err = a.tryOffer(ctx, u, o, slots)
	}
	switch no, ok := errors.AsType[*update.Refused](err); {
	case err == nil:
	case ok && !no.Passes:
		o.Why = update.Text(no.Text)
		a.endOffer(o)
	default:
		a.waitOffer(o, err)
	}
}

// refuseOffer answers what needs no fetching, and says whether that was all.
func (a *App) refuseOffer(u *wire.Update, last, o offered) bool {
	switch {
	case u.GetSite() != a.cfg.Site.ID:
		o.Why = update.Text{ZH: "不是这个站点的：" + u.GetSite(), EN: "it is for another site: " + u.GetSite()}
	case o.Revision < last.Revision:
		o.Why = update.Text{ZH: "网关已有更新的要求", EN: "the gateway knows of a newer rollout"}
	case o.Revision == last.Revision:
		o = last
	case a.cfg.Slots == nil || a.cfg.GiveUp == nil:
		o.Why = update.Text{ZH: "这台网关不接受更新（trust.update_key）", EN: "this gateway takes no updates (trust.update_key)"}
	default:
		return false
	}
	a.answerUpdate(o)
	return true
}

// tryOffer fetches an update, brings it into its slot, and ends the process for it when nothing is at stake.
func (a *App) tryOffer(ctx context.Context, u *wire.Update, o offered, slots *update.Slots) error {
	s, err := slots.Status(a.installed())
	if err != nil {
		return err
	}
	switch {
	case s.Trial != nil && s.Trial.Revision == o.Revision, s.Last != nil && s.Last.Revision == o.Revision: // a kill kept it from being noted
		a.endOffer(became(o, s))
		return nil
	case s.Trial != nil:
		return program.NotNow("版本 %s 还在试运行", "version %s is still on trial", s.Trial.Version)
	case update.Known(o.Version) && update.Compare(s.Version, o.Version) == 0:
		o.State = offerApplied
		a.endOffer(o)
		return nil
	}
	if err := a.bring(ctx, u, slots); err != nil {
		return err
	}
	o.State = offerTrial
	a.endOffer(o)
	a.whenCalm(ctx)
	return nil
}

// became is what has become of an update, as the slots have it.
func became(o offered, s update.Status) offered {
	switch last := s.Last; {
	case s.Trial != nil && s.Trial.Revision == o.Revision:
		o.State, o.Why = offerTrial, update.Text{}
	case last != nil && last.Revision == o.Revision && last.What == update.Confirmed:
		o.State, o.Why = offerApplied, update.Text{}
	case last != nil && last.Revision == o.Revision:
		o.State, o.Why = offerReverted, last.Why
	default:
		o.State, o.Why = offerReverted, update.Text{ZH: "程序已不在网关上", EN: "the program is not on the gateway any more"}
	}
	return o
}

// installed is the version of the installed program; empty where this one is another.
func (a *App) installed() string {
	if a.cfg.Update != nil && a.cfg.Update.InSlot() {
		return ""
	}
	return a.cfg.Version
}

// bring fetches the file for this machine and puts its program into the slot that does not count.
func (a *App) bring(ctx context.Context, u *wire.Update, slots *update.Slots) error {
	i := slices.IndexFunc(u.GetArtifacts(), func(f *wire.Artifact) bool { return f.GetOs() == runtime.GOOS && f.GetArch() == runtime.GOARCH })
	if i < 0 {
		return &update.Refused{Text: rules.Text{ZH: "没有给 " + runtime.GOOS + "/" + runtime.GOARCH + " 的程序", EN: "there is no program for " + runtime.GOOS + "/" + runtime.GOARCH}}
	}
	f := u.GetArtifacts()[i]
	client, err := a.artifacts()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	limit, cancel := context.WithTimeout(ctx, offerLimit)
	defer cancel()
	how := update.Options{Installed: a.installed(), Revision: u.GetRevision(), WatchS: u.GetWatchS()}
	from := update.Source{URL: u.GetUrl() + wire.ArtifactsPath + f.GetSha256(), Token: u.GetToken(), SHA256: f.GetSha256(), Size: int64(f.GetSize()), Version: u.GetVersion()}
	name, err := slots.Fetch(limit, client, from, how)
	if err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read update: %w", err)
	}
	m, err := slots.Apply(file, how)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	a.cfg.Log.Info("an update of the cloud is in place", "version", m.Version)
	return nil
}

// artifacts is the client that fetches: the cloud shows a certificate of the gateway's CA, or of one that the machine trusts. What
// it sends counts only by the vendor's signature.
func (a *App) artifacts() (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if ca := a.cfg.Site.Cloud.CA; ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("read cloud ca: %w", err)
		}
		roots.AppendCertsFromPEM(pem)
	}
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: 30 * time.Second, DisableCompression: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// whenCalm ends the process as soon as no output is moved and no alert of class A fires, but not before the cloud may have heard why.
func (a *App) whenCalm(ctx context.Context) {
	tick := time.NewTicker(calmEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if a.busy(ctx) == nil {
				a.cfg.GiveUp(ErrUpdated)
				return
			}
		}
	}
}

// tellUpdate answers the cloud with what became of its update, as the slots have it.
func (a *App) tellUpdate() {
	k := a.offers.last()
	if k.State != offerTrial || a.cfg.Slots == nil {
		return
	}
	slots, err := a.cfg.Slots()
	var s update.Status
	if err == nil {
		s, err = slots.Status(a.installed())
	}
	if err != nil {
		a.cfg.Log.Error("read what became of the update", "error", err)
		return
	}
	a.endOffer(became(k, s))
}

// endOffer tells the cloud what became of an update, and keeps it. Before the disk has it the cloud hears it again.
func (a *App) endOffer(o offered) {
	if o.State == offerApplied {
		o.Applied = o.Revision
	}
	a.answerUpdate(o)
	if err := a.keepOffer(o); err != nil {
		a.cfg.Log.Error("keep what became of the cloud's update", "error", err)
		return
	}
	if o.State != offerTrial && a.cfg.Slots != nil { // the file is of no more use
		slots, err := a.cfg.Slots()
		if err == nil {
			err = slots.Sweep("")
		}
		if err != nil {
			a.cfg.Log.Warn("an update that was fetched stays on the disk", "error", err)
		}
	}
}

// keepOffer brings to the disk what became of an update, unless a newer one was decided on.
func (a *App) keepOffer(o offered) error {
	a.offers.mu.Lock()
	defer a.offers.mu.Unlock()
	if o.Revision < a.offers.kept.Revision {
		return nil
	}
	text, err := json.Marshal(o)
	if err == nil {
		err = state.SaveSealed(filepath.Join(a.cfg.Site.Data, offerFile), a.cfg.Now(), text)
	}
	if err != nil {
		return err
	}
	a.offers.kept = o
	a.wishes.stands(aboutUpdate, o.Revision, o.Applied)
	return nil
}

// waitOffer tells why an update is not taken now; the cloud says it again. The same is told every ten minutes.
func (a *App) waitOffer(o offered, err error) {
	o.State, o.Why = offerWaits, update.Text{ZH: "现在不能更新：" + err.Error(), EN: "not at this moment: " + err.Error()}
	if r, ok := errors.AsType[*control.Refusal](err); ok {
		o.Why = update.Text{ZH: "现在不能更新：" + r.ZH, EN: "not at this moment: " + r.EN}
	}
	if r, ok := errors.AsType[*update.Refused](err); ok {
		o.Why = update.Text{ZH: "现在不能更新：" + r.Text.ZH, EN: "not at this moment: " + r.Text.EN}
	}
	if o == a.offers.said && time.Since(a.offers.saidAt) < sameAgain {
		return
	}
	a.offers.said, a.offers.saidAt = o, time.Now()
	a.answerUpdate(o)
}

func (a *App) answerUpdate(o offered) {
	e := &wire.UpdateState{Revision: o.Revision, State: o.State, Version: a.cfg.Version, AtMs: a.cfg.Now().UnixMilli()}
	if o.Why != (update.Text{}) {
		e.Why = &wire.Text{Zh: o.Why.ZH, En: o.Why.EN}
	}
	a.wishes.answered(aboutUpdate, o.State, o.Revision)
	a.cfg.Log.Info("update of the cloud", "revision", o.Revision, "version", o.Version, "state", o.State, "why", o.Why.EN)
	a.journal.put(&wire.Event{Kind: &wire.Event_Update{Update: e}})
}
