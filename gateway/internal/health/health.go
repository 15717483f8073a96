// Package health tells how far each device can be trusted: a score of 0 to 100 and the reasons why it is not 100, by tests in
// the manner of QARTOD. It sees every reading after the judges of single readings (drivers/device, package plausible) and adds
// what only time shows: answers missed in 24 h, late ones, a zero that drifts, noise, a contact that chatters. The app feeds it
// from the bus and sends what it tells the ordinary way, as a point of the device; the local page asks for the reasons.
//
// It promises: the score is 0 to 100 and falls with every cause; a reason comes after its cause has held, and goes ten minutes
// after it ended; at most one notice per device and hour, and twenty per gateway. It never changes a reading and trips no rule.
package health

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// PointName is the point by which a device's score is told.
const PointName = "health"

// Silence is how long a score that does not change is not repeated.
const Silence = 10 * time.Minute

const (
	noticeEvery = time.Hour
	noticesMost = 20 // per gateway and hour: a line that died is one cause
	feederOff   = 0.05
	feederLeast = 50.0 // W
)

// Point is the point of a device's score.
func Point(id string) device.Point {
	return device.Point{Device: id, Name: PointName, Unit: "%", Max: 100}
}

// A Notice is a change of a device's reasons that people should be able to look up.
type Notice struct {
	Device, Channel string
	Text            rules.Text
}

// A View is what is known of a device.
type View struct {
	Score   int
	Reasons []rules.Text
}

// A Watch keeps the health of a site's devices. Its methods may be called by several goroutines.
type Watch struct {
	mu       sync.Mutex
	zone     *time.Location
	sensors  []*sensor
	byID     map[string]*sensor
	channels map[string]string
	told     []time.Time // notices of the last hour
}

// New makes the watch of devices; nights are those of the zone. Labels: installed and tested (2026-07-01) say when a detector is
// overdue, feeder names the meter to which the power of all devices with that label must add up.
func New(devices []device.Device, zone *time.Location) *Watch {
	w := &Watch{zone: zone, byID: map[string]*sensor{}, channels: map[string]string{}}
	for _, d := range devices {
		s := &sensor{id: d.ID, name: d.Name, poll: max(d.Poll, time.Second), feeder: d.Labels["feeder"], power: math.NaN(),
			state: [2]float64{math.NaN(), math.NaN()}, shown: -1, points: d.Points}
		if s.name == "" {
			s.name = d.ID
		}
		if d.Kind == "gas" || d.Kind == "co" {
			s.installed, s.tested = day(d.Labels["installed"], zone), day(d.Labels["tested"], zone)
		}
		phases := slices.ContainsFunc(d.Points, func(p device.Point) bool { return p.Name == "voltage_l1" })
		for _, p := range d.Points {
			is := roleOf(d.Kind, p)
			if phases && p.Name == "voltage" {
				is = other // a mean, or between two phases
			}
			s.roles = append(s.roles, is)
		}
		w.sensors = append(w.sensors, s)
		w.byID[d.ID], w.channels[d.ID] = s, d.Channel
	}
	return w
}

