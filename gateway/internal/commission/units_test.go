package commission_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	drivers "github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// server runs a Modbus TCP port with units, and answers the site that has it.
func server(t *testing.T, bank *modbus.Bank) *config.Site {
	t.Helper()
	s, err := modbus.NewTCP(modbus.TCPConfig{Listen: "127.0.0.1:0", Bank: bank})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return connected(s.Addr())
}

func connected(address string) *config.Site {
	return &config.Site{Channels: []config.Channel{{Channel: device.Channel{ID: "tcp", Driver: config.DriverModbusTCP, Address: address}}}}
}

func unitsFound(r commission.Report) string {
	var all []string
	for _, f := range r.Found {
		all = append(all, f.Address)
	}
	return strings.Join(all, " ")
}

// TestUnitsBehindAGateway are found, among those for which it says that nobody is there.
func TestUnitsBehindAGateway(t *testing.T) {
	t.Parallel()
	var bank modbus.Bank
	for _, n := range []byte{2, 5, 9} {
		bank.Add(n, "", sdm630())
	}
	r, err := service(t, server(t, &bank)).Scan(t.Context(), commission.ScanRequest{Channel: "tcp", TimeoutMS: 1000}, nil)
	if err != nil || unitsFound(r) != "2 5 9" || hinted(r.Hints, commission.HintAnyUnit) {
		t.Fatalf("%v, found %s, hints %+v", err, unitsFound(r), r.Hints)
	}
	if f := at(t, r, "5"); len(f.Candidates) < 2 || r.Settings[0].Frames != 32 {
		t.Errorf("after %d questions unit 5 is %+v", r.Settings[0].Frames, f)
	}
}

// TestAServerThatAnswersEveryUnit is one device, and stands once in the fragment.
func TestAServerThatAnswersEveryUnit(t *testing.T) {
	t.Parallel()
	var bank modbus.Bank
	for n := range 10 {
		bank.Add(byte(n+1), "", sdm630())
	}
	r, err := service(t, server(t, &bank)).Scan(t.Context(), commission.ScanRequest{Channel: "tcp", Addresses: ranges(t, "1-10"), TimeoutMS: 1000}, nil)
	if err != nil || len(r.Found) != 10 || !hinted(r.Hints, commission.HintAnyUnit) {
		t.Fatalf("%v, found %s, hints %+v", err, unitsFound(r), r.Hints)
	}
	if text := string(commission.Emit(r, config.English)); strings.Count(text, "profile:") != 1 {
		t.Errorf("the fragment is\n%s", text)
	}
}

// TestAGatewayThatWaitsLonger than the scan for each unit that is not there, one after the other: what it answers in the end belongs
// to those who were asked before, and none of them is missed.
func TestAGatewayThatWaitsLonger(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]bool{"and says that nobody is there": true, "and says nothing": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := slowGateway{wait: 150 * time.Millisecond, says: says, units: []byte{4, 7}, working: &sync.WaitGroup{}}
				defer slow.working.Wait() // time ends with the test
				s, err := commission.New(commission.Config{Site: connected("nowhere"), Lang: config.English, Open: func(ctx context.Context, ch device.Channel) (commission.Line, error) {
					conn, err := drivers.TCP{Dial: slow.dial}.Open(ctx, ch)
					return commission.OnConn(conn), err
				}})
				if err != nil {
					t.Fatal(err)
				}
				r, err := s.Scan(t.Context(), commission.ScanRequest{Channel: "tcp", Addresses: ranges(t, "1-16"), TimeoutMS: 50, Bare: true}, nil)
				if err != nil || unitsFound(r) != "4 7" {
					t.Errorf("%v, found %q after %d questions", err, unitsFound(r), r.Settings[0].Frames)
				}
			})
		})
	}
}

// A slowGateway answers for some units at once and waits for the others, each in its turn, as a serial line behind it makes it.
type slowGateway struct {
	wait    time.Duration // of the line, not of the test
	says    bool          // that nobody is there
	units   []byte
	working *sync.WaitGroup
}

// room is for so many requests, and answers, on their way.
const room = 256

func (g slowGateway) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	requests, answers := make(chan []byte, room), make(chan []byte, room)
	g.working.Go(func() {
		defer close(requests)
		for {
			req := make([]byte, 12)
			if _, err := io.ReadFull(far, req); err != nil {
				return
			}
			requests <- req
		}
	})
	g.working.Go(func() {
		defer close(answers)
		for req := range requests {
			if out := g.answer(req); out != nil {
				answers <- out
			}
		}
	})
	g.working.Go(func() {
		for out := range answers {
			_, _ = far.Write(out) // whoever has hung up needs none
		}
	})
	return near, nil
}

func (g slowGateway) answer(req []byte) []byte {
	out := append([]byte{}, req[:4]...)
	if slices.Contains(g.units, req[6]) {
		return append(binary.BigEndian.AppendUint16(out, 5), req[6], 3, 2, 0, 7)
	}
	if <-time.After(g.wait); !g.says {
		return nil
	}
	return append(binary.BigEndian.AppendUint16(out, 3), req[6], 0x83, 0x0B)
}
