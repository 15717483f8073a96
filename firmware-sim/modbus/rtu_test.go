package modbus_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/serial"
)

func withCRC(b ...byte) []byte {
	crc := modbus.CRC(b)
	return append(b, byte(crc), byte(crc>>8))
}

func TestCRC(t *testing.T) {
	// The SDM120's example frame: 01 04 00 00 00 02 71 CB.
	if got := withCRC(1, 4, 0, 0, 0, 2); !bytes.Equal(got, []byte{1, 4, 0, 0, 0, 2, 0x71, 0xCB}) {
		t.Errorf("% X", got)
	}
}

// pipe puts slaves at the far end of an in-memory line.
func pipe(t *testing.T, bank *modbus.Bank) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() { modbus.NewRTU(bank, nil).Talk(far); close(done) }()
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
		<-done
	})
	return near
}

// talk writes a request and answers the want bytes that come back; with none wanted, what comes within a moment.
func talk(t *testing.T, c net.Conn, req []byte, want int) []byte {
	t.Helper()
	if _, err := c.Write(req); err != nil {
		t.Fatal(err)
	}
	patience := 20 * time.Second
	if want == 0 {
		patience = 150 * time.Millisecond
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	reply := make([]byte, 300)
	n, _ := io.ReadAtLeast(c, reply, max(want, 5))
	return reply[:n]
}

func TestRTUAnswers(t *testing.T) {
	c := pipe(t, files(2))
	for _, step := range []struct {
		what      string
		req, want []byte
	}{
		{"read", withCRC(2, 3, 0, 0, 0, 1), withCRC(2, 3, 2, 2, 1)},
		{"another unit", withCRC(3, 3, 0, 0, 0, 1), nil},
		{"count 0", withCRC(2, 3, 0, 0, 0, 0), withCRC(2, 0x83, 3)},
		{"count 126", withCRC(2, 4, 0, 0, 0, 126), withCRC(2, 0x84, 3)},
		{"beyond the end", withCRC(2, 3, 0xFF, 0xFF, 0, 2), withCRC(2, 0x83, 2)},
		{"write one", withCRC(2, 6, 0, 9, 0x12, 0x34), withCRC(2, 6, 0, 9, 0x12, 0x34)},
		{"read it back", withCRC(2, 4, 0, 9, 0, 1), withCRC(2, 4, 2, 0x12, 0x34)},
		{"write two", withCRC(2, 16, 0, 9, 0, 2, 4, 0, 1, 0, 2), withCRC(2, 16, 0, 9, 0, 2)},
		{"write two with a wrong byte count", withCRC(2, 16, 0, 9, 0, 2, 3, 0, 1, 0), withCRC(2, 0x90, 3)},
		{"coil value neither on nor off", withCRC(2, 5, 0, 0, 1, 0), withCRC(2, 0x85, 3)},
		{"damaged", []byte{2, 3, 0, 0, 0, 1, 0, 0}, nil},
		{"in step again", withCRC(2, 1, 0, 0, 0, 3), withCRC(2, 1, 1, 2)},
		{"half a frame", []byte{2, 3, 0}, nil},
		{"in step again", withCRC(2, 2, 0, 0, 0, 3), withCRC(2, 2, 1, 2)},
		{"a function unknown here", withCRC(2, 0x2B, 14, 1, 0), withCRC(2, 0xAB, 1)},
		{"broadcast write", withCRC(0, 6, 0, 9, 0, 77), nil},
		{"was heard", withCRC(2, 3, 0, 9, 0, 1), withCRC(2, 3, 2, 0, 77)},
	} {
		if got := talk(t, c, step.req, len(step.want)); !bytes.Equal(got, step.want) {
			t.Errorf("%s: % X, want % X", step.what, got, step.want)
		}
	}
}

func TestRTUFaults(t *testing.T) {
	faults := fault.New(1)
	var bank modbus.Bank
	bank.Add(2, "sick", modbus.NewRegisterFile(2, 10), faults)
	c := pipe(t, &bank)
	req, good := withCRC(2, 3, 0, 0, 0, 1), 7
	for _, step := range []struct {
		kind fault.Kind
		want int
		ok   func(reply []byte) bool
	}{
		{fault.Silent, 0, func(r []byte) bool { return len(r) == 0 }},
		{fault.Noise, good, func(r []byte) bool {
			return len(r) == good && modbus.CRC(r[:5]) != uint16(r[5])|uint16(r[6])<<8
		}},
		{fault.WrongUnit, good, func(r []byte) bool { return len(r) == good && r[0] == 3 && bytes.Equal(withCRC(r[:5]...), r) }},
		{fault.Late, 0, func(r []byte) bool { return len(r) == 0 }},
	} {
		faults.Set(step.kind, fault.Setting{Delay: time.Hour})
		if r := talk(t, c, req, step.want); !step.ok(r) {
			t.Errorf("%s: % X", step.kind, r)
		}
		faults.Clear(step.kind)
		if r := talk(t, c, req, good); len(r) != good || r[0] != 2 {
			t.Errorf("%s mended: % X", step.kind, r)
		}
	}
}

// onLine puts slaves on a pseudo-terminal and answers its path.
func onLine(t *testing.T, bank *modbus.Bank) string {
	t.Helper()
	line, err := serial.NewLine(serial.LineConfig{Path: filepath.Join(t.TempDir(), "rs485")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	slaves := modbus.NewRTU(bank, nil)
	go func() { done <- line.Serve(ctx, func(p serial.Port) { slaves.Talk(p) }) }()
	t.Cleanup(func() { cancel(); <-done })
	return line.Path()
}

func TestRTUAgainstMbpoll(t *testing.T) {
	mbpoll := need(t, "mbpoll", "mbpoll")
	path := onLine(t, files(2))
	out, err := exec.Command(mbpoll, "-m", "rtu", "-b", "9600", "-P", "none", "-a", "2", "-0", "-r", "10", "-t", "4", "-c", "3", "-1", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[12]: \t597") { // 2·256 + 12·7 + 1
		t.Errorf("mbpoll: %v\n%s", err, out)
	}
}

const pymodbus = `
import sys
from pymodbus.client import ModbusSerialClient
c = ModbusSerialClient(port=sys.argv[1], baudrate=9600, timeout=1)
assert c.connect()
print(c.read_holding_registers(0, 5, slave=2).registers)
print(c.read_input_registers(0, 2, slave=2).registers)
print(c.read_coils(0, 3, slave=2).bits[:3], c.read_discrete_inputs(1, 2, slave=2).bits[:2])
print(c.write_register(7, 4242, slave=2).isError(), c.read_holding_registers(7, 1, slave=2).registers)
print(c.write_registers(8, [1, 2], slave=2).isError(), c.read_holding_registers(8, 2, slave=2).registers)
print(c.write_coil(0, True, slave=2).exception_code, c.write_coils(0, [True] * 9, slave=2).exception_code)
print(c.read_holding_registers(299, 2, slave=2).exception_code)
c.close()
`

func TestRTUAgainstPymodbus(t *testing.T) {
	python := need(t, "/usr/bin/python3", "python3")
	if exec.Command(python, "-c", "import pymodbus, serial").Run() != nil {
		t.Skip("needs pymodbus: apt-get install python3-pymodbus python3-serial")
	}
	out, err := exec.Command(python, "-c", pymodbus, onLine(t, files(2))).CombinedOutput()
	want := strings.Join([]string{
		"[513, 520, 527, 534, 541]",
		"[514, 521]",
		"[False, True, False] [True, False]",
		"False [4242]",
		"False [1, 2]",
		"2 2",
		"2",
	}, "\n")
	if got := strings.TrimSpace(string(out)); err != nil || got != want {
		t.Errorf("pymodbus: %v\n%s", err, got)
	}
}

// byteLine is a line that brings fixed bytes and then ends.
type byteLine struct {
	*bytes.Reader
	bytes.Buffer
}

func (b *byteLine) Read(p []byte) (int, error)      { return b.Reader.Read(p) }
func (b *byteLine) Write(p []byte) (int, error)     { return b.Buffer.Write(p) }
func (b *byteLine) SetReadDeadline(time.Time) error { return nil }

func FuzzRTU(f *testing.F) {
	f.Add(withCRC(2, 3, 0, 0, 0, 1))
	f.Add(withCRC(2, 16, 0, 9, 0, 2, 4, 0, 1, 0, 2))
	f.Add(append(withCRC(2, 15, 0, 0, 0, 9, 2, 255, 1), withCRC(0, 5, 0, 0, 255, 0)...))
	f.Fuzz(func(t *testing.T, in []byte) {
		line := &byteLine{Reader: bytes.NewReader(in)}
		modbus.NewRTU(files(2), nil).Talk(line)
		for out := line.Buffer.Bytes(); len(out) > 0; {
			n := replySize(out)
			if n > len(out) || n > 256 || !bytes.Equal(withCRC(append([]byte(nil), out[:n-2]...)...), out[:n]) {
				t.Fatalf("not a reply: % X", out)
			}
			out = out[n:]
		}
	})
}

func replySize(b []byte) int {
	switch {
	case len(b) < 3:
		return 1 << 10
	case b[1] >= 0x80:
		return 5
	case b[1] <= 4:
		return 5 + int(b[2])
	}
	return 8
}

func FuzzTCP(f *testing.F) {
	f.Add([]byte{0, 9, 0, 0, 0, 6, 2, 3, 0, 0, 0, 2})
	f.Add([]byte{0, 9, 0, 0, 0, 11, 2, 16, 0, 0, 0, 2, 4, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, reply := range modbus.AnswerADUs(files(2), in) {
			if n := int(reply[4])<<8 + int(reply[5]); n != len(reply)-6 || len(reply) > 260 {
				t.Fatalf("length field %d in % X", n, reply)
			}
		}
	})
}
