package rules

import (
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// proof is a part of an expression as the frame sees it.
func (m measure) proof(f *frame) Evidence {
	ev := Evidence{Name: m.name, Unit: m.typ.unit, Value: m.get(f), Quality: device.Good, Over: m.over}
	if m.typ.class == duration {
		ev.Unit = "s"
	}
	if math.IsNaN(ev.Value) {
		ev.Quality, ev.Reason = device.Bad, device.NotRead
	}
	return ev
}

// measure takes what is new for a subject into its windows and its parts in groups. read: readings brought it; otherwise time has passed.
func (e *Engine) measure(s *subject, now int64, touched uint64, read bool) {
	if len(s.windows)+len(s.parts) == 0 {
		return
	}
	f := e.see(s, now)
	f.maxAge = e.ageOf(s)
	slack := max(lateness, 3*pace(e.ticks))
	for i := range s.windows {
		if w := &s.windows[i]; w.spec.mask&touched != 0 {
			w.sample(f, read, slack)
		}
	}
	e.contribute(s, f, touched, read)
}

// lateness is how far readings may be behind the newest tick or reading and still tell of now, in ms.
const lateness = 10 * 1000

// ageOf is how old a value of a subject may be where no rule says otherwise.
func (e *Engine) ageOf(s *subject) int64 { return max(s.maxAge, 3*pace(e.ticks)) }

// equip gives a subject its windows, its groups, and the dates of its labels.
func (e *Engine) equip(s *subject) {
	e.join(s)
	s.vigil = e.vigilOf(s)
	s.watcher = s.vigil.newWatcher()
	for _, spec := range e.layout.windows[s.device.Kind] {
		s.windows = append(s.windows, newWindow(spec))
	}
	for _, name := range e.layout.labels[s.device.Kind] {
		text, ok := s.device.Labels[name]
		at, err := parseDate(text)
		switch {
		case !ok:
			e.warn(s.device.ID, Text{
				ZH: "%s 没有标签 " + name + "，从它算起的时间按未知处理",
				EN: "no label " + name + " at %s: the time since then is taken as unknown",
			})
		case err != nil:
			e.warn(s.device.ID, Text{
				ZH: "%s 的标签 " + name + " 不是日期（" + literal(text) + "），按未知处理，应写成 2026-01-31",
				EN: "label " + name + " at %s is no date (" + literal(text) + "), taken as unknown; write 2026-01-31",
			})
		}
		s.labels = append(s.labels, at)
	}
	for _, name := range e.layout.flags[s.device.Kind] {
		s.flags = append(s.flags, s.device.Labels[name] == "true")
	}
}

// parseDate reads a day or a moment, in ms; 0 when it is neither. A day begins at midnight UTC: nobody asks to the hour.
func parseDate(s string) (int64, error) {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		at, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return 0, err
	}
	return at.UnixMilli(), nil
}
