package line

import (
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// timing turns the settings of a line into times.
type timing struct {
	char    time.Duration // one character on the wire
	silence time.Duration // between two frames: 3.5 characters, at least 1.75 ms
	timeout time.Duration // longest wait for an answer, beside its time on the wire
	pause   time.Duration // rest between an answer and the next request
	settle  time.Duration // a frame that stands still this long is over
}

// Character is the time that one character takes on a line with these settings: start, eight data bits, parity if there is
// one, and stop bits. A second when no speed is set.
func Character(s device.Serial) time.Duration {
	bits := 10 // start, 8 data, stop
	if s.Parity == device.ParityEven || s.Parity == device.ParityOdd {
		bits++
	}
	if s.StopBits == 2 {
		bits++
	}
	if s.Baud <= 0 {
		return time.Second
	}
	return time.Duration(bits) * time.Second / time.Duration(s.Baud)
}

// Silence is how long a line with these settings rests between two frames: 3.5 characters, at least 1.75 ms.
func Silence(s device.Serial) time.Duration {
	// The Modbus guide fixes 1.75 ms above 19200 baud; a fixed 35/11 of a longer character serves below.
	return max(Character(s)*7/2, 1750*time.Microsecond)
}

// IsRemote says whether the address of a channel is a line behind a converter on the network.
func IsRemote(address string) bool { return strings.HasPrefix(address, remoteLine) }

func newTiming(ch device.Channel) timing {
	t := timing{timeout: ch.Timeout, pause: ch.Pause, char: Character(ch.Serial), silence: Silence(ch.Serial)}
	if t.timeout <= 0 {
		t.timeout = defaultTimeout
	}
	// USB adapters hand bytes over up to 16 ms late, busy ones later.
	t.settle = max(t.silence, 50*time.Millisecond)
	return t
}

// wire is the time that n characters take.
func (t timing) wire(n int) time.Duration { return time.Duration(n) * t.char }
