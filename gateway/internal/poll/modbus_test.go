package poll_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"testing"
	"time"

	"github.com/simonvetter/modbus"

	"github.com/linshao/linshao/drivers/device"
	drivers "github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// relays are 16 coils and 16 registers of every unit but 9, which is not there.
type relays struct{ coils [16]bool }

func (r *relays) HandleCoils(q *modbus.CoilsRequest) ([]bool, error) {
	if q.UnitId == 9 {
		return nil, modbus.ErrGWTargetFailedToRespond
	}
	if q.IsWrite {
		copy(r.coils[q.Addr:], q.Args)
	}
	return r.coils[q.Addr : q.Addr+q.Quantity], nil
}

func (r *relays) HandleInputRegisters(q *modbus.InputRegistersRequest) ([]uint16, error) {
	if q.UnitId == 9 {
		return nil, modbus.ErrGWTargetFailedToRespond
	}
	values := make([]uint16, q.Quantity)
	for i := range values {
		values[i] = uint16(q.UnitId)*100 + q.Addr + uint16(i)
	}
	return values, nil
}

func (r *relays) HandleDiscreteInputs(*modbus.DiscreteInputsRequest) ([]bool, error) {
	return nil, modbus.ErrIllegalFunction
}

func (r *relays) HandleHoldingRegisters(*modbus.HoldingRegistersRequest) ([]uint16, error) {
	return nil, modbus.ErrIllegalFunction
}

func TestAgainstAModbusServerThatIsNotOurs(t *testing.T) {
	addr := freeport.Address(t)
	server, err := modbus.NewServer(&modbus.ServerConfiguration{URL: "tcp://" + addr, Logger: log.New(io.Discard, "", 0)}, &relays{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	var devices []device.Device
	for unit := 1; unit <= 9; unit++ {
		id, address := fmt.Sprintf("d-%d", unit), fmt.Sprint(unit)
		devices = append(devices, device.Device{ID: id, Poll: 20 * time.Millisecond, Points: []device.Point{
			{Device: id, Name: "power", Address: address, Scale: 1, Register: device.Register{Space: "input", Addr: 3, Type: "u16"}},
			{Device: id, Name: "relay", Address: address, Scale: 1, Register: device.Register{Space: "coil", Addr: 2, Type: "bool"}, Writable: []float64{0, 1}}}})
	}
	p, err := poll.New(poll.Config{Channel: device.Channel{ID: "tcp", Driver: "modbus-tcp", Address: addr, Timeout: 10 * time.Second}, Driver: drivers.TCP{}, Devices: devices})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan []device.Reading)
	done := make(chan error, 1)
	go func() {
		done <- p.Run(ctx, out)
		close(out)
	}()
	good, bad := map[string]float64{}, map[string]device.Reason{}
	for len(good) < 8 || bad["d-9"] == device.ReasonNone {
		for _, r := range <-out {
			switch {
			case r.Point != "power":
			case r.Quality == device.Good:
				good[r.Device] = r.Value
			default:
				bad[r.Device] = r.Reason
			}
		}
	}
	if good["d-8"] != 803 || bad["d-9"] == device.ReasonNone {
		t.Errorf("good %v, bad %v", good, bad)
	}
	go func() {
		for range out {
		}
	}()
	key := device.Key{Device: "d-3", Point: "relay"}
	if err := p.Write(t.Context(), key, 1); err != nil {
		t.Error(err)
	}
	if r, err := p.Read(t.Context(), key); err != nil || r.Value != 1 || r.Quality != device.Good {
		t.Errorf("read back %+v, %v", r, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := p.Stats(); s.Requests < 10 || s.Busy <= 0 || s.Bad == 0 {
		t.Errorf("stats %+v", s)
	}
}
