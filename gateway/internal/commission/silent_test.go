package commission_test

import (
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/serial"
	"github.com/linshao/linshao/gateway/internal/commission"
)

// shy is a device that says nothing at all to what it does not have, instead of refusing it.
func shy(address byte, u modbus.Unit) serial.Slave {
	s := unit(address, u)
	hear := s.Answer
	s.Answer = func(request []byte) []byte {
		if answer := hear(request); answer != nil && answer[1]&0x80 == 0 {
			return answer
		}
		return nil
	}
	return s
}

// TestDevicesThatDoNotRefuse are found by the second question: an input register, or what they are configured with.
func TestDevicesThatDoNotRefuse(t *testing.T) {
	t.Parallel()
	input := &modbus.Unknown{Windows: []modbus.Window{{Table: modbus.Inputs, Hold: []uint16{2314, 82, 186}}}}
	odd := &modbus.Unknown{Windows: []modbus.Window{{Table: modbus.Holdings, At: 300, Hold: []uint16{2314, 82}}}}
	line := slaves(shy(2, input), shy(3, odd), shy(4, odd), unit(5, input))
	configured(line.site, "old", "3", device.Point{Name: "voltage", Protocol: "modbus", Register: device.Register{Space: "holding", Addr: 300, Type: "u32"}})
	r := scanned(t, line, "modbus", commission.ScanRequest{Addresses: commission.Ranges{{First: 1, Last: 5}}, Bare: true})
	if unitsFound(r) != "5 2 3" || r.Settings[0].Frames != 9 || r.Plan.Frames != 10 {
		t.Errorf("found %s after %d of %d questions", unitsFound(r), r.Settings[0].Frames, r.Plan.Frames)
	}
	if old := at(t, r, "3"); len(old.Configured) != 1 || hinted(r.Hints, commission.HintMissing) {
		t.Errorf("the configured one is %+v, hints %+v", old, r.Hints)
	}
}
