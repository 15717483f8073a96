// Package command takes the commands that people in the cloud send down, and has the executor carry them out. It promises: a
// command is carried out only when the cloud's key signed it, for this gateway and the present session, and never after its time,
// which runs on the gateway's own monotonic clock; at most once, however often it comes; and what became of it is told by an
// event, which survives the connection. What was under way when the gateway ended is not repeated: the output is looked at, and
// that is told. Who may move what is the executor's matter (package action). The uplink brings commands, the app connects.
package command

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

// Limits of commands.
const (
	MaxTTL      = time.Minute      // of a command's life
	waiting     = 64               // commands between the uplink and Run
	remembered  = 1024             // answers kept for duplicates, none of them shorter than a command's life
	repeatMost  = 3                // how often a duplicate of a finished command is answered
	strangeRest = 10 * time.Second // between two answers to what cannot be trusted
	lookTime    = 10 * time.Second // for the state of an output after a restart
)

// Unknown is the outcome of a command that was under way when the gateway ended.
const Unknown = "unknown"

// Executor moves outputs; *action.Executor does.
type Executor interface {
	Ask(ctx context.Context, r action.Request) (action.Result, error)
	Safe(a rules.Action) bool
}

// Config is what a Desk needs.
type Config struct {
	Gateway   string
	Key       ed25519.PublicKey // of the cloud; nil: nothing is taken from afar
	Boot      uint32            // and when it began: the origin of a command's time
	Started   time.Time
	Executor  Executor
	Desire    func(ctx context.Context, d *wire.Desired) // takes the mode that the cloud wants, and answers; one after the other
	Configure func(ctx context.Context, c *wire.Config)  // takes its configuration, the same way
	Look      func(session uint64, l *wire.Look)         // takes who wants to see a camera; must not block; nil: nobody does
	Update    func(u *wire.Update)                       // takes its program; it does not block
	Read      func(ctx context.Context, key device.Key) (device.Reading, error)
	Record    func(*wire.ActionResult) // must not wait for disk or network
	Remember  func([]byte) error       // keeps what is under way, for Restore; when it answers, the disk has it
	Now       func() time.Time         // stamps answers
	Log       *slog.Logger
	Registry  prometheus.Registerer // nil: counted for nobody
}

// A Desk takes commands. Take may be called before Run, and by any goroutine.
type Desk struct {
	cfg   Config
	in    chan arrival
	wants chan *wire.Down // but for commands
	count *prometheus.CounterVec

	mu      sync.Mutex
	known   map[string]*entry
	order   []string // of known, oldest first
	open    []open   // under way
	left    []open   // of the run before
	strange time.Time

	saving sync.Mutex
}

type arrival struct {
	session uint64
	payload []byte
}

// An entry is what is known of one command's id.
type entry struct {
	result *wire.ActionResult // nil: under way
	told   int
	at     time.Duration // when it came
}

// open is a command under way, as the file has it.
type open struct {
	ID       string  `json:"id"`
	Issuer   string  `json:"issuer"`
	Approver string  `json:"approver,omitempty"`
	Device   string  `json:"device"`
	Point    string  `json:"point"`
	Value    float64 `json:"value"`
}

// New makes a desk.
func New(cfg Config) *Desk {
	d := &Desk{cfg: cfg, in: make(chan arrival, waiting), wants: make(chan *wire.Down, waiting), known: map[string]*entry{},
		count: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_commands_total", Help: "Commands from the cloud, by what was made of them."}, []string{"result"})}
	if cfg.Registry != nil {
		cfg.Registry.MustRegister(d.count)
	}
	return d
}

// Restore takes what Remember kept in the run before. Run tells what became of it.
func (d *Desk) Restore(data []byte) error {
	if err := json.Unmarshal(data, &d.left); err != nil {
		return fmt.Errorf("read commands under way: %w", err)
	}
	return nil
}

// Take hands over a payload of down/command and the session in which it came. It never blocks: what is too much is dropped, and
// the cloud sends it again as long as it lives.
func (d *Desk) Take(session uint64, payload []byte) {
	select {
	case d.in <- arrival{session, payload}:
	default:
		d.count.WithLabelValues("dropped").Inc()
	}
}

// Run carries out commands until ctx ends, and waits for those under way. The executor must run longer.
func (d *Desk) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	if len(d.left) > 0 {
		all.Go(func() { d.lookAfter(ctx) })
	}
	all.Go(func() { d.desires(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case a := <-d.in:
			if c := d.admit(a); c != nil {
				all.Go(func() { d.carryOut(ctx, c) })
			}
		}
	}
}

// desires hands on what the cloud wants, beside the commands: it waits for the rules.
func (d *Desk) desires(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-d.wants:
			switch kind := w.GetKind().(type) {
			case *wire.Down_Desired:
				d.cfg.Desire(ctx, kind.Desired)
			case *wire.Down_Config:
				d.cfg.Configure(ctx, kind.Config)
			case *wire.Down_Update:
				d.cfg.Update(kind.Update)
			}
		}
	}
}

