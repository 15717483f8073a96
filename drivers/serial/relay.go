package serial

import (
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
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

// command moves the relay: 1 closed and 0 open, by the profile's scale. Whether the contacts moved is seen by reading the point.
func (dlt645) command(p device.Point, t target, v float64, now time.Time) ([]byte, error) {
	if !isRelay(p) {
		return nil, fmt.Errorf("of a DL/T 645 meter only the relay can be written: %w", errors.ErrUnsupported)
	}
	key, err := commandKey(p.Address)
	if err != nil {
		return nil, err
	}
	command := byte(relayClose)
	if bit := raw(p, v); bit == 1 {
		command = relayOpen
	} else if bit != 0 {
		return nil, fmt.Errorf("a relay is open or closed, not %v", v)
	}
	until := now.Add(commandLife).In(chinaTime)
	data := append(key[:], command, 0, bcd(until.Second()), bcd(until.Minute()), bcd(until.Hour()),
		bcd(until.Day()), bcd(int(until.Month())), bcd(until.Year()%100))
	return appendFrame(nil, t.address, controlRelay, data...), nil
}

func bcd(n int) byte { return byte(n/10<<4 | n%10) }

func (dlt645) refusal(f frame) error {
	switch f.control {
	case controlRelay | controlReply:
		return nil
	case controlRelay | controlReply | controlError:
		return refusal645(f)
	}
	return errNotMine
}
