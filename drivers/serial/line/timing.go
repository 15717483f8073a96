package line

import (
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

func newTiming(ch device.Channel) timing {
	bits := 10 // start, 8 data, stop
	if ch.Serial.Parity == device.ParityEven || ch.Serial.Parity == device.ParityOdd {
		bits++
	}
	if ch.Serial.StopBits == 2 {
		bits++
	}
	t := timing{timeout: ch.Timeout, pause: ch.Pause, char: time.Second}
	if ch.Serial.Baud > 0 {
		t.char = time.Duration(bits) * time.Second / time.Duration(ch.Serial.Baud)
	}
	if t.timeout <= 0 {
		t.timeout = defaultTimeout
	}
	// The Modbus guide fixes 1.75 ms above 19200 baud; a fixed 35/11 of a longer character serves below.
	t.silence = max(t.char*7/2, 1750*time.Microsecond)
	// USB adapters hand bytes over up to 16 ms late, busy ones later.
	t.settle = max(t.silence, 50*time.Millisecond)
	return t
}

// wire is the time that n characters take.
func (t timing) wire(n int) time.Duration { return time.Duration(n) * t.char }
