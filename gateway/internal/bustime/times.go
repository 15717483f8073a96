package bustime

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// What is assumed of devices and networks, unless the channel's turnaround says otherwise. A device of one processor begins its
// answer after 5 to 45 ms; a meter of DL/T 645 must take at least 20 ms and may take 500. Who is slower than assumed here makes a
// line busier than planned, which the measured utilisation then shows.
const (
	turnaround      = 20 * time.Millisecond // Modbus
	turnaroundMeter = 50 * time.Millisecond // DL/T 645, CJ/T 188
	turnaroundOSDP  = 10 * time.Millisecond
	roundTrip       = 5 * time.Millisecond   // a request to a device on the local network
	leastRoundTrip  = 100 * time.Microsecond // no network has less
	converter       = 20 * time.Millisecond  // what a converter on the network adds: it waits whether more bytes come
)

// usual is the turn-around that a protocol's devices have. The driver's name says the protocol where a line has only one.
func usual(driver, protocol string) time.Duration {
	if protocol == "" {
		protocol = driver
	}
	switch protocol {
	case "dlt645", "cjt188":
		return turnaroundMeter
	case "osdp":
		return turnaroundOSDP
	}
	return turnaround
}

// times turn bytes into time, for one device.
type times struct {
	char       time.Duration // one character; 0 on a network
	rest       time.Duration // before a request: the line's silence, or the channel's pause where that is longer
	pause      time.Duration // that the device itself needs: the line is free then
	turnaround time.Duration
	least      func(device.Transaction) time.Duration
	timeout    time.Duration
}

func (l Line) times(p device.Point) times {
	t := times{rest: l.Channel.Pause, pause: p.Register.Rest, turnaround: l.Turnaround, timeout: l.Channel.Timeout}
	settings := l.Channel.Serial
	if p.Serial != nil {
		settings = *p.Serial
	}
	if settings.Baud <= 0 {
		if t.turnaround == 0 {
			t.turnaround = roundTrip
		}
		t.least = func(device.Transaction) time.Duration { return max(l.Channel.Pause, leastRoundTrip) }
		return t
	}
	if t.turnaround == 0 {
		t.turnaround = usual(l.Channel.Driver, p.Protocol)
	}
	t.turnaround += remote(l.Channel.Address)
	t.char, t.rest = line.Character(settings), max(line.Silence(settings), l.Channel.Pause)
	t.least = func(x device.Transaction) time.Duration { return t.rest + t.wire(x) }
	return t
}

// wire is what the bytes of a request and its answer take.
func (t times) wire(x device.Transaction) time.Duration {
	return time.Duration(x.Out+x.In) * t.char
}

func (t times) took(x device.Transaction) time.Duration { return t.rest + t.wire(x) + t.turnaround }

// own is for how long a request and the pause after it keep its device from the next one. On a network only the pause is known.
func (t times) own(x device.Transaction) time.Duration {
	if t.char == 0 {
		return max(t.pause, t.rest)
	}
	return t.took(x) - t.rest + max(t.pause, t.rest)
}

// silent is what a request costs that is met with silence.
func (t times) silent(x device.Transaction) time.Duration { return t.rest + t.wire(x) + t.timeout }
