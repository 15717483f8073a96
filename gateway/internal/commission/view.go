package commission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A view is what is known of one device's registers: models that are tried one after the other share what was read.
type view struct {
	line    Line
	channel *config.Channel
	found   Found
	tcp     bool
	known   map[place]register
	none    map[string]bool // spaces whose function the device does not know
	mute    map[string]int  // questions to a space that were met with silence, in a row

	frames          []Frame
	short, shortBad int // answers by length, and how many were damaged
	long, longBad   int
	code            byte // of the last refusal
	last            device.Exchange
	keep            bool // frames
	own             bool // the points are of a configured device, which has its own address, secrets and settings
}

// A place is where a value stands and how it is understood.
type place struct {
	space, kind string
	addr        uint32
	swap        bool
	scale, off  float64
	min, max    float64
}

// A register is what was read at a place.
type register struct {
	raw     []byte
	reading device.Reading
	why     device.Reason // why there is none
	took    float64
}

func placeOf(p device.Point) place {
	return place{p.Register.Space, p.Register.Type, p.Register.Addr, p.Register.Swap, p.Scale, p.Offset, p.Min, p.Max}
}

func newView(l Line, ch *config.Channel, f Found) *view {
	return &view{line: l, channel: ch, found: f, tcp: ch.Driver == config.DriverModbusTCP,
		known: map[place]register{}, none: map[string]bool{}, mute: map[string]int{}}
}

// mostMute is how many questions in a row may be met with silence until a space is given up. Devices that are silent about
// registers that they do not have cost a time-out each.
const mostMute = 4

// at makes a model's point one of the device that is looked at.
func (v *view) at(p device.Point) device.Point {
	if v.own {
		if p.Protocol == "" {
			p.Protocol = v.found.Protocol
		}
		return p
	}
	if p.Device == "" {
		p.Device = "scan"
	}
	if p.Address, p.Protocol = v.found.Address, v.found.Protocol; v.found.Setting.Baud != 0 {
		s := v.found.Setting.Serial()
		p.Serial = &s
	}
	p.Writable = nil
	return p
}

// read reads one point, once.
func (v *view) read(ctx context.Context, p device.Point) (register, error) {
	if err := v.readAll(ctx, []device.Point{p}); err != nil {
		return register{}, err
	}
	return v.known[placeOf(p)], nil
}

// readAll reads those points that are not known yet. An error is of the line, or the caller's.
func (v *view) readAll(ctx context.Context, points []device.Point) error {
	var missing []device.Point
	for _, p := range points {
		at := placeOf(p)
		if _, there := v.known[at]; there {
			continue
		}
		space := p.Register.Space
		if v.found.Protocol == protocolModbus && (v.none[space] || v.mute[space] >= mostMute) {
			v.known[at] = register{why: device.NoSuchPoint}
			continue
		}
		missing = append(missing, v.at(p))
	}
	if len(missing) == 0 {
		return nil
	}
	got, err := v.exchange(ctx, missing)
	if space := missing[0].Register.Space; err == nil && (len(missing) > 1 || v.mute[space] == 0) && unanswered(got) {
		got, err = v.exchange(ctx, missing) // one lost frame rules out no model; and the driver gives up after one silence
	}
	if err != nil {
		return err
	}
	for i := range got {
		if len(missing) > 1 && got[i].reading.Reason == device.Corrupt && i < mostAlone {
			alone, err := v.exchange(ctx, missing[i:i+1]) // a line that damages long answers may let a short one through
			if err != nil {
				return err
			}
			got[i] = alone[0]
		}
	}
	if unanswered(got) {
		v.mute[missing[0].Register.Space]++
	}
	for i, p := range missing {
		v.learn(p, got[i])
	}
	return nil
}

// mostAlone is how many points of a damaged answer are asked for again, each by itself.
const mostAlone = 24

func unanswered(got []register) bool {
	return !slices.ContainsFunc(got, func(g register) bool { return g.reading.Reason != device.Timeout })
}

// exchange reads points under a trace.
func (v *view) exchange(ctx context.Context, points []device.Point) ([]register, error) {
	out := make([]register, len(points))
	trace := &device.Trace{
		Exchanged: func(x device.Exchange) { v.see(x) },
		Found: func(p device.Point, raw []byte) {
			for i := range points {
				if points[i].Register.Addr == p.Register.Addr && points[i].Name == p.Name && points[i].Register.Space == p.Register.Space {
					out[i].raw, out[i].took = slices.Clone(raw), ms(v.last.Took)
				}
			}
		},
	}
	readings, err := v.line.Read(device.WithTrace(ctx, trace), points)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, fmt.Errorf("read address %s: %w", v.found.Address, err)
	}
	for i := range readings {
		out[i].reading = readings[i]
	}
	return out, nil
}

// learn keeps what a point brought.
func (v *view) learn(p device.Point, got register) {
	switch {
	case got.raw != nil:
		v.mute[p.Register.Space] = 0
	case got.reading.Reason == device.Refused && v.code == illegalFunction:
		v.none[p.Register.Space] = true
	}
	if got.raw == nil {
		if got.why = got.reading.Reason; got.why == device.ReasonNone {
			got.why = device.NoSuchPoint
		}
	}
	v.known[placeOf(p)] = got
}

// illegalFunction is the exception of a device that has no such space.
const illegalFunction = 1

// longAnswer is where an answer is called long, in bytes.
const longAnswer = 16

// see counts what stood on the wire.
func (v *view) see(x device.Exchange) {
	v.last = device.Exchange{Took: x.Took, Err: x.Err}
	if code := exceptionOf(x.In, v.tcp); code != 0 {
		v.code = code
	}
	if v.keep {
		f := Frame{Out: hexOf(x.Out), In: hexOf(x.In), TookMS: ms(x.Took)}
		if x.Err != nil {
			f.Error = x.Err.Error()
		}
		v.frames = append(v.frames, f)
	}
	in, _ := withoutEcho(x.Out, x.In)
	if len(in) == 0 {
		return
	}
	if bad := x.Err != nil; len(in) > longAnswer {
		v.long++
		if bad {
			v.longBad++
		}
	} else if v.short++; bad {
		v.shortBad++
	}
}

// hints says what the damaged answers of one device mean.
func (v *view) hints() []Hint {
	address := v.found.Address
	switch {
	case v.longBad >= 2 && v.longBad*2 > v.long && v.shortBad*4 < v.short:
		return []Hint{{Code: HintFarEnd, Address: address, Text: Text{
			fmt.Sprintf("地址 %s：短应答正确，长应答损坏（%d/%d）：线路末端缺 120 Ω 终端电阻或偏置，或分支太长", address, v.longBad, v.long),
			fmt.Sprintf("address %s: short answers arrive, long ones are damaged (%d of %d): no 120 Ω termination or bias at the line's ends, or a long stub", address, v.longBad, v.long)}}}
	case v.shortBad+v.longBad >= 2 && (v.shortBad+v.longBad)*4 > v.short+v.long:
		return []Hint{{Code: HintDuplicate, Address: address, Text: Text{
			fmt.Sprintf("地址 %s：%d 次应答中 %d 次损坏：可能两台同址，或接触不良、干扰", address, v.short+v.long, v.shortBad+v.longBad),
			fmt.Sprintf("address %s: %d of %d answers are damaged: two devices at one address, a loose contact, or interference", address, v.shortBad+v.longBad, v.short+v.long)}}}
	}
	return nil
}

func hexOf(b []byte) string { return strings.ToUpper(strings.TrimSpace(fmt.Sprintf("% x", b))) }
