package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/rules"
)

const (
	guardLook  = 500 * time.Millisecond
	guardStale = 8 * time.Second // so that, with the look, a dead safety loop is noticed within 10 s
	guardStill = 2 * time.Second // between two looks: the guard itself stood still, and the loop has as long to tick
)

// guardRule is the alert of the guard. It is no rule of the engine: that is what has failed. Should the gateway be started anew
// before it is over, the engine ends it like any alert whose rule is no more.
const guardRule = "R00"

// A guard watches the safety loop from outside: it shares neither goroutine nor lock with it. When the loop ticks no more, for
// whatever reason, it brings the outputs to their safe states and tells people itself.
type guard struct {
	check    func() error // nil while the safety loop lives; otherwise why not
	executor *action.Executor
	put      func(*wire.Event)
	now      func() time.Time
	log      *slog.Logger
	alert    *rules.AlertEvent // that fires; nil: all is well
	looked   time.Time
	rest     time.Time // until then the loop is given time: the whole gateway stood still
}

func (a *App) guard() *guard {
	return &guard{check: func() error { return a.judge.within(guardStale) }, executor: a.executor, put: a.journal.put, now: a.cfg.Now, log: a.cfg.Log}
}

// reset ends a latched alert because a person has reset it at the site. What it had moved may then be moved back from afar.
func (a *App) reset(ctx context.Context, alert string) (bool, error) {
	moved := a.executor.Touched(alert)
	done, err := a.judge.reset(ctx, alert)
	if done {
		a.executor.LocalReset(moved)
	}
	return done, err
}

// run watches until ctx ends.
func (g *guard) run(ctx context.Context) {
	tick := time.NewTicker(guardLook)
	defer tick.Stop()
	g.looked = time.Now()
	for {
		select {
		case <-tick.C:
			g.look()
		case <-ctx.Done():
			g.look() // what has just broken is told too
			return
		}
	}
}

// look does not believe that the safety loop hangs while it cannot know better: a gateway that was frozen (swapping, a paused machine)
// finds all of its clocks late, and is not to cut a compound's power for it.
func (g *guard) look() {
	err := g.check()
	now := time.Now()
	if now.Sub(g.looked) > guardStill {
		g.rest = now.Add(guardStill)
	}
	g.looked = now
	switch {
	case errors.Is(err, errLate) && g.alert == nil && now.Before(g.rest):
	case err != nil && g.alert == nil:
		g.executor.Fail(rules.Text{ZH: "规则没有运行：" + err.Error(), EN: "the rules do not run: " + err.Error()})
		g.alert = guardAlert(err, g.now())
		g.tell()
	case err == nil && g.alert != nil:
		g.executor.Recover()
		g.alert.State, g.alert.At, g.alert.Card = rules.Resolved, g.now().UTC(), nil
		g.alert.Message = rules.Text{ZH: "规则恢复运行", EN: "The rules run again"}
		g.tell()
		g.alert = nil
	}
}

func (g *guard) tell() {
	g.log.Error("safety loop", "state", g.alert.State, "why", g.alert.Why[0].EN)
	g.put(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(*g.alert)}})
}

func guardAlert(err error, now time.Time) *rules.AlertEvent {
	return &rules.AlertEvent{
		Alert: guardRule + "/" + config.GatewayDevice + "/" + now.UTC().Format("20060102T150405Z"), Rule: guardRule, Version: "built-in", Subject: config.GatewayDevice,
		Severity: rules.SeverityA, State: rules.Firing, Since: now.UTC(), At: now.UTC(), Title: rules.Text{ZH: "安全回路停止", EN: "Safety loop stopped"},
		Message: rules.Text{ZH: "网关的规则没有运行：现在没有自动关阀、断电和告警。已按配置进入安全状态。", EN: "The gateway's rules do not run: nothing is shut, cut or told by itself now. Outputs went to their configured safe states."},
		Card: []rules.Text{
			{ZH: "派人到现场值守充电棚和用气处，直到恢复", EN: "Send somebody to watch the charging shed and the gas until it runs again"},
			{ZH: "网关会自行重启；几分钟内没有恢复，断电再上电，并联系厂家", EN: "The gateway restarts itself; if that does not help within minutes, switch it off and on, and call the maker"},
		},
		Why: []rules.Text{{ZH: err.Error(), EN: err.Error()}},
	}
}
