package rtsp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/device"
)

// ReadAnswer reads an answer, for the fuzzer.
func ReadAnswer(r io.Reader) (int, []string, error) {
	a, err := readAnswer(bufio.NewReader(r))
	return a.status, a.challenges, err
}

// Param finds a parameter of a challenge.
func Param(challenge, name string) string { return param(challenge, name) }

// ReasonOfStatus sorts what a camera answers to the library.
func ReasonOfStatus(line string) device.Reason { return reasonOfStatus(line) }

// ReadDescription reads a session description, for the fuzzer: it tells whether there is H.264 or H.265, and tries the
// parameter sets.
func ReadDescription(sdp []byte) bool {
	var s stream
	_ = s.read(sdp)
	readable := s.codec == h264 || s.codec == h265
	if readable {
		newUnpacker(s)
	}
	return readable
}

// Meter is one session's measurement, fed by hand.
type Meter struct{ meter }

// NewMeter measures with a short fuse for frozen pictures.
func NewMeter(frozenAfter time.Duration) *Meter {
	return &Meter{meter{still: stillness{after: frozenAfter}}}
}

// Frame feeds one frame of a picture of 1280×720.
func (m *Meter) Frame(at time.Duration, key bool, data []byte) {
	m.frame(at, &unit{key: key, data: data, sum: sumOf(0, data), weight: len(data)}, 3600)
}

// Rates of the last window.
func (m *Meter) Rates(at time.Duration) (fps, kbits float64, known bool) { return m.rates(at) }

// Frozen says whether the picture is suspected, and whether that is known.
func (m *Meter) Frozen() (frozen, known bool) { return m.still.frozen() }

// Black says whether the picture is suspected to be black.
func (m *Meter) Black() bool { return m.dark.black() }

// Stutters says whether frames pause too often.
func (m *Meter) Stutters() bool { return m.stutter.stutters() }

// Unpacked feeds RTP packets to an unpacker and a timeline, a packet each 40 ms from the arrival on, and gives the frames'
// times and segments.
func Unpacked(packets []*rtp.Packet, hevc bool, arrival time.Duration) (at []time.Duration, segments []int) {
	s := stream{codec: h264}
	if hevc {
		s.codec = h265
	}
	u, line := newUnpacker(s), timeline{}
	for i, p := range packets {
		if unit, complete := u.take(p); complete {
			at = append(at, line.place(arrival+time.Duration(i)*40*time.Millisecond, unit.dts))
			segments = append(segments, line.segment)
		}
	}
	return at, segments
}

// Remembered is how many moments are.
func (m *Meter) Remembered() int { return len(m.frames) }

// Usual is a camera's usual bit rate, fed by hand; an hour is one.
type Usual struct{ usual }

// Sample takes one rate.
func (u *Usual) Sample(at time.Duration, kbits float64) { u.sample(at, kbits, time.Hour) }

// Collapsed judges.
func (u *Usual) Collapsed(at time.Duration) bool { return u.collapsed(at) }

// Away begins another session.
func (u *Usual) Away() { u.away() }

// Kept is what is kept of a stream.
type Kept struct {
	unpack *unpacker
	ring   *ring
}

// Keep makes a ring of so many bytes, and what fills it.
func Keep(most int) *Kept { return KeepOf(most, false) }

// KeepOf is Keep, of H.265 too.
func KeepOf(most int, hevc bool) *Kept {
	s := stream{codec: h264}
	if hevc {
		s.codec = h265
	}
	return &Kept{newUnpacker(s), newRing(time.Hour, most)}
}

// Take takes a packet.
func (k *Kept) Take(p *rtp.Packet, at time.Duration) {
	if u, complete := k.unpack.take(p); complete && u.set != nil {
		k.ring.add(&frame{at: at, pts: u.pts, key: u.key, lost: u.lost, set: u.set, data: u.data})
	}
}

// Sound says what is wrong with the ring.
func (k *Kept) Sound() error {
	bytes, keys := 0, 0
	for i, f := range k.ring.frames {
		bytes += f.cost
		if f.key {
			if keys >= len(k.ring.keys) || k.ring.keys[keys] != k.ring.first+i {
				return fmt.Errorf("key frame %d is not among %v", k.ring.first+i, k.ring.keys)
			}
			keys++
		}
	}
	switch {
	case bytes != k.ring.bytes, bytes > k.ring.most:
		return fmt.Errorf("%d bytes, counted as %d of %d", bytes, k.ring.bytes, k.ring.most)
	case keys != len(k.ring.keys):
		return fmt.Errorf("%d key frames, counted as %v", keys, k.ring.keys)
	case len(k.ring.frames) > 0 && !k.ring.frames[0].key:
		return errors.New("it does not begin with a key frame")
	}
	return nil
}

// Drift is what a timeline measures of a camera whose clock runs faster by so many parts per million, in a time of 25 frames a second.
func Drift(ppm float64, watched time.Duration) (float64, bool) {
	line := timeline{}
	for at := time.Duration(0); at < watched; at += 40 * time.Millisecond {
		line.place(at+time.Hour, int64(at.Seconds()*(1+ppm/1e6)*timeScale))
	}
	return line.drift, line.driftKnown
}

// Gate is a host's.
type Gate struct{ *gate }

// NewGate is that of a host that nobody has called.
func NewGate() Gate { return Gate{(&conn{gates: map[string]*gate{}}).gate("host")} }

// Ask, Answer and End are what a camera's watcher says to it.
func (g Gate) Ask(ctx context.Context, who string) time.Duration { return g.ask(ctx, who) }

// Answer tells how an attempt has ended.
func (g Gate) Answer(who string, opened, refused bool) time.Duration {
	return g.answer(who, opened, refused)
}

// End is that of a session.
func (g Gate) End(who string) { g.end(who) }

// MayMean says whether a name of the configuration may mean an address.
func MayMean(host, to string) bool { return mayMean(host, netip.MustParseAddr(to)) }

// MayDial says whether a camera may redirect to an address.
func MayDial(camera, to string) bool {
	return mayDial(netip.MustParseAddr(camera), netip.MustParseAddr(to))
}
