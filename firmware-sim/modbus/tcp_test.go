package modbus_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sv "github.com/simonvetter/modbus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/modbus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// need finds a counterpart program, or skips by name.
func need(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("LINSHAO_REQUIRE") == "1" {
			t.Fatalf("needs %s: apt-get install %s", program, pkg)
		}
		t.Skipf("needs %s: apt-get install %s", program, pkg)
	}
	return path
}

// serve runs a TCP port until the test ends.
func serve(t *testing.T, cfg modbus.TCPConfig) *modbus.TCP {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	s, err := modbus.NewTCP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func master(t *testing.T, addr string, timeout time.Duration) *sv.ModbusClient {
	t.Helper()
	c, err := sv.NewClient(&sv.ClientConfiguration{URL: "tcp://" + addr, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func files(units ...byte) *modbus.Bank {
	var b modbus.Bank
	for _, u := range units {
		b.Add(u, "file", modbus.NewRegisterFile(u, 300), nil)
	}
	return &b
}

func TestTCPAgainstSimonvetter(t *testing.T) {
	s := serve(t, modbus.TCPConfig{Bank: files(1, 2)})
	c := master(t, s.Addr(), 20*time.Second)
	for k := uint16(1); k <= 3; k++ {
		_ = c.SetUnitId(2)
		got, err := c.ReadRegisters(10, 125, sv.HOLDING_REGISTER)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if want := modbus.Counter(2, 10+uint16(i), k); v != want {
				t.Fatalf("register %d, reading %d: %d, want %d", 10+i, k, v, want)
			}
		}
	}
	if err := c.WriteRegisters(5, []uint16{7, 8, 9}); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteRegister(6, 88); err != nil {
		t.Fatal(err)
	}
	if got, err := c.ReadRegisters(5, 3, sv.INPUT_REGISTER); err != nil || got[0] != 7 || got[1] != 88 || got[2] != 9 {
		t.Errorf("after the writes: %v %v", got, err)
	}
	if bits, err := c.ReadCoils(0, 17); err != nil || len(bits) != 17 || bits[0] || !bits[15] {
		t.Errorf("coils: %v %v", bits, err)
	}
	if err := c.WriteCoil(0, true); !errors.Is(err, sv.ErrIllegalDataAddress) {
		t.Errorf("a coil of a register file was written: %v", err)
	}
	if _, err := c.ReadRegisters(299, 2, sv.HOLDING_REGISTER); !errors.Is(err, sv.ErrIllegalDataAddress) {
		t.Errorf("beyond the end: %v", err)
	}
	_ = c.SetUnitId(77)
	if _, err := c.ReadRegisters(0, 1, sv.HOLDING_REGISTER); !errors.Is(err, sv.ErrGWTargetFailedToRespond) {
		t.Errorf("a unit that is not there: %v", err)
	}
}

func TestTCPAgainstMbpoll(t *testing.T) {
	mbpoll := need(t, "mbpoll", "mbpoll")
	s := serve(t, modbus.TCPConfig{Bank: files(2)})
	_, port, _ := net.SplitHostPort(s.Addr())
	out, err := exec.Command(mbpoll, "-m", "tcp", "-p", port, "-a", "2", "-0", "-r", "0", "-t", "4", "-c", "3", "-1", "127.0.0.1").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[2]: \t527") { // 2·256 + 2·7 + 1
		t.Errorf("mbpoll: %v\n%s", err, out)
	}
}

func TestSixHundredConnectionsAtOnce(t *testing.T) {
	s := serve(t, modbus.TCPConfig{Bank: files(1)})
	const n = 650
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer c.Close()
		conns[i] = c
	}
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			req := []byte{byte(i >> 8), byte(i), 0, 0, 0, 6, 1, 3, 0, 0, 0, 20}
			if _, err := c.Write(req); err != nil {
				t.Error(err)
				return
			}
			reply := make([]byte, 9+40)
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.ReadFull(c, reply); err != nil || binary.BigEndian.Uint16(reply) != uint16(i) {
				t.Errorf("connection %d: % x %v", i, reply[:9], err)
			}
		})
	}
	wg.Wait()
}

// ask sends one read of unit 1 and answers the reply, or nil when there is none in time.
func ask(t *testing.T, c net.Conn, wait time.Duration) []byte {
	t.Helper()
	if _, err := c.Write([]byte{0, 9, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2}); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 13)
	_ = c.SetReadDeadline(time.Now().Add(wait))
	if _, err := io.ReadFull(c, reply); err != nil {
		return nil
	}
	return reply
}

