package modbus

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// turnAround is how long a serial device is taken to think before it answers. Good ones need less and meters far more;
// a small figure keeps the plan from reading along what would cost a quick device dearly.
const turnAround = 5 * time.Millisecond

// Bytes of a read request and of its answer without the data, with their framing.
const (
	rtuOut, rtuIn = 8, 5
	tcpOut, tcpIn = 12, 9
)

// tcpRoundTrip is a round trip in bytes. On a network alone it would be worth thousands; but there is often a converter
// behind the address, and a serial line behind that, for which every byte counts.
const tcpRoundTrip = 60

// A tariff is what reading costs on a channel, in time.
type tariff struct {
	request time.Duration // all of a request and its answer but the data, with the silence that must follow
	data    time.Duration // one byte of data
}

// tcpTariff counts a byte as one, whatever the network's speed.
func tcpTariff() tariff { return tariff{request: tcpOut + tcpIn + tcpRoundTrip, data: 1} }

// rtuTariff is that of a line with the settings that the device has on it.
func rtuTariff(ch device.Channel, points []device.Point) tariff {
	s := ch.Serial
	if points[0].Serial != nil {
		s = *points[0].Serial
	}
	char, silence := line.Character(s), line.Silence(s)
	return tariff{request: (rtuOut+rtuIn)*char + max(turnAround, silence) + max(ch.Pause, points[0].Register.Rest, silence), data: char}
}

// of is the cost of reading n registers or bits at once.
func (t tariff) of(s space, n uint32) time.Duration {
	return t.request + time.Duration(s.bytes(n))*t.data
}

// bytes that n registers or bits take in an answer.
func (s space) bytes(n uint32) int {
	if s.bits() {
		return int(n+7) / 8
	}
	return 2 * int(n)
}
