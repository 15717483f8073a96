// Package audit compares what gas detectors have noted of themselves with what the gateway's rules told: once a night it reads a
// detector's own log of alarms (GB 15322.2-2019), and says of each alarm that no rule told of that it was missed. The app runs it; rule
// R21 judges the count.
//
// It promises: an alarm is told once, also after a restart; one that the gateway could not have seen, from before it knew the detector,
// and one of which the events log does not reach back to, is not told; a detector that could not be read for two nights has no count.
// It reads one record at a time and rests between two, so that the line is free for others, and stops while an alert of class A fires.
package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/gashistory"
)

// A Log is the own log of a gas detector, as a device, and whose alerts it is compared with.
type Log struct {
	Device   string // id of the log
	Name     string // for people
	Channel  string
	Detector string // id of the detector; may be empty
	Zone     string // alerts of the zone count too; may be empty
}

// A Told is an alert that the rules told of gas.
type Told struct {
	Subject  string    // a device or a zone
	From, To time.Time // To is zero while it fires
}

// A Missed is an alarm that a detector noted and of which no rule told.
type Missed struct {
	Log      Log
	Recorded time.Time // by the detector's clock, which shows minutes
	At       time.Time // by ours
}

// Config of an Auditor. The functions are called by Run's goroutine.
type Config struct {
	Logs     []Log
	Daily    time.Duration  // when the nightly hour begins, since midnight; below 0: never
	Location *time.Location // in which it is night
	Seed     string         // gateways of different seeds begin at different minutes
	File     string         // what is remembered
	Now      func() time.Time
	Log      *slog.Logger

	// Read reads a place of a log, out of turn.
	Read func(ctx context.Context, log Log, at device.Register) (device.Reading, error)
	// Busy says whether the gateway has something better to do.
	Busy func(ctx context.Context) bool
	// Told are the alerts of gas between two times, in no order, and from when on they are known.
	Told func(ctx context.Context, from, to time.Time) (alerts []Told, known time.Time, err error)
	// Found takes a missed alarm, before it is remembered.
	Found func(Missed)
}

const (
	spread   = time.Hour           // the logs of a gateway, and those of many gateways, begin within it
	window   = 6 * time.Hour       // after which a night is given up
	step     = time.Minute         // between two looks at the clock
	again    = 15 * time.Minute    // between two attempts
	counted  = 24 * time.Hour      // for which a missed alarm counts
	stale    = 49 * time.Hour      // without an audit there is no count
	rests    = 4                   // times as long as a read took
	failures = 5                   // of reads, after which a log is given up for now
	lookBack = 62 * 24 * time.Hour // the events log reaches no further, mostly
)

// An Auditor compares logs. Its methods belong to one goroutine.
type Auditor struct {
	cfg    Config
	memory memory
	tried  map[string]time.Time
}

// New takes up what is remembered. A file that cannot be used is told and begun anew: then nothing from before this moment is judged.
func New(cfg Config) *Auditor {
	a := &Auditor{cfg: cfg, tried: map[string]time.Time{}}
	var err error
	if a.memory, err = load(cfg.File); err != nil {
		cfg.Log.Error("what the audit of gas detectors remembered", "error", err)
	}
	return a
}