func TestTCPFaults(t *testing.T) {
	faults := fault.New(1)
	var bank modbus.Bank
	bank.Add(1, "sick", modbus.NewRegisterFile(1, 10), faults)
	bank.Add(2, "healthy", modbus.NewRegisterFile(2, 10), fault.New(2))
	s := serve(t, modbus.TCPConfig{Bank: &bank})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const soon = 20 * time.Second

	// The sick unit is asked first, and the healthy one beside it has the only answer.
	faults.Set(fault.Silent, fault.Setting{})
	if _, err := conn.Write([]byte{0, 8, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2, 0, 8, 0, 0, 0, 6, 2, 3, 0, 0, 0, 2}); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 13)
	_ = conn.SetReadDeadline(time.Now().Add(soon))
	if _, err := io.ReadFull(conn, reply); err != nil || reply[6] != 2 {
		t.Errorf("silent: % x %v", reply, err)
	}
	faults.Clear(fault.Silent)

	faults.Set(fault.WrongUnit, fault.Setting{})
	if r := ask(t, conn, soon); r == nil || r[6] != 2 {
		t.Errorf("wrong unit: % x", r)
	}
	faults.Clear(fault.WrongUnit)

	faults.Set(fault.Noise, fault.Setting{})
	if r := ask(t, conn, soon); r == nil || r[1] == 9 {
		t.Errorf("noise: % x", r)
	}
	faults.Clear(fault.Noise)

	faults.Set(fault.Late, fault.Setting{Delay: 200 * time.Millisecond})
	began := time.Now()
	if r := ask(t, conn, soon); r == nil || time.Since(began) < 200*time.Millisecond {
		t.Errorf("late: % x after %v", r, time.Since(began))
	}
	faults.Clear(fault.Late)
	if r := ask(t, conn, soon); r == nil || r[1] != 9 || r[6] != 1 {
		t.Errorf("mended: % x", r)
	}
}

func TestCutClosesAndRefuses(t *testing.T) {
	cut := fault.New(1)
	s := serve(t, modbus.TCPConfig{Bank: files(1), Faults: cut})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if ask(t, conn, 20*time.Second) == nil {
		t.Fatal("no answer while all is well")
	}
	cut.Set(fault.Cut, fault.Setting{})
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection lives on: %v", err)
	}
	if c, err := net.DialTimeout("tcp", s.Addr(), time.Second); err == nil {
		c.Close()
		t.Error("a cut port accepts connections")
	}
	cut.Clear(fault.Cut)
	deadline := time.Now().Add(20 * time.Second)
	for {
		c, err := net.Dial("tcp", s.Addr())
		if err == nil {
			defer c.Close()
			if ask(t, c, 20*time.Second) == nil {
				t.Error("reopened, and no answer")
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the port did not come back: %v", err)
		}
	}
}

func TestRubbishEndsOnlyItsConnection(t *testing.T) {
	s := serve(t, modbus.TCPConfig{Bank: files(1)})
	bad, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	if _, err := bad.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = bad.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := bad.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("rubbish is kept waiting: %v", err)
	}
	if _, err := master(t, s.Addr(), 20*time.Second).ReadRegisters(0, 1, sv.HOLDING_REGISTER); err != nil {
		t.Error(err)
	}
}

func TestJournalHoldsWhatWasServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "served.jsonl")
	j, err := modbus.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	faults := fault.New(1)
	var bank modbus.Bank
	bank.Add(1, "bench-1", modbus.NewRegisterFile(1, 20), faults)
	s := serve(t, modbus.TCPConfig{Bank: &bank, Journal: j})
	c := master(t, s.Addr(), 20*time.Second)
	var want [][]uint16
	for range 50 {
		v, err := c.ReadRegisters(3, 4, sv.HOLDING_REGISTER)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, v)
	}
	_, _ = c.ReadRegisters(19, 4, sv.HOLDING_REGISTER) // refused: not served
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	n := 0
	for ; lines.Scan(); n++ {
		var l struct {
			US     int64    `json:"us"`
			Device string   `json:"device"`
			Unit   int      `json:"unit"`
			Table  string   `json:"table"`
			At     int      `json:"at"`
			Values []uint16 `json:"values"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("line %d: %v: %s", n+1, err, lines.Text())
		}
		if l.Device != "bench-1" || l.Unit != 1 || l.Table != "holding" || l.At != 3 || l.US == 0 || n >= len(want) || l.Values[3] != want[n][3] {
			t.Fatalf("line %d: %s", n+1, lines.Text())
		}
	}
	if n != 50 {
		t.Errorf("%d lines, 50 answers", n)
	}
}
