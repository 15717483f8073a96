package app

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/pushed"
	"github.com/linshao/linshao/rules"
)

// pushes is what the cloud wants of the configuration. Whoever changes the file holds the lock.
type pushes struct {
	mu    sync.Mutex
	kept  pushed.Kept
	judge *pushed.Judge // of the trial under way; nil: there is none
}

// recallPushed reads how things stand with what the cloud has pushed. A site that could not be built was a trial that failed.
func (a *App) recallPushed() {
	k, err := pushed.Load(a.cfg.Site.Data)
	if err != nil {
		a.cfg.Log.Error("what the cloud has pushed is not known until it says so again", "error", err)
	}
	if k.Trial != nil && a.cfg.Refused != nil {
		k = a.keepPushed(k, k.Revert(rules.Text{ZH: "网关用它启动不了：" + a.cfg.Refused.Error(), EN: "the gateway cannot be built with it: " + a.cfg.Refused.Error()}))
	}
	a.pushes.kept = k
	a.wishes.stands(aboutConfig, k.Newest, a.present().Pushed)
	if k.Trial != nil {
		a.pushes.judge = &pushed.Judge{Before: *k.Trial}
	}
}

// keepPushed brings a next state to the disk, and answers the one that counts then.
func (a *App) keepPushed(now, next pushed.Kept) pushed.Kept {
	if err := next.Save(a.cfg.Site.Data, a.cfg.Now()); err != nil {
		a.cfg.Log.Error("keep what the cloud has pushed", "error", err)
		return now
	}
	return next
}

// configNews tells what became of what the cloud has pushed, and what of it is not in the site.
func (a *App) configNews() {
	for _, p := range a.cfg.Site.Unpushed {
		a.cfg.Log.Error("WHAT THE CLOUD HAS PUSHED does not fit the site any more and is left out", "problem", p.Error())
	}
	a.pushes.mu.Lock()
	defer a.pushes.mu.Unlock()
	a.tellPushed()
}

// tellPushed answers the cloud with the last verdict, once by itself. The lock is held.
func (a *App) tellPushed() {
	k := a.pushes.kept
	if k.Last == nil || k.Last.Told {
		return
	}
	a.answerConfig(*k.Last)
	last := *k.Last
	last.Told = true
	k.Last = &last
	a.pushes.kept = a.keepPushed(a.pushes.kept, k)
}

// answerConfig tells the cloud what became of a revision.
func (a *App) answerConfig(v pushed.Verdict) {
	k := a.pushes.kept
	e := &wire.ConfigState{Revision: v.Revision, State: v.State, InForce: a.present().Pushed, Have: k.Newest, AtMs: a.cfg.Now().UnixMilli()}
	if v.Why != (pushed.Text{}) {
		e.Why = &wire.Text{Zh: v.Why.ZH, En: v.Why.EN}
	}
	for _, m := range v.Mistakes[:min(len(v.Mistakes), 50)] {
		e.Mistakes = append(e.Mistakes, &wire.Mistake{File: m.File, Line: uint32(m.Line), Col: uint32(m.Col), Text: &wire.Text{Zh: m.Text.ZH, En: m.Text.EN}})
	}
	a.wishes.answered(aboutConfig, v.State, v.Revision)
	a.wishes.stands(aboutConfig, max(k.Newest, v.Revision), e.InForce)
	a.cfg.Log.Info("configuration of the cloud", "revision", v.Revision, "state", v.State, "why", v.Why.EN)
	a.journal.put(&wire.Event{Kind: &wire.Event_Config{Config: e}})
}