// Run audits until ctx ends; report is called once a minute, when there is a new count to tell.
func (a *Auditor) Run(ctx context.Context, report func()) error {
	a.meet()
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		a.turn(ctx)
		report()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// meet notes since when a log is known: what was before it nobody could have seen.
func (a *Auditor) meet() {
	fresh := false
	for _, l := range a.cfg.Logs {
		if _, known := a.memory[l.Device]; !known {
			a.memory[l.Device], fresh = &past{Since: a.cfg.Now().Unix()}, true
		}
	}
	if fresh {
		a.save()
	}
}

// turn audits the logs whose time it is.
func (a *Auditor) turn(ctx context.Context) {
	for _, l := range a.cfg.Logs {
		now := a.cfg.Now()
		if ctx.Err() != nil || !a.due(l, now) || time.Since(a.tried[l.Device]) < again && !a.tried[l.Device].IsZero() || a.cfg.Busy(ctx) {
			continue
		}
		a.tried[l.Device] = time.Now()
		if err := a.Audit(ctx, l); err != nil {
			a.cfg.Log.Warn("audit of a gas detector's log", "device", l.Device, "error", err)
		}
	}
}

// due says whether it is the log's time of this night, and it was not audited since.
func (a *Auditor) due(l Log, now time.Time) bool {
	if a.cfg.Daily < 0 {
		return false
	}
	h := fnv.New32a()
	h.Write([]byte(a.cfg.Seed + "/" + l.Device)) //nolint:errcheck // never fails
	shift := time.Duration(h.Sum32()) % spread
	y, m, d := now.In(a.cfg.Location).Date()
	for _, day := range [...]int{d, d - 1} { // a window may reach over midnight
		began := time.Date(y, m, day, 0, 0, 0, 0, a.cfg.Location).Add(a.cfg.Daily + shift)
		if since := now.Sub(began); since >= 0 && since < window {
			return a.memory[l.Device].Audited < began.Unix()
		}
	}
	return false
}

// errBusy says that an audit was broken off.
var errBusy = errors.New("an alert of class A fires: later")

// Audit reads a log and tells what was missed.
func (a *Auditor) Audit(ctx context.Context, l Log) error {
	p := a.memory[l.Device]
	offset, err := a.value(ctx, l, gashistory.Offset())
	if err != nil {
		return fmt.Errorf("read the clock of %s: %w", l.Device, err)
	}
	records, err := a.records(ctx, l)
	if err != nil {
		return fmt.Errorf("read the log of %s: %w", l.Device, err)
	}
	now := a.cfg.Now()
	from := time.Unix(p.Since, 0)
	if most := now.Add(-lookBack); from.Before(most) {
		from = most
	}
	told, known, err := a.cfg.Told(ctx, from.Add(-tolerance), now)
	if err != nil {
		return fmt.Errorf("read what was told of %s: %w", l.Device, err)
	}
	if known.After(from) {
		from = known
	}
	offsets := []time.Duration{time.Duration(offset) * time.Second}
	if p.Audited > 0 { // the clock may have been set since: then it is not known which of the two an alarm was noted by
		offsets = append(offsets, time.Duration(p.Offset)*time.Second)
	}
	mine := l.told(told)
	for _, r := range records {
		if slices.Contains(p.Judged, r.Unix()) {
			continue
		}
		v := judge(r, offsets, mine, from, now)
		if v == absent {
			a.cfg.Found(Missed{Log: l, Recorded: r, At: r.Add(-offsets[0])})
			p.Found = append(p.Found, now.Unix())
		}
		if v != early {
			p.Judged = append(p.Judged, r.Unix())
		}
	}
	p.keep(records, now)
	p.Audited, p.Offset = now.Unix(), int64(offset)
	a.save()
	a.cfg.Log.Info("audit of a gas detector's log", "device", l.Device, "alarms", len(records), "missed", p.count(now), "clock_offset_s", offset)
	return nil
}

// records are the times of all alarms that a log holds, as its clock had them. Some detectors number from the oldest, others from the
// newest, and a clock may have been set back between two: so all are read.
func (a *Auditor) records(ctx context.Context, l Log) ([]time.Time, error) {
	n, err := a.value(ctx, l, gashistory.Count(gashistory.Alarm))
	if err != nil {
		return nil, err
	}
	var all []time.Time
	failed := 0
	for i := 1; i <= int(n); {
		began := time.Now()
		at, err := a.value(ctx, l, gashistory.Record(gashistory.Alarm, i))
		var no noValue
		switch {
		case err == nil:
			all = append(all, time.Unix(int64(at), 0))
			i++
		case errors.As(err, &no) && no.why == device.NoSuchPoint:
			i++
		case failed == failures || ctx.Err() != nil:
			return nil, fmt.Errorf("record %d of %v: %w", i, n, err)
		default:
			failed++
		}
		if err := rest(ctx, rests*time.Since(began)); err != nil {
			return nil, err
		}
		if a.cfg.Busy(ctx) {
			return nil, errBusy
		}
	}
	return all, nil
}

// noValue is a reading without a value.
type noValue struct{ why device.Reason }

func (e noValue) Error() string { return e.why.String() }

func (a *Auditor) value(ctx context.Context, l Log, at device.Register) (float64, error) {
	r, err := a.cfg.Read(ctx, l, at)
	switch {
	case err != nil:
		return 0, err
	case r.Quality == device.Bad || math.IsNaN(r.Value):
		return 0, noValue{r.Reason}
	}
	return r.Value, nil
}

// rest leaves the line to others.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Count is how many missed alarms were found in the last 24 h; it is not known before the first audit, nor when the last is too old.
func (a *Auditor) Count(log string) (n int, known bool) {
	p, now := a.memory[log], a.cfg.Now()
	if p == nil || p.Audited == 0 || now.Sub(time.Unix(p.Audited, 0)) > stale {
		return 0, false
	}
	return p.count(now), true
}
