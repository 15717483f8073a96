package poll_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	wire "github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// traced is a line whose driver tells what it does: its answers count up, and an address may be silent.
type traced struct {
	line
	n     byte
	aside int // reads in which it was to do as if nobody looked on
}

func (l *traced) Open(context.Context, device.Channel) (device.Conn, error) { return l, nil }

func (l *traced) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	rs, err := l.line.Read(ctx, points)
	if t := device.TraceOf(ctx); t != nil {
		if t.Aside {
			l.aside++
		}
		l.n++
		x := device.Exchange{Out: []byte(points[0].Address), In: []byte{l.n}, Took: 3 * time.Millisecond}
		if err == nil && rs[0].Reason == device.Timeout {
			x.In, x.Err = nil, &wire.Fault{Reason: device.Timeout}
		}
		t.Exchanged(x)
		if t.Found != nil {
			t.Found(points[0], x.In)
		}
	}
	return rs, err
}

// Plan reads each point by itself.
func (*traced) Plan(_ device.Channel, points []device.Point) (plan []device.Transaction, _ error) {
	for i := range points {
		plan = append(plan, device.Transaction{Points: []int{i}})
	}
	return plan, nil
}

// TestTheLastFramesOfADeviceAreKept: ten of each address, the newest ones, also of those that do not answer, and none that may not be.
func TestTheLastFramesOfADeviceAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &traced{line: line{timeout: 100 * time.Millisecond, silent: map[string]bool{"4": true}, writes: map[device.Key]float64{}}}
		b := startOn(t, poll.Config{Channel: device.Channel{ID: "c", Timeout: l.timeout}, Driver: l,
			Private: func(p device.Point) bool { return p.Address == "9" },
			Devices: []device.Device{dev("A.1", "3", time.Second), dev("A.2", "3", time.Second), dev("B", "4", time.Second), dev("door", "9", time.Second)}})
		pass(30 * time.Second)
		b.stop()
		frames, kept := b.Frames("A.2")
		if !kept || len(frames) != 10 {
			t.Fatal(kept, frames)
		}
		for i, f := range frames {
			if string(f.Out) != "3" || f.Why != device.ReasonNone || f.Took != 3*time.Millisecond || i > 0 && (f.In[0] <= frames[i-1].In[0] || f.At.Before(frames[i-1].At)) {
				t.Errorf("frame %d: %+v", i, f)
			}
		}
		if frames, kept := b.Frames("B"); !kept || len(frames) == 0 || frames[0].Why != device.Timeout || len(frames[0].In) > 0 {
			t.Error(kept, frames)
		}
		if frames, kept := b.Frames("door"); kept || frames != nil {
			t.Error("card numbers are kept:", frames)
		}
		if _, kept := b.Frames("nobody"); kept {
			t.Error("frames of nobody")
		}
		if l.aside == 0 || l.aside != int(l.n) {
			t.Errorf("%d of %d polls were read for somebody", int(l.n)-l.aside, l.n)
		}
	})
}

// TestATrialIsReadInTurn: request by request, so that a write waits for one of them alone; whoever reads sees the bytes, and the tape
// has them too. A lent line is left to who has it.
func TestATrialIsReadInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &traced{line: line{timeout: time.Second, writes: map[device.Key]float64{}}}
		b := startOn(t, poll.Config{Channel: device.Channel{ID: "c", Timeout: l.timeout}, Driver: l, Devices: []device.Device{dev("A", "3", time.Hour)}})
		pass(time.Second)
		seen, found := 0, 0
		ctx := device.WithTrace(t.Context(), &device.Trace{Exchanged: func(device.Exchange) { seen++ }, Found: func(device.Point, []byte) { found++ }})
		rs, err := b.ReadTrial(ctx, dev("A", "3", 0).Points)
		if err != nil || len(rs) != 2 || rs[1].Point != "relay" || rs[1].Quality != device.Good || seen != 2 || found != 2 {
			t.Fatal(rs, err, seen, found)
		}
		if frames, _ := b.Frames("A"); len(frames) < 3 || frames[len(frames)-1].In[0] != l.n {
			t.Error("the tape does not have it:", frames)
		}
		err = b.Lend(t.Context(), func(ctx context.Context) error {
			_, err := b.ReadTrial(ctx, dev("A", "3", 0).Points)
			return err
		})
		if !errors.Is(err, poll.ErrLent) {
			t.Error(err)
		}
		b.stop()
		if _, err := b.ReadTrial(t.Context(), dev("A", "3", 0).Points); !errors.Is(err, poll.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestATrialLeavesADeviceItsRest: one that needs a pause after each request is not asked before it is over.
func TestATrialLeavesADeviceItsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &traced{line: line{timeout: time.Second, writes: map[device.Key]float64{}}}
		tired := dev("A", "3", time.Hour)
		for i := range tired.Points {
			tired.Points[i].Register.Rest = 4 * time.Second
		}
		b := startOn(t, poll.Config{Channel: device.Channel{ID: "c", Timeout: l.timeout}, Driver: l, Devices: []device.Device{tired}})
		pass(10 * time.Second)
		began := time.Now()
		if _, err := b.ReadTrial(t.Context(), tired.Points); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 4*time.Second || took > 9*time.Second {
			t.Errorf("two requests after %v", took)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.ReadTrial(short, tired.Points); err == nil || !strings.Contains(err.Error(), "deadline") {
			t.Error(err)
		}
		b.stop()
	})
}

// TestTheTapeCostsNothing: what a poll puts on the tape takes the room of what it puts out.
func TestTheTapeCostsNothing(t *testing.T) {
	note := poll.NoteForTest(device.Point{Address: "3"})
	x := device.Exchange{Out: make([]byte, 8), In: make([]byte, 60)}
	for range 20 {
		note(x)
	}
	if n := testing.AllocsPerRun(100, func() { note(x) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
