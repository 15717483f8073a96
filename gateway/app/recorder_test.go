package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// A scene is a data folder whose disk can be looked at as a kill -9 would leave it, before and after every step.
type scene struct {
	dir    string
	copies string      // folder of the copies; empty takes none
	full   atomic.Bool // the disk takes no telemetry

	mu    sync.Mutex
	steps []string
}

// records is how many were appended.
func (s *scene) records() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, step := range s.steps {
		if step == "telemetry append" {
			n++
		}
	}
	return n
}

func (s *scene) step(t *testing.T, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, name)
	if s.copies == "" {
		return
	}
	if err := os.CopyFS(filepath.Join(s.copies, fmt.Sprintf("%03d", len(s.steps))), os.DirFS(s.dir)); err != nil {
		t.Error(err)
	}
}

// watched is a log that tells of every step.
type watched struct {
	*outbox.Log
	t     *testing.T
	scene *scene
	name  string
}

func (w watched) Append(typ uint32, at time.Time, clock uint32, payload []byte) (uint64, error) {
	if w.scene.full.Load() && w.name == "telemetry" {
		return 0, outbox.ErrUnavailable
	}
	seq, err := w.Log.Append(typ, at, clock, payload)
	w.scene.step(w.t, w.name+" append")
	return seq, err
}

func (w watched) Sync() error {
	err := w.Log.Sync()
	w.scene.step(w.t, w.name+" sync")
	return err
}

func (w watched) Ack(cum uint64) {
	w.Log.Ack(cum)
	w.scene.step(w.t, w.name+" ack")
}

func (s *scene) open(t *testing.T, stream, boot uint32) watched {
	t.Helper()
	name := wire.StreamName(stream)
	log, err := outbox.Open(outbox.Config{Dir: filepath.Join(s.dir, name), Stream: stream, Quota: 4 << 20, Sync: time.Second, Boot: boot})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return watched{log, t, s, name}
}

// run opens the logs and runs a recorder over them; play feeds it. What it returns is over when the recorder has ended.
func (s *scene) run(t *testing.T, boot uint32, play func(r app.Recorder)) (log, parts watched) {
	t.Helper()
	log, parts = s.open(t, wire.StreamTelemetry, boot), s.open(t, wire.StreamParts, boot)
	synctest.Test(t, func(t *testing.T) {
		r, err := app.NewRecorder(log, parts)
		if err != nil {
			t.Error(err)
			return
		}
		done := make(chan struct{})
		go func() { defer close(done); r.Run() }()
		play(r)
		r.Stop()
		close(r.In)
		<-done
		for _, l := range []watched{log, parts} { // their timers must not outlive the bubble
			if err := l.Log.Sync(); err != nil {
				t.Error(err)
			}
		}
	})
	return log, parts
}

// reading n of a point that counts.
func reading(n int) device.Reading {
	return device.Reading{Device: "d-1", Point: "count", Value: float64(n), Quality: device.Good, Time: time.UnixMilli(1_795_000_000_000 + int64(1000*n))}
}