// configure takes what the cloud wants of the configuration, and answers. On the disk first, then in force.
func (a *App) configure(ctx context.Context, c *wire.Config) {
	a.pushes.mu.Lock()
	defer a.pushes.mu.Unlock()
	k := a.pushes.kept
	no := func(why rules.Text) {
		a.answerConfig(pushed.Verdict{Revision: c.GetRevision(), State: pushed.Refused, Why: pushed.Text(why)})
	}
	switch {
	case c.GetSite() != a.cfg.Site.ID:
		no(rules.Text{ZH: "不是这个站点的：" + c.GetSite(), EN: "it is for another site: " + c.GetSite()})
		return
	case c.GetRevision() < k.Newest:
		no(rules.Text{ZH: "网关已有更新的版本", EN: "the gateway has a newer revision"})
		return
	case c.GetRevision() == k.Newest && k.Last != nil:
		a.answerConfig(*k.Last)
		return
	case a.cfg.Check == nil || a.cfg.Anew == nil:
		no(rules.Text{ZH: "这台网关不接受推送的配置", EN: "this gateway takes no configuration from afar"})
		return
	}
	set, err := pushed.Unpack(c)
	if err != nil {
		a.refuseConfig(c.GetRevision(), rules.Text{ZH: "推送的内容不可用：" + err.Error(), EN: "what is pushed is not usable: " + err.Error()}, nil)
		return
	}
	if err := a.busy(ctx); err != nil {
		a.waitConfig(c, err)
		return
	}
	site, mistakes := a.checkConfig(set)
	if mistakes != nil {
		a.refuseConfig(c.GetRevision(), rules.Text{ZH: "检查没有通过", EN: "it did not pass the check"}, mistakes)
		return
	}
	before := a.standing(site)
	before.WatchS = pushed.Watch(c.GetWatchS())
	a.try(ctx, c, k.Begin(set, before), site)
}

// try puts a set in force.
func (a *App) try(ctx context.Context, c *wire.Config, next pushed.Kept, site *config.Site) {
	was := a.pushes.kept
	if a.pushes.kept = a.keepPushed(was, next); a.pushes.kept.Newest != next.Newest {
		a.answerConfig(pushed.Verdict{Revision: c.GetRevision(), State: pushed.Waits, Why: pushed.Text{ZH: "网关磁盘写不进去", EN: "the gateway's disk does not take it"}})
		return
	}
	err := a.takeUp(ctx, site)
	if err == nil {
		if a.next.Load() == nil { // else the gateway after this one tells and watches
			a.pushes.judge = &pushed.Judge{Before: *next.Trial}
			a.tellPushed()
		}
		return
	}
	a.pushes.kept = a.keepPushed(a.pushes.kept, was)
	a.waitConfig(c, err)
}

// takeUp lets the gateway go by its files as they are now: at once where only rules are other, by a restart within the process
// otherwise.
func (a *App) takeUp(ctx context.Context, site *config.Site) error {
	if site.RestartNeeded(a.cfg.Site) == nil && a.cfg.Load != nil {
		return a.reload(ctx)
	}
	return a.Restart(ctx)
}

func (a *App) waitConfig(c *wire.Config, err error) {
	why := pushed.Text{ZH: "现在不能换：" + err.Error(), EN: "not at this moment: " + err.Error()}
	if r, ok := errors.AsType[*control.Refusal](err); ok {
		why = pushed.Text{ZH: "现在不能换：" + r.ZH, EN: "not at this moment: " + r.EN}
	}
	a.answerConfig(pushed.Verdict{Revision: c.GetRevision(), State: pushed.Waits, Why: why})
}

func (a *App) refuseConfig(revision uint64, why rules.Text, mistakes []pushed.Mistake) {
	k := a.pushes.kept
	k.Newest, k.Last = revision, &pushed.Verdict{Revision: revision, State: pushed.Refused, Why: pushed.Text(why), Mistakes: mistakes}
	a.pushes.kept = a.keepPushed(a.pushes.kept, k)
	a.tellPushed()
}

