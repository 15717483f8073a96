package command_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/command"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const gateway, boot, session = "gw-0142", 7, 0xfeed

func key(fill byte) (ed25519.PrivateKey, ed25519.PublicKey) {
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, ed25519.SeedSize))
	p, _ := k.Public().(ed25519.PublicKey)
	return k, p
}

// hands is an executor that notes when it was asked for what.
type hands struct {
	began time.Time
	takes time.Duration
	safe  bool

	mu   sync.Mutex
	done map[string][]time.Duration // command → when, since began
	last action.Request
}

func (h *hands) Ask(_ context.Context, r action.Request) (action.Result, error) {
	h.mu.Lock()
	h.done[r.Command] = append(h.done[r.Command], time.Since(h.began))
	h.last = r
	h.mu.Unlock()
	pass(h.takes)
	return action.Result{Outcome: action.Confirmed, Attempts: 1}, nil
}

func (h *hands) Safe(rules.Action) bool { return h.safe }

// bench is a desk with all around it noted.
type bench struct {
	*hands
	desk *command.Desk
	mu   sync.Mutex
	told []*wire.ActionResult
	file []byte
	disk error
}

func newBench(cfg command.Config) *bench {
	b := &bench{hands: &hands{began: time.Now(), done: map[string][]time.Duration{}}}
	_, cfg.Key = key(1)
	cfg.Gateway, cfg.Boot, cfg.Started, cfg.Executor, cfg.Now, cfg.Log = gateway, boot, b.began, b.hands, time.Now, slog.New(slog.DiscardHandler)
	cfg.Read = func(context.Context, device.Key) (device.Reading, error) {
		return device.Reading{Value: 1, Quality: device.Good}, nil
	}
	cfg.Record = func(r *wire.ActionResult) {
		b.mu.Lock()
		b.told = append(b.told, r)
		b.mu.Unlock()
	}
	cfg.Remember = func(data []byte) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.disk == nil {
			b.file = data
		}
		return b.disk
	}
	b.desk = command.New(cfg)
	return b
}

// pass lets time pass, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// outcomes are what was told of a command, in their order.
func (b *bench) outcomes(id string) (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.told {
		if r.GetCommand() == id {
			all = append(all, r.GetOutcome())
		}
	}
	return all
}

func order(id string, until time.Duration) *wire.Command {
	return &wire.Command{Id: id, Session: session, Boot: boot, UntilMs: uint64(until.Milliseconds()), TtlMs: 15_000, Issuer: "陈敏",
		Reason: "test", Action: &wire.Action{Device: "siren-1", Point: "on", Value: 1}}
}

func signed(t *testing.T, fill byte, c *wire.Command) []byte {
	t.Helper()
	k, _ := key(fill)
	b, err := wire.Sign(k, &wire.Down{Gateway: gateway, Kind: &wire.Down_Command{Command: c}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.desk.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestWhateverTheLineDoes: commands come twice, late, in another order, in another session, or not at all. Each is carried out at
// most once, never after its time, and what was carried out is answered.
func TestWhateverTheLineDoes(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) { chaos(t, seed) })
	}
}

func chaos(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	b := newBench(command.Config{})
	b.takes = time.Duration(random.IntN(3000)) * time.Millisecond
	stop := b.run(t)
	type coming struct {
		at      time.Duration
		session uint64
		payload []byte
	}
	var line []coming
	until, lost := map[string]time.Duration{}, map[string]bool{}
	for i := range 20 {
		id := fmt.Sprintf("c-%d", i)
		made := time.Duration(random.IntN(60_000)) * time.Millisecond
		until[id] = made + 15*time.Second
		payload := signed(t, 1, order(id, until[id]))
		lost[id] = true
		for range random.IntN(4) { // none: it is lost
			c := coming{made + time.Duration(random.IntN(30_000))*time.Millisecond, session, payload}
			if random.IntN(5) == 0 {
				c.session = 0xdead // after a reconnect
			} else if c.at < until[id] {
				lost[id] = false
			}
			line = append(line, c)
		}
	}
	slices.SortFunc(line, func(x, y coming) int { return int(x.at - y.at) })
	for _, c := range line {
		pass(c.at - time.Since(b.began))
		b.desk.Take(c.session, c.payload)
		synctest.Wait()
	}
	pass(time.Minute)
	stop()
	for id, limit := range until {
		done := b.done[id]
		if len(done) > 1 || len(done) == 1 && done[0] > limit || lost[id] != (len(done) == 0) {
			t.Fatalf("seed %d, %s until %v: carried out at %v", seed, id, limit, done)
		}
		if told := b.outcomes(id); len(done) == 1 && slices.Contains(told, action.Refused) {
			t.Fatalf("seed %d, %s was carried out and told as %v", seed, id, told)
		}
	}
	if !bytes.Equal(b.file, []byte("[]")) && len(b.done) > 0 {
		t.Fatalf("under way at the end: %s", b.file)
	}
}

func TestADuplicateIsAnsweredAndNotDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(command.Config{})
		stop := b.run(t)
		payload := signed(t, 1, order("c-1", 10*time.Second))
		for range 10 {
			b.desk.Take(session, payload)
			synctest.Wait()
		}
		stop()
		if len(b.done["c-1"]) != 1 || len(b.outcomes("c-1")) != 3 { // the executor tells the first time
			t.Fatal(b.done, b.told)
		}
		if r := b.last; r.Owner != action.Cloud || r.Who != "陈敏" || r.Action != (rules.Action{Device: "siren-1", Point: "on", Value: 1}) || !r.Until.Equal(b.began.Add(10*time.Second)) {
			t.Fatalf("%+v", r)
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	late := order("late", 0)
	clock := order("clock", time.Minute)
	boots := order("boots", 10*time.Second)
	boots.Boot++
	long := order("long", 10*time.Second)
	long.TtlMs = 61_000
	nobody := order("nobody", 10*time.Second)
	nobody.Issuer = ""
	for _, c := range []struct {
		of   *wire.Command
		fill byte
		told []string
	}{
		{late, 1, []string{action.Refused}},
		{clock, 1, []string{action.Refused}},
		{order("forged", 10*time.Second), 2, []string{action.Refused}},
		{boots, 1, nil},
		{long, 1, nil},
		{nobody, 1, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(command.Config{})
			stop := b.run(t)
			b.desk.Take(session, []byte("rubbish"))
			pass(time.Second)
			if c.fill == 2 {
				pass(10 * time.Second) // the rubbish was not signed either
				c.of.UntilMs += 11_000
			}
			b.desk.Take(session, signed(t, c.fill, c.of))
			synctest.Wait()
			stop()
			if id := c.of.GetId(); !slices.Equal(b.outcomes(id), c.told) || len(b.done) > 0 {
				t.Errorf("%s: %v, done %v", id, b.told, b.done)
			}
		})
	}
}

func TestAFullDiskAllowsOnlyWhatIsSafe(t *testing.T) {
	for _, safe := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(command.Config{})
			b.safe, b.disk = safe, fmt.Errorf("no space")
			stop := b.run(t)
			b.desk.Take(session, signed(t, 1, order("c-1", 10*time.Second)))
			synctest.Wait()
			stop()
			if done := len(b.done["c-1"]) == 1; done != safe || !safe && !slices.Equal(b.outcomes("c-1"), []string{action.Refused}) {
				t.Errorf("safe %v: done %v, told %v", safe, done, b.told)
			}
		})
	}
}

// TestACrashInTheMidst: the next run looks at the output, tells that, and does nothing.
func TestACrashInTheMidst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(command.Config{})
		b.takes = time.Minute
		stop := b.run(t)
		b.desk.Take(session, signed(t, 1, order("c-1", 10*time.Second)))
		synctest.Wait()
		b.mu.Lock()
		file := bytes.Clone(b.file)
		b.mu.Unlock()

		next := newBench(command.Config{})
		if err := next.desk.Restore(file); err != nil {
			t.Fatal(err)
		}
		end := next.run(t)
		synctest.Wait()
		if told := next.outcomes("c-1"); !slices.Equal(told, []string{command.Unknown}) || len(next.done) > 0 || string(next.file) != "[]" {
			t.Errorf("told %v, done %v, file %s", told, next.done, next.file)
		}
		if why := next.told[0].GetReason(); why != "the gateway ended in the midst of it; it reads 1 now" {
			t.Error(why)
		}
		end()
		stop()
	})
	if newBench(command.Config{}).desk.Restore([]byte("{")) == nil {
		t.Error("a damaged file was taken")
	}
}
