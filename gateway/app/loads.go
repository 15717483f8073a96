package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/bustime"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

// Over how long it is said how busy a channel is: the last minute, measured as often as the gateway reports itself.
const (
	loadSpan   = time.Minute
	loadMarks  = int(loadSpan/config.HealthEvery) + 1
	mostEaters = 3
)

// loads are how busy the channels are, planned and measured, and which of them cannot keep their intervals.
type loads struct {
	measured *prometheus.GaugeVec

	mu       sync.Mutex
	channels []load
	at       map[string]int // by the channel's id
}

// load of one channel.
type load struct {
	plan    bustime.Plan
	marks   []loadMark // of the last minute, the newest last
	over    bool       // its intervals are not kept
	stretch float64
}

// A loadMark is how long a channel had been in use at a time.
type loadMark struct {
	at    time.Time
	busy  time.Duration
	units []time.Duration
}

// newLoads plans the channels.
func newLoads(site *config.Site, metrics prometheus.Registerer) *loads {
	label := []string{"channel"}
	planned := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "linshao_channel_plan_ratio",
		Help: "Share of its time for which a channel is to be in use, by the devices' intervals; above 1 they cannot be kept. Not there where the driver cannot say."}, label)
	l := &loads{at: map[string]int{}, measured: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "linshao_channel_utilisation_ratio",
		Help: "Share of the last minute for which a channel was in use."}, label)}
	metrics.MustRegister(planned, l.measured)
	for _, ch := range site.Channels {
		p := ch.Plan()
		for i := range p.Units {
			p.Units[i].Requests = nil // nobody asks for them any more
		}
		l.at[ch.ID] = len(l.channels)
		l.channels = append(l.channels, load{plan: p})
		if p.Known {
			planned.WithLabelValues(ch.ID).Set(p.Utilisation)
		}
	}
	return l
}

// tell says in the log what was planned too tightly: the daemon starts all the same, and reads late.
func (a *App) tellPlans() {
	for _, c := range a.loads.channels {
		if c.plan.Impossible() {
			a.cfg.Log.Warn("the channel cannot carry its devices: intervals will not be kept", "channel", c.plan.Channel,
				"planned_ratio", c.plan.Utilisation, "round", c.plan.Cycle.Round(time.Millisecond), "see", "gateway plan")
		}
	}
}

// note takes a channel's figures.
func (l *loads) note(i int, now time.Time, st poll.Stats) {
	m := loadMark{at: now, busy: st.Busy}
	for _, u := range st.Units {
		m.units = append(m.units, u.Busy)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.channels[i]
	if len(c.marks) == loadMarks {
		c.marks = slices.Delete(c.marks, 0, 1)
	}
	c.marks = append(c.marks, m)
	l.measured.WithLabelValues(c.plan.Channel).Set(c.busy())
}

// ends are the first and the last mark, and the time between them; 0 while there are not two.
func (c *load) ends() (first, last loadMark, span time.Duration) {
	if len(c.marks) < 2 {
		return loadMark{}, loadMark{}, 0
	}
	first, last = c.marks[0], c.marks[len(c.marks)-1]
	return first, last, last.at.Sub(first.at)
}

// busy is the share of the last minute for which the channel was in use.
func (c *load) busy() float64 {
	first, last, span := c.ends()
	if span <= 0 {
		return 0
	}
	return min(1, (last.busy-first.busy).Seconds()/span.Seconds())
}

// eaters are who used the channel most in the last minute.
func (c *load) eaters(units []poll.UnitStats) []status.Eater {
	first, last, span := c.ends()
	if span <= 0 {
		return nil
	}
	var all []status.Eater
	for i, u := range units {
		if i < len(last.units) && last.units[i] > first.units[i] {
			all = append(all, status.Eater{Name: bustime.Name(u.Devices), Share: (last.units[i] - first.units[i]).Seconds() / span.Seconds()})
		}
	}
	slices.SortStableFunc(all, func(a, b status.Eater) int { return cmp.Compare(b.Share, a.Share) })
	return all[:min(mostEaters, len(all))]
}

// measure notes how busy the channels are.
func (a *App) measure() {
	now := time.Now()
	for i, p := range a.pollers {
		a.loads.note(i, now, p.Stats())
	}
}

// channels are what the local page shows of them.
func (a *App) channels() []status.Channel {
	a.loads.mu.Lock()
	defer a.loads.mu.Unlock()
	var all []status.Channel
	for i, p := range a.pollers {
		st, c := p.Stats(), &a.loads.channels[i]
		all = append(all, status.Channel{ID: p.Channel(), Driver: a.cfg.Site.Channels[i].Driver, Up: st.Up, Requests: st.Requests, Bad: st.Bad,
			Busy: c.busy(), Plan: c.plan.Utilisation, Planned: c.plan.Known, Eaters: c.eaters(st.Units), Over: c.over, Stretch: c.stretch})
	}
	return all
}

// overloaded tells people of a line that cannot keep its intervals, and that it can again.
func (a *App) overloaded(channel string, o poll.Overload) {
	a.loads.mu.Lock()
	c := &a.loads.channels[a.loads.at[channel]]
	c.over, c.stretch = o.Over, o.Stretch
	plan := c.plan
	a.loads.mu.Unlock()
	if !o.Over {
		a.notice(wire.NoticeLineKeepsUp, "", channel, rules.Text{ZH: "总线 " + channel + " 又能按周期读完", EN: "channel " + channel + " keeps its intervals again"})
		return
	}
	a.notice(wire.NoticeLineOverloaded, "", channel, overloadText(channel, plan, o))
}

// overloadText says how late a line is, who takes its time, and what was to be expected.
func overloadText(channel string, plan bustime.Plan, o poll.Overload) rules.Text {
	var eaters []string
	for _, e := range o.Eaters {
		eaters = append(eaters, fmt.Sprintf("%s %.0f %%", bustime.Name(e.Devices), 100*e.Share))
	}
	t := rules.Text{
		ZH: fmt.Sprintf("总线 %s 读不过来：周期拉长到 %.1f 倍", channel, o.Stretch),
		EN: fmt.Sprintf("channel %s cannot keep its intervals: they are %.1f times as long", channel, o.Stretch)}
	if len(eaters) > 0 {
		t.ZH += "；占用最多：" + strings.Join(eaters, "、")
		t.EN += "; used most by " + strings.Join(eaters, ", ")
	}
	switch {
	case plan.Impossible():
		t.ZH += fmt.Sprintf("。按配置要占 %.0f %%，见 gateway plan", 100*plan.Utilisation)
		t.EN += fmt.Sprintf(". As configured it needs %.0f %% of its time, see gateway plan", 100*plan.Utilisation)
	case len(plan.Hurried()) > 0:
		u := plan.Hurried()[0]
		t.ZH += fmt.Sprintf("。%s 每次应答后要停 %v，最短 %v 读一次", u.Name(), u.Pause, u.Relaxed())
		t.EN += fmt.Sprintf(". %s rests %v after each answer and can be read each %v at most", u.Name(), u.Pause, u.Relaxed())
	case plan.Known:
		t.ZH += fmt.Sprintf("。按配置只占 %.0f %%：有设备应答慢或不应答，查 gateway doctor", 100*plan.Utilisation)
		t.EN += fmt.Sprintf(". As configured it needs only %.0f %%: devices answer slowly or not at all, see gateway doctor", 100*plan.Utilisation)
	}
	return t
}

// crowded are the channels that cannot keep their intervals.
func (l *loads) crowded() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.channels {
		if c.over {
			all = append(all, c.plan.Channel)
		}
	}
	return all
}
