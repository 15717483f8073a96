package street

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A kind of trouble, with the number of the shipped rule that would see it.
type kind struct {
	rule, severity, device string
	title                  words
	unit                   string
	point                  string
	limit                  float64
	words                  func(place string, value float64) words
	card                   words
	value, spread          float64
	status                 float64
	hot                    bool
}

// kinds are ordered by how rare they are.
func kinds() []kind {
	say := func(zh, en string) func(string, float64) words {
		return func(place string, v float64) words {
			return words{fmt.Sprintf(zh, place, v), fmt.Sprintf(en, place, v)}
		}
	}
	return []kind{
		{rule: "R16", severity: "A", device: "gas-1", title: words{"燃气高报", "Gas high alarm"}, unit: "%LEL", point: "level", limit: 25, value: 28, spread: 14, status: 2,
			words: say("%s 燃气泄漏，浓度 %.0f %%LEL（高报 25 %%LEL）。", "%s: gas leak, %.0f %%LEL (alarm at 25 %%LEL)."), card: words{"不碰任何电器开关，不用明火，敲门叫人撤离", "Touch no switch, no flame; knock and get people out"}},
		{rule: "R09", severity: "B", device: "C-01.1", title: words{"插座高温", "Socket too hot"}, unit: "°C", point: "temperature", limit: 70, value: 72, spread: 9, hot: true,
			words: say("%s 插座 %.0f °C（上限 70 °C）。请断电查看。", "%s: socket at %.0f °C (limit 70 °C). Cut it and look."), card: words{"断开这一路，等它冷下来再看插座和线", "Cut this socket; look at it and its cable when it is cold"}},
		{rule: "R15", severity: "B", device: "gas-1", title: words{"燃气低报", "Gas low alarm"}, unit: "%LEL", point: "level", limit: 10, value: 11, spread: 6, status: 1,
			words: say("%s 测到燃气，浓度 %.0f %%LEL（低报 10 %%LEL）。请派人查看。", "%s: some gas, %.0f %%LEL (warning at 10 %%LEL). Send somebody to look."), card: words{"带便携检测仪上门，敲门，不按门铃", "Go with a portable detector; knock, do not ring"}},
		{rule: "R19", severity: "B", device: "gas-1", title: words{"燃气探测器故障", "Gas detector faulty"}, point: "status", limit: 3, value: 3, status: 3,
			words: say("%[1]s 燃气探测器自报传感器故障。请维保更换。", "%[1]s: the gas detector reports a sensor fault. Have it replaced."), card: words{"联系维保更换探测器；之前请每班巡一次", "Have the detector replaced; walk by once a shift until then"}},
		{rule: "R23", severity: "C", device: "door-1", title: words{"门长时间未关", "Door held open"}, unit: "min", limit: 5, value: 6, spread: 20,
			words: say("%s 门已开 %.0f min（上限 5 min）。", "%s: door open for %.0f min (limit 5 min)."), card: words{"到门口看看是不是被挡住，关上", "See what holds it open, and close it"}},
	}
}

// A trouble is an alert of one device of one site, from its beginning to its end.
type trouble struct {
	kind   kind
	device string
	place  string
	id     string
	began  time.Time
	ends   time.Time // zero: it lasts
	value  float64
	status float64
	power  float64
	heat   float64
}

// newTrouble makes trouble of a kind at a site.
func (s site) newTrouble(r *rand.Rand, k kind, began, ends time.Time) *trouble {
	t := &trouble{kind: k, device: k.device, began: began, ends: ends, status: k.status, value: k.value}
	if k.spread > 0 {
		t.value += float64(r.IntN(int(k.spread)))
	}
	if k.hot {
		t.power, t.heat = 320, t.value
	}
	for _, d := range s.devices {
		if d.id == k.device {
			t.place = d.place
		}
	}
	t.id = fmt.Sprintf("%s/%s/%d", k.rule, k.device, began.UnixMilli())
	return t
}

// event is the alert event of the trouble at its begin or at its end.
func (t *trouble) event(firing bool) record {
	at, state := t.began, "firing"
	if !firing {
		at, state = t.ends, "resolved"
	}
	var m message
	m.inner(1, func(a *message) {
		a.string(1, t.id)
		a.string(2, t.kind.rule)
		a.string(3, "street-1")
		a.string(4, t.device)
		a.string(6, t.kind.severity)
		a.string(7, state)
		a.sint(8, t.began.UnixMilli())
		a.sint(9, at.UnixMilli())
		a.words(10, t.kind.title)
		a.words(11, t.kind.words(t.place, t.value))
		a.words(12, t.kind.card)
		if t.kind.point == "" {
			return
		}
		a.inner(13, func(e *message) {
			e.string(1, t.device+"."+t.kind.point)
			e.string(2, t.kind.unit)
			e.double(3, t.value)
			e.uint(4, 2)
		})
		a.inner(14, func(l *message) {
			l.string(1, t.kind.point)
			l.double(2, t.kind.limit)
			l.string(3, t.kind.unit)
			l.flag(4, true)
		})
	})
	return record{kind: typeEvent, wallMs: at.UnixMilli(), payload: m}
}

// booted is the event of the gateway's start.
func booted(at time.Time) record {
	var m message
	m.inner(6, func(b *message) {
		b.uint(1, 1)
		b.string(2, version)
		b.sint(3, at.UnixMilli())
	})
	return record{kind: typeEvent, wallMs: at.UnixMilli(), payload: m}
}

// answers is the event that a device answers.
func answers(device string, at time.Time) record {
	var m message
	m.inner(3, func(d *message) {
		d.string(1, device)
		d.flag(2, true)
		d.sint(4, at.UnixMilli())
	})
	return record{kind: typeEvent, wallMs: at.UnixMilli(), payload: m}
}

const version = "street-sim"
