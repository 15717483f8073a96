// Package escalation proves that messages about incidents outlive kill -9: a cloud with robots, text messages, calls and
// another system to tell is killed again and again while incidents climb from rung to rung. Every message must be taken
// once, by its key, and every timer be kept: none early, none lost, none later than the cloud was down. Receivers check
// signatures and limits as their providers do; the cloud's database and what the receivers heard are held against each other.
package escalation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// The times of the proof.
const (
	second   = 1500 * time.Millisecond // of class A until the deputy is told
	street   = 3 * time.Second
	district = 5 * time.Second
	remind   = 2 * time.Second
	mostTold = 2 // reminders of each
	late     = time.Second
	newA     = 20 * time.Second // between two incidents of class A: robots take 18 messages a minute
	newB     = 3 * time.Second
	patience = 100 * time.Second // until all is told after the last kill
)

// Options of a proof.
type Options struct {
	Bin   string // folder of the programs
	Dir   string // an empty folder
	Kills int
	Seed  uint64
}

// A Result is what the proof found. All counts from Lost on are 0 when the promise is kept.
type Result struct {
	Name      string  `json:"name"`
	Runs      int     `json:"runs"` // kills
	Incidents int     `json:"incidents"`
	Notices   int     `json:"notices"`        // what had to be told to a receiver or a person
	Messages  int     `json:"messages"`       // that carried them, each with a key of its own
	Repeated  int     `json:"repeated"`       // requests with a key that was taken before: killed between that and our commit
	Cut       int     `json:"cut"`            // requests during which the cloud was killed
	Timers    int     `json:"timers"`         // rungs and reminders
	Hit       int     `json:"hit"`            // of these due while the cloud was down
	Passed    int     `json:"passed"`         // rungs that were over before the cloud was up again: their people are told with the next
	LateMost  int64   `json:"late_ms_max"`    // of a timer, without the time in which the cloud was down
	TakenA    float64 `json:"a_told_s_max"`   // of class A from the alert to the receiver's answer, without that time
	PerMinute int     `json:"per_minute_max"` // messages that one robot with a limit of 20 got
	Lost      int     `json:"lost"`           // not told, or told as nobody has it
	Doubled   int     `json:"doubled"`        // told under two keys, or a rung or reminder told twice
	Early     int     `json:"early"`
	Late      int     `json:"late"`
	Unsigned  int     `json:"unsigned"` // requests with a wrong signature
	Flooded   int     `json:"flooded"`  // requests beyond a limit
	Failed    int     `json:"failed"`   // starts that did not succeed
	Seed      uint64  `json:"seed"`

	Examples []string `json:"examples,omitempty"`
}

// Broken says whether the promise is.
func (r *Result) Broken() bool {
	return r.Lost+r.Doubled+r.Early+r.Late+r.Unsigned+r.Flooded+r.Failed > 0 || r.Notices == 0
}

func (r *Result) wrong(count *int, format string, args ...any) {
	*count++
	if len(r.Examples) < 10 {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// span is a time in which the cloud was down.
type span struct{ from, to time.Time }

// bench is the cloud, a gateway that sends it alerts, and those whom it tells.
type bench struct {
	o         Options
	random    *rand.Rand
	receivers *receivers
	gateway   *gateway
	page      string
	mqtt      string
	down      []span
	stall     time.Duration // this machine's longest nap
	result    *Result
}

// Run carries out the proof.
func Run(ctx context.Context, o Options) (*Result, error) {
	r := &Result{Name: "escalation_kill9", Runs: o.Kills, Seed: o.Seed}
	b := &bench{o: o, random: rand.New(rand.NewPCG(o.Seed, 45839)), result: r}
	var err error
	if b.receivers, err = listen(o.Seed); err != nil {
		return r, err
	}
	defer b.receivers.close()
	if err := b.writeSite(ctx); err != nil {
		return r, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	naps := make(chan time.Duration, 1)
	go func() { naps <- longestNap(ctx) }()
	if err := b.kill(ctx); err != nil {
		return r, err
	}
	stop()
	b.stall = <-naps
	return r, b.judge(context.WithoutCancel(ctx))
}

// longestNap measures how long this machine lets nobody run.
func longestNap(ctx context.Context) (most time.Duration) {
	const step = 20 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		process.Pause(ctx, step)
		most = max(most, time.Since(began)-step)
	}
	return most
}

// kill starts the cloud and kills it, again and again, and lets it live in the end until all is told.
func (b *bench) kill(ctx context.Context) error {
	began := time.Now()
	for n := range b.o.Kills {
		p, err := b.start(ctx)
		if err != nil {
			return err
		}
		killed := make(chan bool, 1)
		life := time.Duration(300+b.random.IntN(1500)) * time.Millisecond
		go func() {
			process.Pause(ctx, life)
			killed <- p.Kill()
		}()
		up := b.gateway.live(ctx, p.Done(), time.Since(began))
		if !<-killed {
			if n == 0 {
				return errors.New("the cloud does not start: cloud.log says why")
			}
			b.result.wrong(&b.result.Failed, "start %d ended by itself", n+1)
		}
		b.isDown(up)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	p, err := b.start(ctx)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.isDown(b.gateway.live(ctx, p.Done(), 0))
	}()
	err = process.Until(ctx, patience, func() error { return b.told(ctx) })
	if stopped := p.Stop(); err == nil {
		err = stopped
	}
	<-ended
	return err
}

// isDown notes the time from the last death until the cloud was up again; that one began with the death before.
func (b *bench) isDown(up time.Time) {
	now := time.Now()
	if n := len(b.down); n > 0 {
		if up.IsZero() {
			b.down[n-1].to = now // it never came up in this life
		} else {
			b.down[n-1].to = up
		}
	}
	if up.IsZero() && len(b.down) > 0 {
		b.down[len(b.down)-1].to = now.Add(time.Hour) // goes on; the next life ends it
		return
	}
	b.down = append(b.down, span{now, now.Add(time.Hour)})
}

func (b *bench) start(ctx context.Context) (*process.Process, error) {
	p, err := process.Start(b.o.Dir, "cloud", filepath.Join(b.o.Bin, "cloud"), "run", "--config", "cloud.yaml")
	if err != nil {
		return nil, err
	}
	return p, ctx.Err()
}

func (b *bench) writeSite(ctx context.Context) error {
	for _, to := range []*string{&b.page, &b.mqtt} {
		port, err := freeport.Find()
		if err != nil {
			return err
		}
		*to = fmt.Sprintf("127.0.0.1:%d", port)
	}
	b.gateway = &gateway{broker: b.mqtt}
	for name, text := range map[string]string{"cloud.yaml": b.config(), "overdue.yaml": overdueRules(), "org.yaml": orgFile, "secret.key": secret} {
		if err := process.Write(b.o.Dir, name, text); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.o.Bin, "cloud"), "org", "import", "org.yaml", "--strict", "--config", "cloud.yaml")
	cmd.Dir = b.o.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("import organisation: %w\n%s", err, out)
	}
	return nil
}
