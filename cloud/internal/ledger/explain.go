package ledger

import (
	"context"
	"slices"

	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/drivers/device"
)

// startGrace is how long after its start a gateway may need to the first reading, and how precise its end is known, in ms.
const startGrace = 60_000

// explain gives holes their reasons; each may become several spans, in order.
func (l *Ledger) explain(ctx context.Context, q series.Query, p presence) ([]Span, error) {
	if len(p.holes) == 0 {
		return []Span{}, nil
	}
	src, err := l.sources(ctx, q, p)
	if err != nil {
		return nil, err
	}
	out := []Span{}
	for _, h := range p.holes {
		last := h.to >= q.To.UnixMilli()
		pieces := src.cut(h)
		for i := range pieces {
			pieces[i].Reason = src.reason(pieces[i], h, last)
		}
		out = append(out, src.settle(pieces, h, last)...)
	}
	for _, s := range out {
		if s.Reason == Unexplained {
			l.count(q, s)
		}
	}
	return out, nil
}

// count tells of an unexplained hole once.
func (l *Ledger) count(q series.Query, s Span) {
	key := told{q.Gateway, q.Device, s.From}
	l.mu.Lock()
	known := l.told[key]
	if len(l.told) > 10_000 {
		clear(l.told)
	}
	l.told[key] = true
	l.mu.Unlock()
	if !known {
		l.unexplained.Inc()
		l.cfg.Log.Warn("readings are missing and nothing says why", "gateway", q.Gateway, "device", q.Device, "point", q.Point, "from", s.From, "to", s.To)
	}
}

// cut splits a hole at every boundary of the sources.
func (s *sources) cut(h hole) []Span {
	at := []int64{h.from, h.to}
	add := func(t int64) {
		if t > h.from && t < h.to {
			at = append(at, t)
		}
	}
	for _, list := range [][]stretch{s.members, s.gaps, s.runs, s.outages} {
		for _, st := range list {
			add(st.from)
			add(st.to)
		}
	}
	for _, b := range s.bad {
		add(b.From - h.limit)
		add(b.To + h.limit)
	}
	for _, t := range s.parked {
		add(t - s.limit)
		add(t + s.limit)
	}
	for _, id := range s.mates {
		for _, c := range s.states[id] {
			add(c.at)
		}
	}
	add(s.horizon)
	slices.Sort(at)
	at = slices.Compact(at)
	out := make([]Span, 0, len(at)-1)
	for i := 1; i < len(at); i++ {
		out = append(out, Span{From: at[i-1], To: at[i], State: None})
	}
	return out
}

// reason of a piece of a hole that no source cuts. last says that no value follows the hole.
func (s *sources) reason(p Span, h hole, last bool) string {
	at := p.From
	if len(s.members) > 0 {
		if _, ok := within(s.members, at); !ok {
			return NotConfigured
		}
	}
	gap, gone := within(s.gaps, at)
	if gone && gap.word != PowerCut && gap.word != "missing" {
		return gap.word
	}
	if slices.ContainsFunc(s.parked, func(t int64) bool { return t-s.limit <= at && at < t+s.limit }) {
		return Parked
	}
	if why := s.off(at, last); why != "" {
		return why
	}
	if gone && gap.word == PowerCut {
		return PowerCut
	}
	if why := s.silent(at, h.limit); why != "" {
		return why
	}
	if last && (at >= s.horizon || s.waiting) {
		return s.coming()
	}
	if _, out := within(s.outages, at); out && len(s.runs) == 0 {
		return GatewayOff
	}
	if s.fresh(at, h) {
		return DeviceSilent
	}
	return Unexplained
}

// fresh says that the gateway has started in the hole, or has got to know the device, and the device has not answered since.
func (s *sources) fresh(at int64, h hole) bool {
	began := int64(-1)
	for _, list := range [][]stretch{s.runs, s.members} {
		if st, ok := within(list, at); ok {
			began = max(began, st.from)
		}
	}
	own, known := s.state(s.device, at)
	return began > 0 && began >= h.from && !(known && own.online && own.at >= began)
}

