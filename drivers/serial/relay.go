package serial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// The relay of a meter is read as bit 4 of status word 3, 1 when it is open (DL/T 645-2007, table of status words), and
// commanded by control code 1C.
const (
	statusWord3 = 0x04000503
	relayBit    = 4
	relayOpen   = 0x1A
	relayClose  = 0x1C
	// commandLife is how long a command that a meter keeps to itself stays valid.
	commandLife = 5 * time.Minute
)

// chinaTime is the time that meters keep, everywhere in China.
var chinaTime = time.FixedZone("UTC+8", 8*3600)

func isRelay(p device.Point) bool {
	f, err := parseFormat(p.Register.Type)
	return err == nil && p.Register.Addr == statusWord3 && f.bit == relayBit && f.at == 0
}

// Write implements device.Conn: it opens or closes a meter's relay, where the profile allows it and the operator's password is
// known. Whether the contacts moved is seen by reading the point.
func (m *meterLine) Write(ctx context.Context, p device.Point, v float64) error {
	if err := m.write(ctx, p, v); err != nil {
		return fmt.Errorf("write %s of %s: %w", p.Name, p.Device, err)
	}
	return nil
}

func (m *meterLine) write(ctx context.Context, p device.Point, v float64) error {
	switch {
	case len(p.Writable) == 0:
		return fmt.Errorf("the profile makes it read-only: %w", errors.ErrUnsupported)
	case !isRelay(p):
		return fmt.Errorf("of a DL/T 645 meter only the relay can be written: %w", errors.ErrUnsupported)
	case !p.Allows(v):
		return fmt.Errorf("the profile allows %v, not %v", p.Writable, v)
	}
	t := m.target(p)
	if t.err != nil {
		return t.err
	}
	key, err := commandKey(p.Address)
	if err != nil {
		return err
	}
	scale := p.Scale
	if scale == 0 {
		scale = 1
	}
	command := byte(relayClose)
	if bit := (v - p.Offset) / scale; bit == 1 {
		command = relayOpen
	} else if bit != 0 {
		return fmt.Errorf("a relay is open or closed, not %v", v)
	}
	until := m.now().Add(commandLife).In(chinaTime)
	data := append(key[:], command, 0, bcd(until.Second()), bcd(until.Minute()), bcd(until.Hour()),
		bcd(until.Day()), bcd(int(until.Month())), bcd(until.Year()%100))
	o := &order{to: t.address, control: controlRelay}
	_, err = m.port.Exchange(ctx, line.Request{Frame: appendFrame(nil, t.address, controlRelay, data...), To: t.address.id(),
		Expect: frameHead + frameTail}, o)
	if err == nil {
		err = o.refused
	}
	return err
}

func bcd(n int) byte { return byte(n/10<<4 | n%10) }

// An order is the command that is under way.
type order struct {
	to      meterAddress
	control byte
	refused error
	buf     [256]byte
}

// Scan implements line.Scanner: the meter repeats the control code, with the mark of a reply.
func (o *order) Scan(got []byte, over bool) ([]byte, error) {
	for rest := got; ; {
		f, used := nextFrame(rest, o.buf[:])
		if used == 0 {
			break
		}
		rest = rest[used:]
		if !o.to.matches(f.address) {
			continue
		}
		switch f.control {
		case o.control | controlReply:
			return got[:used], nil
		case o.control | controlReply | controlError:
			o.refused = f.refusal()
			return got[:used], nil
		}
	}
	if over && len(got) > 0 {
		return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes that are no reply", len(got))}
	}
	return nil, nil
}
