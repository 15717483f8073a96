package modbus_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/device/devicetest"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/firmware-sim/freeport"
	sv "github.com/simonvetter/modbus"
)

// missing skips a test whose counterpart is not installed; with LINSHAO_REQUIRE=1 nothing is skipped.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatal("needs " + what)
	}
	t.Skip("needs " + what)
}

func program(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+": apt-get install "+pkg)
	}
	return path
}

// start runs a program until the test ends.
func start(t *testing.T, name string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()         // killed: always an error
		if t.Failed() {
			t.Logf("%s said: %s", name, out.String())
		}
	})
}

// eventually tries until ready says so, for at most 60 s.
func eventually(t *testing.T, what string, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ready(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready", what)
		}
	}
}

// wirePair is a serial line between two programs: two ptys that socat joins.
func wirePair(t *testing.T) (near, far string) {
	t.Helper()
	dir := t.TempDir()
	near, far = filepath.Join(dir, "near"), filepath.Join(dir, "far")
	start(t, program(t, "socat", "socat"), "pty,raw,echo=0,link="+near, "pty,raw,echo=0,link="+far)
	eventually(t, "socat", func() bool {
		_, err1 := os.Stat(near)
		_, err2 := os.Stat(far)
		return err1 == nil && err2 == nil
	})
	return near, far
}

// conform waits until the counterpart answers and runs the suite against it.
func conform(t *testing.T, c devicetest.Case) {
	t.Helper()
	look := c.Channel
	look.Timeout = time.Second
	eventually(t, "the counterpart", func() bool {
		conn, err := c.Driver.Open(t.Context(), look)
		if err != nil {
			return false
		}
		defer conn.Close() //nolint:errcheck // only a look
		rs, err := conn.Read(t.Context(), []device.Point{c.Points[0].Point})
		return err == nil && rs[0].Quality == device.Good
	})
	devicetest.Run(t, c)
}

func pymodbus(t *testing.T) string {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pymodbus, serial_asyncio").Run(); err != nil {
		missing(t, "pymodbus: apt-get install python3-pymodbus python3-serial python3-serial-asyncio")
	}
	return python
}

func TestPymodbusTCP(t *testing.T) {
	python, port := pymodbus(t), freeport.Port(t)
	start(t, python, "testdata/pymodbus_server.py", "tcp", fmt.Sprint(port))
	ch := tcpChannel(fmt.Sprintf("127.0.0.1:%d", port), 10*time.Second)
	conform(t, sampleCase(modbus.TCP{}, ch))
	secondUnit(t, modbus.TCP{}, ch)
}

func TestPymodbusRTU(t *testing.T) {
	python := pymodbus(t)
	near, far := wirePair(t)
	start(t, python, "testdata/pymodbus_server.py", "rtu", far)
	ch := rtuChannel(near, 10*time.Second)
	conform(t, sampleCase(modbus.RTU{}, ch))
	secondUnit(t, modbus.RTU{}, ch)
}

// secondUnit reads two devices of one channel in turn.
func secondUnit(t *testing.T, d device.Driver, ch device.Channel) {
	t.Helper()
	c := open(t, d, ch)
	for range 3 {
		for _, unit := range []string{"1", "2"} {
			p := point("holding", 0, "u16")
			p.Address = unit
			if r := readOne(t, c, p); r.Quality != device.Good || r.Value != 2305 {
				t.Errorf("unit %s: got %+v", unit, r)
			}
		}
	}
}

func libmodbus(t *testing.T) string {
	t.Helper()
	gcc := program(t, "gcc", "gcc")
	server := filepath.Join(t.TempDir(), "server")
	out, err := exec.Command(gcc, "-o", server, "testdata/libmodbus_server.c", "-lmodbus").CombinedOutput()
	if bytes.Contains(out, []byte("modbus/modbus.h")) {
		missing(t, "libmodbus: apt-get install libmodbus-dev")
	}
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	return server
}

func TestLibmodbusTCP(t *testing.T) {
	server, port := libmodbus(t), freeport.Port(t)
	start(t, server, "tcp", fmt.Sprint(port))
	conform(t, sampleCase(modbus.TCP{}, tcpChannel(fmt.Sprintf("127.0.0.1:%d", port), 10*time.Second)))
}

func TestLibmodbusRTU(t *testing.T) {
	server := libmodbus(t)
	near, far := wirePair(t)
	start(t, server, "rtu", far)
	conform(t, sampleCase(modbus.RTU{}, rtuChannel(near, 10*time.Second)))
}

// simonvetter serves the sample unit by simonvetter/modbus; a unit that is not there is answered as gateways do.
type simonvetter struct{ u *unit }

func svBits(m map[uint16]bool, unit uint8, first, n uint16) ([]bool, error) {
	if unit != 1 {
		return nil, sv.ErrGWTargetFailedToRespond
	}
	var out []bool
	for i := range n {
		v, ok := m[first+i]
		if !ok {
			return nil, sv.ErrIllegalDataAddress
		}
		out = append(out, v)
	}
	return out, nil
}

func svWords(m map[uint16]uint16, unit uint8, first, n uint16) ([]uint16, error) {
	if unit != 1 {
		return nil, sv.ErrGWTargetFailedToRespond
	}
	var out []uint16
	for i := range n {
		v, ok := m[first+i]
		if !ok {
			return nil, sv.ErrIllegalDataAddress
		}
		out = append(out, v)
	}
	return out, nil
}

func (s simonvetter) HandleCoils(r *sv.CoilsRequest) ([]bool, error) {
	for i, v := range r.Args {
		s.u.coils[r.Addr+uint16(i)] = v
	}
	return svBits(s.u.coils, r.UnitId, r.Addr, r.Quantity)
}

func (s simonvetter) HandleDiscreteInputs(r *sv.DiscreteInputsRequest) ([]bool, error) {
	return svBits(s.u.discrete, r.UnitId, r.Addr, r.Quantity)
}

func (s simonvetter) HandleHoldingRegisters(r *sv.HoldingRegistersRequest) ([]uint16, error) {
	for i, v := range r.Args {
		s.u.holding[r.Addr+uint16(i)] = v
	}
	return svWords(s.u.holding, r.UnitId, r.Addr, r.Quantity)
}

func (s simonvetter) HandleInputRegisters(r *sv.InputRegistersRequest) ([]uint16, error) {
	return svWords(s.u.input, r.UnitId, r.Addr, r.Quantity)
}

func TestSimonvetterTCP(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", freeport.Port(t))
	s, err := sv.NewServer(&sv.ServerConfiguration{URL: "tcp://" + address, MaxClients: 5}, simonvetter{sampleUnit()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() }) // a test's end
	c := sampleCase(modbus.TCP{}, tcpChannel(address, 10*time.Second))
	c.Absent = "" // this server always answers something: what needs silence is shown elsewhere
	conform(t, c)
	p := c.Points[0].Point
	p.Address = "9"
	if r := readOne(t, open(t, modbus.TCP{}, c.Channel), p); r.Reason != device.Timeout {
		t.Errorf("exception 11 of a gateway: got %+v, want a time-out", r)
	}
}
