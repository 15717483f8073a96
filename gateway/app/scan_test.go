package app_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// remote is a gas valve at unit 2 of an RS-485 line. Nobody else is on the line.
type remote struct {
	mu     sync.Mutex
	open   bool
	closed time.Time
	reads  int
}

func (v *remote) answer(wire *linetest.Wire, request []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case request[0] != 2:
	case request[1] == 5: // write a coil: the answer is the request
		if v.open = request[4] == 0xFF; !v.open && v.closed.IsZero() {
			v.closed = time.Now()
		}
		wire.Send(request...)
	case request[1] == 1:
		v.reads++
		frame := []byte{2, 1, 1, 0}
		if v.open {
			frame[3] = 1
		}
		wire.Send(sealed(frame)...)
	}
}

// sealed is a frame with its check bytes.
func sealed(frame []byte) []byte {
	crc := uint16(0xFFFF)
	for _, b := range frame {
		crc ^= uint16(b)
		for range 8 {
			low := crc & 1
			if crc >>= 1; low == 1 {
				crc ^= 0xA001
			}
		}
	}
	return append(frame, byte(crc), byte(crc>>8))
}

// twoLines is the kitchen with its valve on a line of its own.
func twoLines(t *testing.T, dir, field, port string) *config.Site {
	t.Helper()
	site(t, dir, field)
	file := filepath.Join(dir, "site.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	valve := `      - {id: valve-1, profile: valve, address: "2", zone: k}` + "\n"
	one, found := strings.CutSuffix(string(text), valve)
	if !found {
		t.Fatal("the site has no valve at its end")
	}
	one += "  - id: valves\n    driver: modbus-rtu\n    address: " + port + "\n    baud: 9600\n    devices:\n" + valve
	if err := os.WriteFile(file, []byte(one), 0o600); err != nil {
		t.Fatal(err)
	}
	s, problems := config.Load(file, config.English)
	if s == nil {
		t.Fatal(problems)
	}
	return s
}

// TestALeakClosesTheValveDuringAScanOfItsLine: the scan gives the line back for the valve, and goes on where it was. The line
// of the detector that tells of the leak is lent to nobody.
func TestALeakClosesTheValveDuringAScanOfItsLine(t *testing.T) {
	k, valve, wire := &kitchen{}, &remote{open: true}, linetest.New(t)
	wire.Serve(t, 8, func(request []byte) { valve.answer(wire, request) })
	dir, err := os.MkdirTemp("", "scan") // short: a socket's path has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	g := start(t, app.Config{Site: twoLines(t, dir, k.serve(t), wire.Path)})
	eventually(t, "the detector is read", func() bool { reads, _, _ := k.state(); return reads > 2 })
	client := commission.Dial(t.Context(), filepath.Join(dir, "data"))
	if client == nil {
		t.Fatal("nobody listens on the control socket")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	addresses, err := commission.ParseRanges("10-200", 1, 247)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var steps []string // of the scan: addresses, and the word recalled
	seen := func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(steps) }
	done := make(chan error, 1)
	go func() {
		_, err := client.Scan(ctx, commission.ScanRequest{Channel: "valves", Addresses: addresses, TimeoutMS: 250, Bare: true}, func(p commission.Progress) {
			mu.Lock()
			defer mu.Unlock()
			switch p.Kind {
			case commission.Tried:
				steps = append(steps, p.What)
			case commission.Recalled:
				steps = append(steps, p.Kind)
			}
		})
		done <- err
	}()
	eventually(t, "the scan asks", func() bool { return len(seen()) > 3 })

	leaked := time.Now()
	k.set(62)
	var took time.Duration
	eventually(t, "the valve closes", func() bool {
		valve.mu.Lock()
		defer valve.mu.Unlock()
		took = valve.closed.Sub(leaked)
		return !valve.closed.IsZero()
	})
	if took > 5*time.Second {
		t.Errorf("the valve closed %v after the leak", took)
	}
	reading, _, _ := k.state()
	if _, err := client.Scan(t.Context(), commission.ScanRequest{Channel: "tcp", Addresses: addresses, Bare: true}, nil); !errors.Is(err, poll.ErrAlarm) || !strings.Contains(err.Error(), "class A") {
		t.Errorf("the line of the leak was lent: %v", err)
	}
	eventually(t, "the detector is read on", func() bool { reads, _, _ := k.state(); return reads > reading+2 })
	recalled := func() int { return slices.Index(seen(), commission.Recalled) }
	eventually(t, "the scan goes on", func() bool { at := recalled(); return at >= 0 && len(seen()) > at+4 })
	all := slices.DeleteFunc(seen(), func(s string) bool { return s == commission.Recalled })
	if sorted := slices.Compact(slices.Clone(all)); len(sorted) != len(all) || !strings.HasSuffix(all[0], " 10") {
		t.Errorf("the scan asked %v", all)
	}
	stop()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	reads := func() int { valve.mu.Lock(); defer valve.mu.Unlock(); return valve.reads }
	before := reads()
	eventually(t, "the valve is polled again", func() bool { return reads() > before+3 })
	g.stop()
	if got := strings.Join(events(t, dir), ", "); !strings.Contains(got, "R16 firing, valve-1 intent, valve-1 confirmed") || strings.Contains(got, "valve-1 online false") {
		t.Errorf("events: %s", got)
	}
	t.Logf("the valve closed %v after the leak, in the midst of a scan", took)
}
