package bustime_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/osdp"
	"github.com/linshao/linshao/gateway/internal/bustime"
)

const ms = time.Millisecond

// meterDevice is a DL/T 645 meter with n values of two bytes.
func meterDevice(n, values int, poll time.Duration) device.Device {
	d := device.Device{ID: fmt.Sprintf("meter-%d", n), Poll: poll}
	for v := range values {
		d.Points = append(d.Points, device.Point{Device: d.ID, Name: fmt.Sprint(v), Address: fmt.Sprintf("%012d", n),
			Register: device.Register{Addr: 0x02010000 + uint32(v), Type: "XXX.X"}})
	}
	return d
}

func meterLine(devices ...device.Device) bustime.Line {
	return bustime.Line{Channel: device.Channel{ID: "rs485-2", Driver: "dlt645", Address: "/dev/ttyS2", Timeout: time.Second,
		Serial: device.Serial{Baud: 2400, Parity: device.ParityEven, StopBits: 1}}, Devices: devices, Planner: serial.DLT645{}}
}

// The arithmetic by hand: at 2400 8E1 a character takes 11/2400 s. A request has 20 bytes, its answer 4+16+2; before it 3.5 characters
// of silence, between the two 50 ms.
func TestOneMeter(t *testing.T) {
	p := bustime.Of(meterLine(meterDevice(1, 3, 5*time.Second)))
	one := (3.5+20+22)*11.0/2400 + 0.050
	if got := p.Cycle.Seconds(); math.Abs(got-3*one) > 1e-6 {
		t.Errorf("a round takes %.6f s, want %.6f", got, 3*one)
	}
	if want := 3 * one / 5; math.Abs(p.Utilisation-want) > 1e-6 || math.Abs(p.Units[0].Share-want) > 1e-6 {
		t.Errorf("used for %.6f, want %.6f", p.Utilisation, want)
	}
	if want := 3 * (one - 0.050) / 5; math.Abs(p.Least-want) > 1e-6 {
		t.Errorf("at least %.6f, want %.6f", p.Least, want)
	}
	if got, want := p.Units[0].Silent.Seconds(), one-0.050+1; math.Abs(got-want) > 1e-6 {
		t.Errorf("silence costs %.6f s, want %.6f", got, want)
	}
	if len(p.Units[0].Requests) != 3 || p.Units[0].Requests[0].What != "02 01 00 00" || p.Impossible() || p.Tight() || p.Shortest(bustime.Busy) != 0 {
		t.Errorf("got %+v", p)
	}
}

func TestWhatAddsToARequest(t *testing.T) {
	base := meterLine(meterDevice(1, 1, time.Second))
	took := func(change func(*bustime.Line)) time.Duration {
		l := base
		change(&l)
		return bustime.Of(l).Cycle
	}
	plain := took(func(*bustime.Line) {})
	if got := took(func(l *bustime.Line) { l.Turnaround = 80 * ms }); got != plain+30*ms {
		t.Errorf("a slower device: %v after %v", got, plain)
	}
	if got := took(func(l *bustime.Line) { l.Channel.Pause = 10 * ms }); got != plain {
		t.Errorf("a pause within the silence of 16 ms: %v after %v", got, plain)
	}
	if got := took(func(l *bustime.Line) { l.Channel.Pause = 100 * ms }); got < plain+80*ms || got > plain+100*ms {
		t.Errorf("a pause of 100 ms: %v after %v", got, plain)
	}
	two := meterDevice(1, 2, time.Second)
	both := took(func(l *bustime.Line) { l.Devices = []device.Device{two} })
	for i := range two.Points {
		two.Points[i].Register.Rest = 500 * ms
	}
	if got := took(func(l *bustime.Line) { l.Devices = []device.Device{two} }); got != both {
		t.Errorf("two requests to a device that rests 500 ms between them, while the line is free: %v after %v", got, both)
	}
	if got := took(func(l *bustime.Line) { l.Channel.Address = "tcp://192.168.1.20:8899" }); got <= plain {
		t.Errorf("behind a converter: %v after %v", got, plain)
	}
	own := meterDevice(1, 1, time.Second)
	own.Points[0].Serial = &device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}
	if got := took(func(l *bustime.Line) { l.Devices = []device.Device{own} }); got >= plain {
		t.Errorf("a device that is faster than its line: %v after %v", got, plain)
	}
}

