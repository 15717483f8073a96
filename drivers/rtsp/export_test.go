package rtsp

import (
	"bufio"
	"io"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// ReadAnswer reads the head of an answer, for the fuzzer.
func ReadAnswer(r io.Reader) (int, []string, error) { return readAnswer(bufio.NewReader(r)) }

// Param finds a parameter of a challenge.
func Param(challenge, name string) string { return param(challenge, name) }

// ReasonOfStatus sorts what a camera answers to the library.
func ReasonOfStatus(line string) device.Reason { return reasonOfStatus(line) }

// HasReadableVideo says whether a session description offers H.264 or H.265.
func HasReadableVideo(sdp []byte) bool { c := videoCodec(sdp); return c == h264 || c == h265 }

// Meter is one session's measurement, fed by hand.
type Meter struct{ meter }

// NewMeter measures with a short fuse for frozen pictures.
func NewMeter(frozenAfter time.Duration) *Meter {
	return &Meter{meter{still: stillness{after: frozenAfter}}}
}

// Packet feeds one slice of H.264.
func (m *Meter) Packet(at time.Time, stamp time.Duration, slice []byte) {
	m.packet(at, stamp, slice, false)
}

// Rates of the last window.
func (m *Meter) Rates(at time.Time) (fps, kbits float64, known bool) { return m.rates(at) }

// Frozen says whether the picture is suspected, and whether that is known.
func (m *Meter) Frozen() (frozen, known bool) { return m.still.frozen() }
