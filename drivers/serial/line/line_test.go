package line_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"github.com/tarm/serial"
	"go.uber.org/goleak"
)

// echo is the smallest protocol: the answer repeats the request's letter and ends with a dot.
type echo byte

func (e echo) Scan(got []byte, over bool) ([]byte, error) {
	if i := bytes.Index(got, []byte{byte(e), '.'}); i >= 0 {
		return got[i : i+2], nil
	}
	if over && len(got) > 0 {
		return nil, &line.Fault{Reason: device.Corrupt, Detail: string(got)}
	}
	return nil, nil
}

func ask(p *line.Port, to byte) ([]byte, error) {
	return p.Exchange(context.Background(), line.Request{Frame: []byte{to}, To: uint64(to), Expect: 2}, echo(to))
}

func channel(path string, timeout time.Duration) device.Channel {
	return device.Channel{ID: "rs485", Address: path, Serial: device.Serial{Baud: 115200}, Timeout: timeout}
}

func open(t *testing.T, path string, timeout time.Duration) *line.Port {
	t.Helper()
	before := goleak.IgnoreCurrent()
	p, err := line.Open(t.Context(), channel(path, timeout))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Close() // may be the second
		goleak.VerifyNone(t, before)
	})
	return p
}

func wantFault(t *testing.T, err error, reason device.Reason) {
	t.Helper()
	var f *line.Fault
	if !errors.As(err, &f) || f.Reason != reason {
		t.Fatalf("got %v, want a fault %q", err, reason)
	}
}

func TestExchange(t *testing.T) {
	w := linetest.New(t)
	w.Serve(t, 1, func(r []byte) { w.Send(r[0]); w.Send('.') })
	p := open(t, w.Path, 10*time.Second)
	for _, to := range []byte("abc") {
		if got, err := ask(p, to); err != nil || string(got) != string(to)+"." {
			t.Fatalf("got %q %v", got, err)
		}
	}
}

// The answer to a request that timed out arrives while the caller already wants the next value of the same device.
func TestLateAnswerIsSwallowed(t *testing.T) {
	w := linetest.New(t)
	var asked int
	w.Serve(t, 1, func(r []byte) {
		if asked++; asked > 1 {
			w.Send(r[0], '.')
		}
	})
	p := open(t, w.Path, time.Second)
	_, err := ask(p, 'a')
	wantFault(t, err, device.Timeout)
	w.Send('L', 'a', '.')
	start := time.Now()
	got, err := ask(p, 'a')
	if err != nil || string(got) != "a." {
		t.Fatalf("got %q %v", got, err)
	}
	if waited := time.Since(start); waited < 900*time.Millisecond {
		t.Errorf("asked again after %v: the late answer had no time to be swallowed", waited)
	}
}