// day of a label; zero when it is none.
func day(text string, zone *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Observe takes one read: readings of one or several devices, each in the order of its points.
func (w *Watch) Observe(rs []device.Reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for first := 0; first < len(rs); {
		end := first + 1
		for end < len(rs) && rs[end].Device == rs[first].Device {
			end++
		}
		if s := w.byID[rs[first].Device]; s != nil && len(s.points) == end-first && rs[first].Point == s.points[0].Name {
			s.read(rs[first:end], w.zone)
		}
		first = end
	}
}

// Run observes what comes, until it ends.
func (w *Watch) Run(in <-chan []device.Reading) {
	for rs := range in {
		w.Observe(rs)
	}
}

// Tick judges all devices and answers the scores that have changed or were not told for Silence, and what to tell people.
func (w *Watch) Tick(now time.Time) (rs []device.Reading, notices []Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.balance(now)
	for len(w.told) > 0 && now.Sub(w.told[0]) >= noticeEvery {
		w.told = w.told[1:]
	}
	for _, s := range w.sensors {
		if s.seen.IsZero() {
			continue // nothing is known yet
		}
		s.judge(now)
		score := s.score()
		if score != s.shown || now.Sub(s.shownAt) >= Silence {
			s.shown, s.shownAt = score, now
			rs = append(rs, device.Judge(Point(s.id), float64(score), now))
		}
		if n, ok := w.notice(s, score, now); ok {
			notices = append(notices, n)
		}
	}
	return rs, notices
}

// notice tells a change of reasons. That a device answers or not is told by its state already; alone it is no notice.
func (w *Watch) notice(s *sensor, score int, now time.Time) (Notice, bool) {
	if s.raised&^Missing == s.Told&^Missing || len(w.told) >= noticesMost ||
		s.ToldAt != 0 && now.Sub(time.Unix(s.ToldAt, 0)) < noticeEvery && now.Unix() >= s.ToldAt {
		return Notice{}, false
	}
	before := s.Score
	if s.ToldAt == 0 {
		before = 100
	}
	zh, en := "恢复正常", "well again"
	if s.raised != 0 {
		var zhs, ens []string
		for _, t := range s.texts() {
			zhs, ens = append(zhs, t.ZH), append(ens, t.EN)
		}
		zh, en = strings.Join(zhs, "；"), strings.Join(ens, "; ")
	}
	s.Told, s.ToldAt, s.Score = s.raised, now.Unix(), score
	w.told = append(w.told, now)
	return Notice{s.id, w.channels[s.id], rules.Text{ZH: fmt.Sprintf("%s 可信度 %d → %d 分：%s", s.name, before, score, zh),
		EN: fmt.Sprintf("%s trust %d → %d: %s", s.name, before, score, en)}}, true
}

func (s *sensor) texts() []rules.Text {
	offline, late := s.shares()
	var out []rules.Text
	for left := s.raised; left != 0; left &= left - 1 {
		one, share := left&-left, 0.0
		switch one {
		case Offline:
			share = 100 * offline
		case Late:
			share = 100 * late
		}
		zh, en := one.word(share)
		out = append(out, rules.Text{ZH: zh, EN: en})
	}
	return out
}

// balance compares feeders with what hangs on them.
func (w *Watch) balance(now time.Time) {
	sums := map[string]float64{}
	for _, s := range w.sensors {
		if s.feeder != "" {
			sums[s.feeder] += s.power // one that is unknown makes the sum unknown
		}
	}
	for id, sum := range sums {
		if f := w.byID[id]; f != nil {
			off := math.Abs(sum - f.power)
			f.set(Unbalanced, off > feederLeast && off > feederOff*math.Abs(f.power), now)
		}
	}
}

// Of is what is known of a device; false when it was never read, or is none.
func (w *Watch) Of(id string) (v View, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.byID[id]
	if s == nil || s.seen.IsZero() {
		return v, false
	}
	return View{s.score(), s.texts()}, true
}

// Memory is what a later run should know: for Restore.
func (w *Watch) Memory() ([]byte, error) {
	w.mu.Lock()
	all := map[string]memory{}
	for _, s := range w.sensors {
		m := s.memory
		m.Nights = append([]float64{}, m.Nights...)
		all[s.id] = m
	}
	w.mu.Unlock()
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(all); err != nil {
		return nil, fmt.Errorf("encode sensor health: %w", err)
	}
	return data.Bytes(), nil
}

// Restore takes up what an earlier run knew. It comes before the first reading.
func (w *Watch) Restore(data []byte) error {
	var all map[string]memory
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&all); err != nil {
		return fmt.Errorf("decode sensor health: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, m := range all {
		if s := w.byID[id]; s != nil && m.Hour >= 0 && len(m.Nights) <= 7 {
			m.Told &= last - 1
			s.memory = m
			for left := m.Told &^ Missing; left != 0; left &= left - 1 {
				s.since[bits.TrailingZeros32(uint32(left))] = m.ToldAt
			}
			s.raised = m.Told &^ Missing
		}
	}
	return nil
}