// checkConfig is the gateway's own check, in both languages; nil mistakes: it passed.
func (a *App) checkConfig(set *pushed.Set) (*config.Site, []pushed.Mistake) {
	site, zh := a.cfg.Check(set, config.Chinese)
	if zh = zh.Fatal(); site != nil && zh == nil {
		if err := fits(site); err == nil {
			return site, nil
		} else {
			return nil, []pushed.Mistake{{File: "rules", Text: pushed.Text{ZH: err.Error(), EN: err.Error()}}}
		}
	}
	_, en := a.cfg.Check(set, config.English)
	en = en.Fatal()
	all := []pushed.Mistake{}
	for i, p := range zh {
		m := pushed.Mistake{File: p.File, Line: p.Line, Col: p.Col, Text: pushed.Text{ZH: worded(p), EN: worded(p)}}
		if i < len(en) {
			m.Text.EN = worded(en[i])
		}
		all = append(all, m)
	}
	return nil, all
}

// fits builds the rules once.
func fits(site *config.Site) error {
	_, err := rules.NewEngine(site.Rules, site.Subjects(), site.Overrides)
	return err
}

func worded(p configs.Problem) string {
	if p.Hint != "" {
		return p.Message + " — " + p.Hint
	}
	return p.Message
}

// standing is how the gateway stands before it goes by another site.
func (a *App) standing(site *config.Site) pushed.Before {
	s := a.sight()
	b := pushed.Before{Connected: s.Connected, Crowded: s.Crowded}
	for _, d := range a.devices {
		if _, dead := s.Silent[d.ID]; !dead {
			b.Answered = append(b.Answered, d.ID)
		}
	}
	for _, c := range a.cfg.Site.Channels {
		if i := slices.IndexFunc(site.Channels, func(n config.Channel) bool { return n.ID == c.ID }); i < 0 || !reflect.DeepEqual(c, site.Channels[i]) {
			b.Changed = append(b.Changed, c.ID)
		}
	}
	return b
}

// sight is how the gateway stands now.
func (a *App) sight() pushed.Sight {
	s := pushed.Sight{Wrong: a.wrong(), Silent: map[string]string{}, Connected: a.uplink.state() == "connected", Crowded: a.loads.crowded()}
	for _, d := range a.devices {
		read, good := false, false
		for _, p := range d.Points {
			r, ok := a.latest.Of(p.Key())
			read, good = read || ok, good || ok && r.Quality != device.Bad
		}
		if read && !good {
			s.Silent[d.ID] = d.Channel
		}
	}
	return s
}

// watchConfig watches over trials until ctx ends.
func (a *App) watchConfig(ctx context.Context) {
	tick := time.NewTicker(pushed.Look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			a.lookConfig(ctx, now)
		}
	}
}

// lookConfig takes one look at the trial, and ends it when it is time.
func (a *App) lookConfig(ctx context.Context, now time.Time) {
	a.pushes.mu.Lock()
	defer a.pushes.mu.Unlock()
	if a.pushes.judge == nil || a.next.Load() != nil {
		return
	}
	done, why := a.pushes.judge.See(now, a.sight())
	switch {
	case !done:
		return
	case why == nil:
		a.pushes.kept = a.keepPushed(a.pushes.kept, a.pushes.kept.Confirm())
	default:
		a.revertConfig(ctx, *why)
	}
	if a.pushes.kept.Trial == nil && a.next.Load() == nil {
		a.pushes.judge = nil
		a.tellPushed()
	}
}

// revertConfig takes the set back: on the disk, then in force. While something is at stake it waits for the next look.
func (a *App) revertConfig(ctx context.Context, why rules.Text) {
	was := a.pushes.kept
	a.cfg.Log.Error("the configuration of the cloud is taken back", "revision", was.InForce(), "why", why.EN)
	if a.pushes.kept = a.keepPushed(was, was.Revert(why)); a.pushes.kept.Trial != nil {
		return
	}
	site, problems := a.cfg.Anew()
	err := error(problems.Fatal())
	if site != nil {
		err = a.takeUp(ctx, site)
	}
	if err != nil {
		a.cfg.Log.Error("it cannot be taken back now", "error", err)
		a.pushes.kept = a.keepPushed(a.pushes.kept, was)
	}
}