// Noise ends an exchange long before its time-out. The answer is then still on its way, for twice the time-out of its request.
func TestLateAnswerBehindNoiseIsSwallowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, late := range []time.Duration{350 * time.Millisecond, 2*timeout - time.Millisecond} {
			r := &linetest.Rough{}
			p := line.OpenRough(r, channel("rough", timeout))
			r.Play(10*time.Millisecond, "xxxx")
			r.Play(late, "La.")
			_, err := ask(p, 'a')
			wantFault(t, err, device.Corrupt)
			if took, err := ask(p, 'a'); err == nil {
				t.Errorf("the answer %v after another request was taken: %q", late, took)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnotherDeviceNeedNotWait(t *testing.T) {
	w := linetest.New(t)
	w.Serve(t, 1, func(r []byte) {
		if r[0] == 'b' {
			w.Send('b', '.')
		}
	})
	p := open(t, w.Path, 3*time.Second)
	_, err := ask(p, 'a')
	wantFault(t, err, device.Timeout)
	start := time.Now()
	if _, err := ask(p, 'b'); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 2500*time.Millisecond {
		t.Errorf("a dead device cost its neighbour %v", took)
	}
}

// What one delicate device needs between two requests costs the others nothing.
func TestRestOfOneDevice(t *testing.T) {
	w := linetest.New(t)
	w.Serve(t, 1, func(r []byte) { w.Send(r[0], '.') })
	p := open(t, w.Path, 10*time.Second)
	gently := func(ctx context.Context, to byte) error {
		_, err := p.Exchange(ctx, line.Request{Frame: []byte{to}, To: uint64(to), Expect: 2, Rest: time.Hour}, echo(to))
		return err
	}
	if err := gently(t.Context(), 'a'); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(p, 'b'); err != nil {
		t.Fatalf("another device: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	wantFault(t, gently(ctx, 'a'), device.Timeout)
}

// Wrong bytes are known to be wrong when the line is silent again, long before the time-out.
func TestWrongAnswerEndsEarly(t *testing.T) {
	w := linetest.New(t)
	w.Serve(t, 1, func([]byte) { w.Send([]byte("xxxx")...) })
	p := open(t, w.Path, time.Minute)
	_, err := ask(p, 'a')
	wantFault(t, err, device.Corrupt)
}

// A device that drips one byte at a time must not extend its time.
func TestOneDeadlineForTheWholeAnswer(t *testing.T) {
	w := linetest.New(t)
	p := open(t, w.Path, 200*time.Millisecond)
	ctx, stop := context.WithCancel(t.Context())
	dripped := make(chan struct{})
	go func() {
		defer close(dripped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.Send('x')
			case <-ctx.Done():
				return
			}
		}
	}()
	start := time.Now()
	_, err := ask(p, 'a')
	took := time.Since(start)
	stop()
	<-dripped
	wantFault(t, err, device.Corrupt)
	if took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// A slow device's silence is not every other device's for the rest of the day.
func TestEachSpeedHasItsOwnSilence(t *testing.T) {
	p := open(t, linetest.New(t).Path, time.Second)
	fast := p.Silence()
	for _, s := range []*device.Serial{{Baud: 1200, Parity: device.ParityEven, StopBits: 1}, nil} {
		if err := p.Use(s); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Silence(); got != fast {
		t.Errorf("%v after a slow device, %v before", got, fast)
	}
}

func TestUnpluggedPortIsGone(t *testing.T) {
	w := linetest.New(t)
	p := open(t, w.Path, time.Minute)
	defer time.AfterFunc(50*time.Millisecond, w.Unplug).Stop()
	_, err := ask(p, 'a')
	var f *line.Fault
	if err == nil || errors.As(err, &f) {
		t.Fatalf("got %v, want an error that ends the channel", err)
	}
	if _, again := ask(p, 'a'); again == nil {
		t.Error("a port that is gone answered")
	}
}

// tarm/serial alone says (0, EOF) for an idle line and for an unplugged one: only the time tells them apart.
func TestTarmCannotTellUnpluggedFromIdle(t *testing.T) {
	w := linetest.New(t)
	port, err := serial.OpenPort(&serial.Config{Name: w.Path, Baud: 9600, ReadTimeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close() //nolint:errcheck // nothing to lose
	n, idle := port.Read(make([]byte, 8))
	if n != 0 || !errors.Is(idle, io.EOF) {
		t.Fatalf("idle: got %d %v", n, idle)
	}
	w.Unplug()
	n, gone := port.Read(make([]byte, 8))
	if n != 0 || !errors.Is(gone, io.EOF) {
		t.Fatalf("unplugged: got %d %v", n, gone)
	}
}

// tarm/serial without ReadTimeout: a blocked read survives Close. Ours ends at once, see TestCloseInterrupts.
func TestTarmCloseDoesNotEndARead(t *testing.T) {
	w := linetest.New(t)
	port, err := serial.OpenPort(&serial.Config{Name: w.Path, Baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = port.Read(make([]byte, 1))
	}()
	closed := make(chan struct{})
	defer time.AfterFunc(50*time.Millisecond, func() { _ = port.Close(); close(closed) }).Stop()
	select {
	case <-ended:
		t.Error("Close ended the read: tarm/serial was mended, the reader may become simpler")
	case <-time.After(400 * time.Millisecond):
	}
	w.Send('x')
	<-ended
	<-closed
}

func TestCloseInterrupts(t *testing.T) {
	w := linetest.New(t)
	p := open(t, w.Path, time.Minute)
	defer time.AfterFunc(50*time.Millisecond, func() { _ = p.Close() }).Stop()
	start := time.Now()
	if _, err := ask(p, 'a'); !errors.Is(err, line.ErrClosed) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestStalledWriteEnds(t *testing.T) {
	w := linetest.New(t)
	p := open(t, w.Path, 200*time.Millisecond)
	w.Stall(t)
	start := time.Now()
	_, err := ask(p, 'a')
	var f *line.Fault
	if err == nil || errors.As(err, &f) {
		t.Fatalf("got %v, want an error that ends the channel", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("write and close took %v", took)
	}
}

func TestLineIsTakenOnce(t *testing.T) {
	w := linetest.New(t)
	p := open(t, w.Path, time.Second)
	if _, err := line.Open(t.Context(), channel(w.Path, time.Second)); err == nil {
		t.Fatal("two masters on one line")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, w.Path, time.Second)
}

func TestBadSettingsAreNamed(t *testing.T) {
	w := linetest.New(t)
	bad := []device.Channel{
		{Address: w.Path, Serial: device.Serial{Baud: 9601}},
		{Address: w.Path, Serial: device.Serial{Baud: 9600, Parity: "mark"}},
		{Address: w.Path, Serial: device.Serial{Baud: 9600, StopBits: 3}},
		{Address: w.Path + "-none", Serial: device.Serial{Baud: 9600}},
	}
	for _, ch := range bad {
		if p, err := line.Open(t.Context(), ch); err == nil {
			t.Errorf("%+v was opened", ch.Serial)
			_ = p.Close() // only to clean up
		}
	}
}