// coming is the reason of what has not arrived yet.
func (s *sources) coming() string {
	if s.untimed {
		return ClockUnknown
	}
	if s.online {
		return Late
	}
	return LinkDown
}

// off says whether the gateway was not running. Before its first run there was nothing; behind the newest, it may be running.
func (s *sources) off(at int64, last bool) string {
	if len(s.runs) == 0 {
		return ""
	}
	before, behind := false, stretch{from: forever}
	for _, r := range s.runs {
		if r.from <= at && at < r.to {
			return ""
		}
		before = before || r.to <= at
		if r.from > at && r.from < behind.from {
			behind = r
		}
	}
	switch {
	case !before:
		return NotConfigured
	case behind.from == forever:
		if last {
			return s.coming()
		}
		return ""
	case behind.word != "":
		return behind.word
	}
	return GatewayOff
}

// silent says why a device that was polled gave no value: what its readings say, for as long as limit around each, then
// what its state says.
func (s *sources) silent(at, limit int64) string {
	why := ""
	if i := slices.IndexFunc(s.bad, func(b series.Gap) bool { return b.From-limit <= at && at < b.To+limit }); i >= 0 {
		why = s.bad[i].Reason
	}
	own, known := s.state(s.device, at)
	down := known && !own.online
	reason, _ := device.ParseReason(why)
	if down && (why == "" || !answered(reason)) {
		reason, why = own.reason, own.reason.String()
	} else if why == "" {
		return ""
	}
	switch {
	case reason == device.ChannelDown:
		return BusDown
	case reason == device.GatewayOff:
		return GatewayOff
	case answered(reason):
		return why
	case down && s.allDown(at):
		return BusDown
	case down || reason == device.NotRead:
		return DeviceSilent
	}
	return why
}

// answered says that the reason is of a device that answers: it speaks of the value, not of the way to it.
func answered(r device.Reason) bool {
	switch r {
	case device.ReasonNone, device.Timeout, device.Corrupt, device.Mismatch, device.ChannelDown, device.NotRead, device.GatewayOff:
		return false
	}
	return true
}

// allDown says that the device has neighbours on its channel and all of them are silent too.
func (s *sources) allDown(at int64) bool {
	for _, id := range s.mates {
		if c, known := s.state(id, at); !known || c.online {
			return false
		}
	}
	return len(s.mates) > 1
}

// weak says that a short piece of this reason is rather the edge of the longer one beside it: the first lost polls of a
// device that is soon known to be silent, or of a line of which one device after another falls silent.
func weak(reason string) bool {
	why, ok := device.ParseReason(reason)
	return reason == Unexplained || reason == DeviceSilent || (ok && !answered(why))
}

// settle gives short weak pieces the reason of their longer neighbour, and joins pieces of the same.
func (s *sources) settle(pieces []Span, h hole, last bool) []Span {
	for range 3 { // what was joined may give way to what lies behind it
		pieces = join(pieces)
		for i := range pieces {
			s.yield(pieces, i, h, last)
		}
	}
	return join(pieces)
}

func (s *sources) yield(pieces []Span, i int, h hole, last bool) {
	p := &pieces[i]
	size := p.To - p.From
	if !weak(p.Reason) || size > max(h.limit, startGrace) {
		return
	}
	var best *Span
	for _, n := range []int{i - 1, i + 1} {
		if n >= 0 && n < len(pieces) && pieces[n].Reason != Unexplained && (best == nil || pieces[n].To-pieces[n].From > best.To-best.From) {
			best = &pieces[n]
		}
	}
	switch {
	case best != nil && (p.Reason == Unexplained || best.To-best.From > size):
		p.Reason = best.Reason
	case p.Reason == Unexplained && last:
		p.Reason = s.coming()
	}
}

// join makes one of neighbours with the same reason.
func join(pieces []Span) []Span {
	out := pieces[:0]
	for _, p := range pieces {
		if n := len(out); n > 0 && out[n-1].Reason == p.Reason && out[n-1].To == p.From {
			out[n-1].To = p.To
			continue
		}
		out = append(out, p)
	}
	return out
}