// A device's own pause is no time of the line: it only keeps the device itself from being asked more often.
func TestADevicesPause(t *testing.T) {
	plain, slow := meterDevice(1, 3, time.Second), meterDevice(1, 3, time.Second)
	for i := range slow.Points {
		slow.Points[i].Register.Rest = 200 * ms
	}
	before, p := bustime.Of(meterLine(plain)), bustime.Of(meterLine(slow))
	if p.Utilisation != before.Utilisation || p.Cycle != before.Cycle || p.Least != before.Least || p.Pause != 0 {
		t.Errorf("used for %v, without a pause for %v", p.Utilisation, before.Utilisation)
	}
	// Each of the three requests: 42 characters and 50 ms, then 200 ms.
	if got, want := p.Units[0].Least.Seconds(), 3*(42*11.0/2400+0.250); math.Abs(got-want) > 1e-6 {
		t.Errorf("it can be read each %.6f s, want %.6f", got, want)
	}
	if all := p.Hurried(); len(all) != 1 || all[0].Relaxed() != 1500*ms || p.Impossible() {
		t.Errorf("each second: %+v", all)
	}
	slow.Poll = 1500 * ms
	if p := bustime.Of(meterLine(slow)); len(p.Hurried()) != 0 || p.Units[0].Pause != 200*ms {
		t.Errorf("each 1.5 s: %+v", p.Units[0])
	}
	if before.Units[0].Least != 0 || before.Units[0].Hurried() {
		t.Errorf("without a pause: %+v", before.Units[0])
	}
	l := meterLine(slow)
	l.Channel.Serial, l.Devices[0].Poll = device.Serial{}, 600*ms // on a network only the pauses are known
	if p := bustime.Of(l); p.Units[0].Least != 600*ms || p.Units[0].Hurried() {
		t.Errorf("on a network: %v", p.Units[0].Least)
	}
}

// randomLine has meters of all sizes and intervals.
func randomLine(r *rand.Rand) bustime.Line {
	var devices []device.Device
	for n := range 1 + r.IntN(30) {
		devices = append(devices, meterDevice(n+1, 1+r.IntN(8), time.Duration(1+r.IntN(600))*100*ms))
	}
	return meterLine(devices...)
}

func TestSharesAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		l := randomLine(r)
		all := bustime.Of(l)
		cut := r.IntN(len(l.Devices) + 1)
		a, b := l, l
		a.Devices, b.Devices = l.Devices[:cut], l.Devices[cut:]
		pa, pb := bustime.Of(a), bustime.Of(b)
		if math.Abs(pa.Utilisation+pb.Utilisation-all.Utilisation) > 1e-9 || pa.Cycle+pb.Cycle != all.Cycle {
			t.Fatalf("%v and %v of two halves, %v of the whole", pa.Utilisation, pb.Utilisation, all.Utilisation)
		}
		if eaters := all.Eaters(3); !slices.IsSortedFunc(eaters, func(a, b bustime.Unit) int { return -cmpFloat(a.Share, b.Share) }) ||
			len(eaters) > 0 && slices.ContainsFunc(all.Units, func(u bustime.Unit) bool { return u.Share > eaters[0].Share }) {
			t.Fatalf("eaters %+v of %+v", eaters, all.Units)
		}
	}
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestFasterLinesAreLessUsed(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		l := randomLine(r)
		before := math.Inf(1)
		for _, baud := range []int{300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 115200} {
			l.Channel.Serial.Baud = baud
			p := bustime.Of(l)
			if p.Utilisation >= before || p.Least > p.Utilisation {
				t.Fatalf("%v at %d baud, %v slower; %v at least", p.Utilisation, baud, before, p.Least)
			}
			before = p.Utilisation
		}
	}
}

// What would fit does, and a little less does not.
func TestShortestFits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	stretched := 0
	for range 200 {
		l := randomLine(r)
		for i := range l.Devices {
			l.Devices[i].Poll = max(l.Devices[i].Poll/10, 100*ms)
		}
		p := bustime.Of(l)
		least := p.Shortest(bustime.Busy)
		if least == 0 {
			if p.Utilisation > bustime.Busy {
				t.Fatalf("nothing fits a line of %v", p.Utilisation)
			}
			continue
		}
		stretched++
		at := func(least time.Duration) float64 {
			slower := l
			slower.Devices = slices.Clone(l.Devices)
			for i := range slower.Devices {
				slower.Devices[i].Poll = max(slower.Devices[i].Poll, least)
			}
			return bustime.Of(slower).Utilisation
		}
		if at(least) > bustime.Busy {
			t.Errorf("%v with an interval of %v", at(least), least)
		}
		if at(least*3/4-100*ms) <= bustime.Busy {
			t.Errorf("%v is more than is needed", least)
		}
		if n := p.Lines(bustime.Busy); p.Utilisation/float64(n) > bustime.Busy || n < 2 {
			t.Errorf("%v on %d lines", p.Utilisation, n)
		}
		if baud := bustime.Faster(l, bustime.Busy); baud != 0 {
			l.Channel.Serial.Baud = baud
			if got := bustime.Of(l).Utilisation; got > bustime.Busy || baud <= 2400 {
				t.Errorf("%v at %d baud", got, baud)
			}
		}
	}
	if stretched < 50 {
		t.Errorf("only %d lines were too full", stretched)
	}
}