// mono is now on the clock that commands live by.
func (d *Desk) mono() time.Duration { return time.Since(d.cfg.Started) }

// carryOut has a command done, and keeps its answer.
func (d *Desk) carryOut(ctx context.Context, c *wire.Command) {
	a := rules.Action{Device: c.GetAction().GetDevice(), Point: c.GetAction().GetPoint(), Value: c.GetAction().GetValue()}
	// Away from safe, the disk knows of it first: what a crash leaves half done is then told. Toward safe nothing is waited for.
	if err := d.begin(c); err != nil && !d.cfg.Executor.Safe(a) {
		d.cfg.Log.Error("command under way cannot be noted", "command", c.GetId(), "error", err)
		d.refuse(c, rules.Text{ZH: "网关磁盘写不进去，不离开安全状态", EN: "the gateway's disk takes nothing: nothing is moved away from safe"})
		d.end(c)
		return
	}
	until := d.cfg.Started.Add(time.Duration(c.GetUntilMs()) * time.Millisecond)
	r, err := d.cfg.Executor.Ask(context.WithoutCancel(ctx), action.Request{Owner: action.Cloud, Who: c.GetIssuer(), Approver: c.GetApprover(), Reason: c.GetReason(),
		Action: a, For: time.Duration(c.GetHoldMs()) * time.Millisecond, Command: c.GetId(), Until: until})
	if err != nil { // the executor has ended: it has told what had begun
		d.cfg.Log.Warn("command not carried out", "command", c.GetId(), "error", err)
		return
	}
	result := d.answer(c, r.Outcome, r.Why.EN)
	result.Attempts = r.Attempts
	d.finish(c, result)
	d.end(c)
}

// begin notes a command as under way; end that it is no more.
func (d *Desk) begin(c *wire.Command) error {
	d.mu.Lock()
	d.open = append(d.open, open{c.GetId(), c.GetIssuer(), c.GetApprover(), c.GetAction().GetDevice(), c.GetAction().GetPoint(), c.GetAction().GetValue()})
	d.mu.Unlock()
	return d.save()
}

func (d *Desk) end(c *wire.Command) {
	d.mu.Lock()
	for i := range d.open {
		if d.open[i].ID == c.GetId() {
			d.open = append(d.open[:i], d.open[i+1:]...)
			break
		}
	}
	d.mu.Unlock()
	if err := d.save(); err != nil {
		d.cfg.Log.Error("commands under way cannot be noted", "error", err)
	}
}

func (d *Desk) save() error {
	d.saving.Lock()
	defer d.saving.Unlock()
	d.mu.Lock()
	data, err := json.Marshal(append(append([]open{}, d.left...), d.open...))
	d.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encode commands under way: %w", err)
	}
	return d.cfg.Remember(data)
}

// lookAfter tells of commands that were under way when the gateway ended how their outputs stand now. Nothing is repeated.
func (d *Desk) lookAfter(ctx context.Context) {
	for _, o := range d.left {
		c := &wire.Command{Id: o.ID, Issuer: o.Issuer, Approver: o.Approver, Action: &wire.Action{Device: o.Device, Point: o.Point, Value: o.Value}}
		look, cancel := context.WithTimeout(ctx, lookTime)
		r, err := d.cfg.Read(look, device.Key{Device: o.Device, Point: o.Point})
		cancel()
		if ctx.Err() != nil {
			return // the file has it still
		}
		why := fmt.Sprintf("the gateway ended in the midst of it; it reads %v now", r.Value)
		if err != nil || r.Quality != device.Good {
			why = "the gateway ended in the midst of it; its state cannot be read"
		}
		d.tell(d.answer(c, Unknown, why))
	}
	d.mu.Lock()
	d.left = nil
	d.mu.Unlock()
	if err := d.save(); err != nil {
		d.cfg.Log.Error("commands under way cannot be noted", "error", err)
	}
}
