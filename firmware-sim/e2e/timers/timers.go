// Package timers proves that a rule's hold time outlives kill -9: a gateway with many charging sockets, each with timers of its
// own, is killed at random times, sometimes with its snapshot torn or gone, and each alert must be raised once, under one id, and
// in time. The events log tells what was raised; the sockets tell what could be known when.
package timers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/modbus"
)

// The times of the proof. The rules' own are in site.go.
const (
	poll    = 300 * time.Millisecond
	hold    = 4 * time.Second         // of both rules
	guard   = 500 * time.Millisecond  // after a reading until what the gateway made of it is surely durable
	kept    = 2500 * time.Millisecond // after a reading until a snapshot surely has the session that began with it
	late    = 1500 * time.Millisecond // an alert may be raised after the reading at which it was due: a tick, and a busy machine
	margin  = 500 * time.Millisecond
	cutTime = 5 * time.Second // after which a socket must have been switched off
	sockets = 32
)

// sessionTime is how long after its first reading a session counts for a rule.
func sessionTime(cut bool) time.Duration {
	if cut {
		return 12*time.Second + poll
	}
	return 10*time.Second + poll
}

// Options of a proof.
type Options struct {
	Bin   string // folder of the programs
	Dir   string // an empty folder
	Kills int
	Seed  uint64
}

// A Result is what the proof found. All counts from Missing on are 0 when the promise is kept.
type Result struct {
	Name     string `json:"name"`
	Runs     int    `json:"runs"`        // kills
	Hurt     int    `json:"hurt"`        // of these with the snapshot torn, one older, or gone
	Timers   int    `json:"timers"`      // times in which an alert had to be raised
	Hit      int    `json:"hit"`         // timers that were killed at least once while they ran
	Pending  int    `json:"pending"`     // most timers that one kill met
	Cut      int    `json:"cut"`         // sockets switched off
	LateMost int64  `json:"late_ms_max"` // of an alert after the reading at which it was due
	Missing  int    `json:"missing"`     // timers without an alert
	Doubled  int    `json:"doubled"`     // alerts told twice, or a second id for one time
	Early    int    `json:"early"`
	Late     int    `json:"late"`
	Stray    int    `json:"stray"` // alerts without a cause
	Uncut    int    `json:"uncut"` // sockets that were not switched off in time
	R26      int    `json:"r26"`
	Failed   int    `json:"failed"` // starts that did not succeed
	Seed     uint64 `json:"seed"`

	Examples []string `json:"examples,omitempty"`
}

// Broken says whether the promise is.
func (r Result) Broken() bool {
	return r.Missing+r.Doubled+r.Early+r.Late+r.Stray+r.Uncut+r.R26+r.Failed > 0 || r.Timers == 0
}

func (r *Result) wrong(count *int, format string, args ...any) {
	*count++
	if len(r.Examples) < 10 {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// A bench is the sockets, and the gateway that reads them.
type bench struct {
	o       Options
	sockets []*socket
	kills   killings
	random  *rand.Rand
	server  *modbus.TCP
	result  *Result
}

// Run carries out the proof.
func Run(ctx context.Context, o Options) (Result, error) {
	r := Result{Name: "rule_timer_kill9", Runs: o.Kills, Seed: o.Seed}
	b := &bench{o: o, random: rand.New(rand.NewPCG(o.Seed, 26)), result: &r}
	if err := b.open(); err != nil {
		return r, err
	}
	ctx, stop := context.WithCancel(ctx)
	served, moved := make(chan error, 1), make(chan struct{})
	go func() { served <- b.server.Run(ctx) }()
	go func() { defer close(moved); b.move(ctx) }()
	err := b.kill(ctx)
	stop()
	<-moved
	if e := <-served; err == nil {
		err = e
	}
	if err != nil {
		return r, err
	}
	return r, b.judge(context.WithoutCancel(ctx))
}

func (b *bench) open() error {
	var bank modbus.Bank
	for i := range sockets {
		s := &socket{id: fmt.Sprintf("s%02d", i+1), cut: i%2 == 1, rest: time.Second + time.Duration(b.random.IntN(6000))*time.Millisecond}
		b.sockets = append(b.sockets, s)
		bank.Add(byte(i+1), s.id, s)
		s.begin(time.Now())
	}
	var err error
	if b.server, err = modbus.NewTCP(modbus.TCPConfig{Listen: "127.0.0.1:0", Bank: &bank}); err != nil {
		return err
	}
	return b.writeSite()
}

// move lets the sockets live until ctx ends.
func (b *bench) move(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for _, s := range b.sockets {
				s.step(now, &b.kills)
			}
		case <-ctx.Done():
			return
		}
	}
}

// kill starts the gateway and kills it, again and again, and lets it live in the end until every socket has shown its next alert.
func (b *bench) kill(ctx context.Context) error {
	for n := range b.o.Kills {
		p, err := b.start()
		if err != nil {
			return err
		}
		life := 200 + b.random.IntN(1500)
		if n == 0 || b.random.IntN(4) == 0 {
			life = 2000 + b.random.IntN(2200)
		}
		process.Pause(ctx, time.Duration(life)*time.Millisecond)
		if ctx.Err() != nil {
			p.Kill()
			return ctx.Err()
		}
		if !p.Kill() {
			if n == 0 {
				return errors.New("the gateway does not start: gateway.log says why")
			}
			b.result.wrong(&b.result.Failed, "start %d ended by itself", n+1)
		}
		now := time.Now()
		b.kills.add(now)
		b.result.Pending = max(b.result.Pending, b.running(now))
		if err := b.hurt(n); err != nil {
			return err
		}
	}
	p, err := b.start()
	if err != nil {
		return err
	}
	enough := make([]int, len(b.sockets))
	for i, s := range b.sockets {
		enough[i] = s.count() + 1
	}
	err = process.Until(ctx, 90*time.Second, func() error {
		for i, s := range b.sockets {
			if s.count() < enough[i] {
				return fmt.Errorf("socket %s has shown no alert since the last kill", s.id)
			}
		}
		return nil
	})
	if stopped := p.Stop(); err == nil {
		err = stopped
	}
	return err
}

func (b *bench) start() (*process.Process, error) {
	return process.Start(b.o.Dir, "gateway", filepath.Join(b.o.Bin, "gateway"), "run", "--config", "gateway.yaml")
}

// hurt does to the snapshot, after some kills, what a power cut may do.
func (b *bench) hurt(n int) error {
	file := filepath.Join(b.o.Dir, "data", "rules.state")
	info, err := os.Stat(file)
	how := b.random.IntN(12)
	if err != nil || how > 2 || n < 3 {
		return nil // not there yet, or not this time
	}
	b.result.Hurt++
	switch how {
	case 0:
		err = os.Truncate(file, b.random.Int64N(info.Size()))
	case 1:
		err = os.Remove(file)
	case 2:
		if err = os.Remove(file); err == nil {
			err = os.RemoveAll(file + ".old")
		}
	}
	now := time.Now()
	for _, s := range b.sockets {
		s.forget(now, how == 2, &b.kills)
	}
	if err != nil {
		return fmt.Errorf("hurt snapshot: %w", err)
	}
	return nil
}

// running counts timers under way.
func (b *bench) running(now time.Time) (n int) {
	for _, s := range b.sockets {
		if s.timing(now, &b.kills) {
			n++
		}
	}
	return n
}