// Two devices at one address and interval are read in one go; a report of states that serves for a second is not in each read.
func TestReader(t *testing.T) {
	point := func(id, place string) device.Point {
		space, addr, err := osdp.ParsePlace(place)
		if err != nil {
			t.Fatal(err)
		}
		return device.Point{Device: id, Name: place, Address: "3", Register: device.Register{Space: space, Addr: addr}}
	}
	l := bustime.Line{Channel: device.Channel{ID: "doors", Driver: "osdp", Serial: device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}, Timeout: osdp.Timeout},
		Planner: osdp.Driver{}, Devices: []device.Device{
			{ID: "reader-1", Poll: 200 * ms, Points: []device.Point{point("reader-1", "card 0"), point("reader-1", "tamper")}},
			{ID: "door-1", Poll: 200 * ms, Points: []device.Point{point("door-1", "input 0"), point("door-1", "power")}}}}
	p := bustime.Of(l)
	if len(p.Units) != 1 || p.Units[0].Name() != "reader-1+door-1" || len(p.Units[0].Requests) != 3 {
		t.Fatalf("got %+v", p.Units)
	}
	want := 0.0
	for _, r := range p.Units[0].Requests {
		per := time.Second
		if r.What == "POLL" {
			per = 200 * ms
		}
		want += r.Took.Seconds() / per.Seconds()
	}
	if math.Abs(p.Utilisation-want) > 1e-9 {
		t.Errorf("got %v want %v", p.Utilisation, want)
	}
	l.Devices[0].Poll, l.Devices[1].Poll = 700*ms, 700*ms // asked in every other read
	for _, r := range bustime.Of(l).Units[0].Requests[1:] {
		if got := bustime.Of(l).Units[0].Share; got <= 0 || r.Every != time.Second {
			t.Errorf("%v %v", got, r)
		}
	}
}

// A driver that cannot say, or cannot say it of one device.
type mute struct{ serial.DLT645 }

func (m mute) Plan(ch device.Channel, points []device.Point) ([]device.Transaction, error) {
	if points[0].Device == "meter-1" {
		return nil, errors.ErrUnsupported
	}
	return m.DLT645.Plan(ch, points)
}

func TestUnknownIsNotInTheSum(t *testing.T) {
	l := meterLine(meterDevice(1, 3, time.Second), meterDevice(2, 3, time.Second), device.Device{ID: "empty"})
	l.Planner = mute{}
	p := bustime.Of(l)
	if len(p.Units) != 2 || !p.Units[0].Unknown || p.Units[1].Unknown || p.Utilisation != p.Units[1].Share {
		t.Errorf("got %+v", p)
	}
	l.Planner = nil
	if p := bustime.Of(l); p.Known || p.Utilisation != 0 || p.Impossible() || p.Tight() {
		t.Errorf("got %+v", p)
	}
}

// On a network only what cannot be done at all is refused: how long a round trip takes nobody knows.
func TestNetwork(t *testing.T) {
	l := meterLine(meterDevice(1, 300, time.Second))
	l.Channel.Serial = device.Serial{}
	if p := bustime.Of(l); p.Serial != nil || !p.Tight() || p.Impossible() {
		t.Errorf("300 requests in a second: %v, at least %v", p.Utilisation, p.Least)
	}
	l.Channel.Pause = 5 * ms
	if p := bustime.Of(l); !p.Impossible() {
		t.Errorf("with a pause of 5 ms between them: %v, at least %v", p.Utilisation, p.Least)
	}
}

func TestName(t *testing.T) {
	for want, devices := range map[string][]string{"A-03": {"A-03.1", "A-03.2"}, "A-03.1": {"A-03.1"}, "A-03.1+A-04.1": {"A-03.1", "A-04.1"}, "a+b": {"a", "b"}} {
		if got := bustime.Name(devices); got != want {
			t.Errorf("%v: %s, want %s", devices, got, want)
		}
	}
}