// recorded are the values of all records of the telemetry log, and their heads.
func recorded(t *testing.T, log *outbox.Log) (values []int, heads []*wire.Readings) {
	t.Helper()
	decoder, err := wire.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for from := uint64(1); ; {
		records, err := log.Read(from, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return values, heads
		}
		for _, r := range records {
			from = r.Seq + 1
			head, err := decoder.Columns(r.Payload, func(c wire.Column, _ int) {
				for _, v := range c.Values {
					values = append(values, int(v))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			heads = append(heads, head)
		}
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestAMinuteIsOneRecordAndItsSecondsAreParts(t *testing.T) {
	s := &scene{dir: t.TempDir()}
	log, parts := s.run(t, 1, func(r app.Recorder) {
		for n := range 150 {
			r.In <- []device.Reading{reading(n)}
			<-time.After(time.Second)
		}
	})
	values, heads := recorded(t, log.Log)
	if !slices.Equal(values, upTo(150)) || len(heads) != 3 {
		t.Fatalf("%d records: %v", len(heads), values)
	}
	epoch, _, next := parts.State()
	if last := heads[2]; last.GetPartsEpoch() != epoch || last.GetPartsTo() != next-1 || next < 140 || parts.Stats().Backlog != 0 {
		t.Errorf("%d parts, %d are left, the last record says %v", next-1, parts.Stats().Backlog, last)
	}
	if heads[0].GetOrigin() != nil {
		t.Errorf("a record of this run has the origin %v", heads[0].GetOrigin())
	}
}

func TestWhoLooksIsServedAtOnce(t *testing.T) {
	s := &scene{dir: t.TempDir()}
	s.run(t, 1, func(r app.Recorder) {
		n := 0
		play := func(seconds int) (records int) {
			before := s.records()
			for range seconds {
				r.In <- []device.Reading{reading(n)}
				n++
				<-time.After(time.Second)
				synctest.Wait()
			}
			return s.records() - before
		}
		expect := func(what string, got, least, most int) {
			if got < least || got > most {
				t.Errorf("%s: %d records, want %d to %d", what, got, least, most)
			}
		}
		expect("half a minute that nobody looks at", play(30), 0, 0)
		r.Linger(time.Second)
		synctest.Wait()
		expect("somebody begins to look", s.records(), 1, 1)
		expect("while somebody looks", play(30), 29, 31)
		play(100)
		expect("two minutes after the cloud's wish has ended", play(120), 1, 4)
		r.Alert()
		expect("ten minutes of an alert", play(590), 580, 600)
		play(30)
		expect("two minutes long after it", play(120), 1, 3)
		r.Linger(time.Second)
		play(3)
		r.Linger(0)
		play(2)
		expect("nobody looks any more", play(50), 0, 1)
	})
}

// TestAKillAtAnyStepLosesAndRepeatsNothing: at every step the disk is copied as kill -9 would leave it; a second run over the
// copy is itself copied at every step; a third run over each must have every reading that was in a part or record, once.
func TestAKillAtAnyStepLosesAndRepeatsNothing(t *testing.T) {
	first := &scene{dir: t.TempDir(), copies: t.TempDir()}
	first.run(t, 1, func(r app.Recorder) {
		r.Linger(8 * time.Second)
		for n := range 22 {
			r.In <- []device.Reading{reading(n)}
			<-time.After(time.Second)
			if n == 16 {
				r.Linger(time.Second)
			}
			if n == 18 {
				r.Linger(0)
			}
		}
	})
	for i, step := range first.steps {
		if i%4 != 0 && step == "parts append" {
			continue // they are all alike
		}
		second := &scene{dir: filepath.Join(first.copies, fmt.Sprintf("%03d", i+1)), copies: t.TempDir()}
		safe := 0 // readings appended before the kill
		log, _ := second.run(t, 2, func(app.Recorder) {})
		values, heads := recorded(t, log.Log)
		for _, s := range first.steps[:i+1] {
			if s == "parts append" {
				safe++
			}
		}
		if !slices.Equal(values, upTo(len(values))) || len(values) < safe {
			t.Fatalf("killed at step %d, %s: %d readings, %d were safe: %v", i, step, len(values), safe, values)
		}
		if last := heads[len(heads)-1]; step == "parts append" && last.GetOrigin().GetBoot() != 1 {
			t.Errorf("what the first run read has the origin %v", last.GetOrigin())
		}
		for k := range second.steps {
			third := &scene{dir: filepath.Join(second.copies, fmt.Sprintf("%03d", k+1))}
			log, parts := third.run(t, 3, func(app.Recorder) {})
			if again, _ := recorded(t, log.Log); !slices.Equal(again, values) || parts.Stats().Backlog != 0 {
				t.Fatalf("killed at step %d, %s, then at %s: %v", i, step, second.steps[k], again)
			}
		}
	}
}

func TestPartsOutliveADiskThatTakesNoRecord(t *testing.T) {
	s := &scene{dir: t.TempDir()}
	log, _ := s.run(t, 1, func(r app.Recorder) {
		for n := range 5 {
			r.In <- []device.Reading{reading(n)}
			<-time.After(time.Second)
		}
		s.full.Store(true)
	})
	if values, _ := recorded(t, log.Log); len(values) > 0 || len(log.Gaps()) > 0 {
		t.Fatalf("%v", values)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	after := &scene{dir: filepath.Join(t.TempDir(), "copy")}
	if err := os.CopyFS(after.dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	log, _ = after.run(t, 2, func(r app.Recorder) { r.In <- []device.Reading{reading(5)} })
	if values, _ := recorded(t, log.Log); !slices.Equal(values, upTo(6)) {
		t.Errorf("%v", values)
	}
}

// TestADamagedPartIsAGap: a second that was on disk and cannot be read is not lost in silence.
func TestADamagedPartIsAGap(t *testing.T) {
	s := &scene{dir: t.TempDir()}
	log, parts := s.run(t, 1, func(r app.Recorder) {
		for n := range 9 {
			r.In <- []device.Reading{reading(n)}
			<-time.After(time.Second)
		}
		s.full.Store(true)
	})
	if err := errors.Join(log.Close(), parts.Close()); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(s.dir, "parts", "*.seg"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(names[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	s.full.Store(false)
	log, _ = s.run(t, 2, func(r app.Recorder) { r.In <- []device.Reading{reading(9)} })
	values, _ := recorded(t, log.Log)
	gaps := log.Gaps()
	if len(values) != 9 || len(gaps) != 1 || gaps[0].First != gaps[0].Last || gaps[0].Reason != outbox.ReasonWrite {
		t.Errorf("readings %v, gaps %+v", values, gaps)
	}
}

func TestAnotherClockIsAnotherRecord(t *testing.T) {
	s := &scene{dir: t.TempDir()}
	log, _ := s.run(t, 1, func(r app.Recorder) {
		var synced atomic.Bool
		began := time.Now()
		r.SetClock(func() time.Time {
			if synced.Load() {
				return time.UnixMilli(1_795_000_000_000).Add(time.Since(began))
			}
			return time.UnixMilli(0).Add(time.Since(began))
		}, func() uint32 {
			if synced.Load() {
				return wire.ClockSynced
			}
			return wire.ClockUnknown
		})
		for n := range 10 {
			r.In <- []device.Reading{reading(n)}
			<-time.After(time.Second)
			synctest.Wait()
			if n == 4 {
				synced.Store(true)
			}
		}
	})
	records, err := log.Read(1, 1<<20)
	if err != nil || len(records) != 2 || records[0].Clock != wire.ClockUnknown || records[0].WallMs > 20_000 || records[1].Clock != wire.ClockSynced || records[1].WallMs < 1e12 {
		t.Fatalf("%v %v", records, err)
	}
}

func TestManyReadingsAreSplitAtParts(t *testing.T) {
	s := &scene{dir: t.TempDir()}
	var all []device.Reading
	log, parts := s.run(t, 1, func(r app.Recorder) {
		for n := range 12 {
			rs := make([]device.Reading, 2000)
			for i := range rs { // values of which no bit can be saved: some 16 KiB a part
				x := uint64(n*len(rs)+i+1) * 0x9E3779B97F4A7C15
				rs[i] = device.Reading{Device: "d", Point: "p", Value: float64(x>>1) * 1e-300, Quality: device.Good, Time: time.UnixMilli(int64(len(all) + i))}
			}
			all = append(all, rs...)
			r.In <- rs
			<-time.After(time.Second)
		}
	})
	values, heads := recorded(t, log.Log)
	if len(values) != len(all) || len(heads) < 4 || parts.Stats().Backlog != 0 {
		t.Errorf("%d of %d readings in %d records, %d parts left", len(values), len(all), len(heads), parts.Stats().Backlog)
	}
	if proto.Equal(heads[0], heads[1]) {
		t.Error("two records cover the same parts")
	}
}
