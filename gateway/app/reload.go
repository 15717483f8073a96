package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

// ruleBook knows which rules are in force, and why others are not. The page asks it; reloads change it.
type ruleBook struct {
	mu    sync.Mutex
	state status.Rules
}

func (b *ruleBook) get() status.Rules {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

func (b *ruleBook) set(s status.Rules) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = s
}

// reloads takes up rules and overrides anew whenever it is asked to, and ends an emergency in its time, until ctx ends.
func (a *App) reloads(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if a.wanted.over() {
				a.end("emergency", a.enforce(ctx))
			}
		case <-a.cfg.Reload:
			_ = a.reload(ctx) // it has told why not
		case <-ctx.Done():
			return
		}
	}
}

// reload takes up the rules, their overrides and the mode as the files have them now, all or nothing. What else has changed there is
// named, and waits for a restart.
func (a *App) reload(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	site, problems := a.cfg.Load()
	if site == nil {
		a.refuse(problems)
		return problems.Fatal()
	}
	anew := func() (*rules.Engine, error) {
		return rules.NewEngine(site.Rules, a.cfg.Site.Subjects(), site.Overrides)
	}
	engine, err := anew()
	if err != nil { // they fit the devices of the file, which are others than those that run
		a.refuse(asProblems(err))
		return err
	}
	var changes []rules.Text
	var emergency bool
	if err := a.judge.ask(ctx, func() {
		emergency = a.wanted.with(site.Emergency)
		changes = a.judge.change(engine, anew, emergency)
	}); err != nil {
		return err // the gateway stops
	}
	if other := site.RestartNeeded(a.cfg.Site); other != nil {
		names := strings.Join(other, " ")
		a.cfg.Log.Warn("changed in gateway.yaml, and taken up at the next start only", "keys", names)
		changes = append(changes, rules.Text{ZH: "gateway.yaml 的 " + names + " 也改了，重启网关后才生效", EN: names + " in gateway.yaml are other too, and are taken up by a restart only"})
	}
	present := *a.cfg.Site
	present.Pushed = site.Pushed
	present.Rules, present.Sources, present.Overrides, present.Emergency, present.Refused = site.Rules, site.Sources, site.Overrides, site.Emergency, nil
	a.reloaded.Store(&present)
	if err := config.Keep(site); err != nil {
		a.cfg.Log.Error("keep last good rules", "error", err)
	}
	a.inForce(site.Rules.Hash(), emergency, changes)
	return nil
}

// refuse tells why new rules are not taken up; those before go on.
func (a *App) refuse(problems configs.Problems) {
	s := a.book.get()
	s.Problems = nil
	for _, p := range problems.Fatal() {
		s.Problems = append(s.Problems, p.Error())
		a.cfg.Log.Error("rules refused", "problem", p.Error())
	}
	s.At = a.cfg.Now()
	a.book.set(s)
	a.journal.put(&wire.Event{Kind: &wire.Event_Rules{Rules: &wire.RulesChange{Hash: s.Hash, Emergency: s.Emergency, Problems: s.Problems, AtMs: s.At.UnixMilli()}}})
}

// inForce tells which rules are, and what has changed by that.
func (a *App) inForce(hash string, emergency bool, changes []rules.Text) {
	at := a.cfg.Now()
	a.book.set(status.Rules{Hash: hash, Emergency: emergency, At: at})
	e := &wire.RulesChange{Hash: hash, Emergency: emergency, AtMs: at.UnixMilli()}
	for _, c := range changes {
		e.Changes = append(e.Changes, &wire.Text{Zh: c.ZH, En: c.EN})
		a.cfg.Log.Info("rules", "change", c.EN)
	}
	a.cfg.Log.Info("rules in force", "hash", hash, "emergency", emergency)
	a.journal.put(&wire.Event{Kind: &wire.Event_Rules{Rules: e}})
}

func asProblems(err error) configs.Problems {
	var all configs.Problems
	errs := []error{err}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		errs = joined.Unwrap()
	}
	for _, e := range errs {
		all = append(all, configs.Problem{File: "gateway.yaml", Message: e.Error()})
	}
	return all
}

// change, in the judge's goroutine, lets it go on with another engine. It answers what has changed by that.
func (j *judge) change(engine *rules.Engine, anew func() (*rules.Engine, error), emergency bool) []rules.Text {
	acted := map[string]bool{}
	for _, e := range j.engine.Active() {
		acted[e.Alert] = len(e.Actions) > 0
	}
	engine.TakeOver(j.engine)
	changes := engine.Changes(j.engine)
	j.engine, j.anew, j.emergency = engine, anew, emergency
	j.looked = time.Time{} // the next tick saves what is now
	j.tell(engine.Tick(j.now()))
	if engine.Emergency() != emergency {
		changes = append(changes, modeText(emergency))
	}
	j.tell(engine.SetEmergency(emergency, j.now()))
	for _, e := range engine.Active() {
		if before, known := acted[e.Alert]; known && !before {
			j.executor.Ensure(e) // its rule has been armed just now
		}
	}
	return changes
}

func modeText(emergency bool) rules.Text {
	if emergency {
		return rules.Text{ZH: "转入急模式", EN: "emergency mode begins"}
	}
	return rules.Text{ZH: "转入平模式", EN: "emergency mode ends"}
}

// startRules works out what has changed in the rules since the last good start, and notes them as the last good ones. What it answers
// tells of it, when the journal runs; changes begins with what else there is to tell.
func (a *App) startRules(engine *rules.Engine, changes []rules.Text) (announce func()) {
	site := a.cfg.Site
	if set, overrides, err := config.LastGood(site.Data); err != nil {
		a.cfg.Log.Warn("what has changed in the rules cannot be told", "error", err)
	} else if set != nil {
		if old, err := rules.NewEngine(set, site.Subjects(), overrides); err == nil {
			changes = append(changes, engine.Changes(old)...)
		}
	}
	emergency := a.wanted.mode()
	if engine.Emergency() != emergency {
		changes = append(changes, modeText(emergency))
	}
	if err := config.Keep(site); err != nil {
		a.cfg.Log.Error("keep last good rules", "error", err)
	}
	hash := site.Rules.Hash()
	a.book.set(status.Rules{Hash: hash, Emergency: emergency, At: a.cfg.Now()})
	return func() {
		if len(changes) > 0 {
			a.inForce(hash, emergency, changes)
		}
		if site.Refused != nil {
			a.cfg.Log.Error(fmt.Sprintf("THE RULES ARE BROKEN (%d mistakes): the last good ones run", len(site.Refused)), "hash", hash)
			a.refuse(site.Refused)
		}
	}
}
