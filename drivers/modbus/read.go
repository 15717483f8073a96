package modbus

import (
	"errors"
	"slices"
	"time"

	"github.com/goburrow/modbus"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A reader is one Read under way.
type reader struct {
	conn     *conn
	client   modbus.Client
	plan     *plan
	points   []device.Point
	readings []device.Reading
	began    time.Time
	watched  bool // somebody looks on
	found    func(p device.Point, raw []byte)
	splits   map[int][]block // what the plan's blocks are replaced with, by index
	extra    int             // requests made to find out what is refused
	learned  bool            // the device has refused something
	roused   int             // a block that is only asked to see whether the device lives; -1: none
}

// blocks reads the blocks of the plan in turn. When the very first one times out the device is taken for dead and the
// others are not tried; the next Read starts with another one, so that a single register that is met with silence
// does not hide the rest. What the device has refused is not asked for again for a while.
func (r *reader) blocks() error {
	p, alive := r.plan, false
	r.rouse()
	for k := range p.blocks {
		i := (p.start + k) % len(p.blocks)
		if b := &p.blocks[i]; b.resting(r.began) && i != r.roused {
			r.fail(b, device.NoSuchPoint)
			continue
		}
		why, err := r.block(i)
		if err != nil {
			return err
		}
		if alive = alive || why != device.Timeout; !alive {
			for other := range p.blocks {
				r.fail(&p.blocks[other], device.Timeout)
			}
			p.start = (i + 1) % len(p.blocks)
			return nil
		}
	}
	r.remember()
	return nil
}

// rouse sees to it that something is asked for where the device has refused all that there is and has not answered lately:
// it must show that it lives. One block after the other takes its turn. Somebody who looks on gets the device's own word for
// everything.
func (r *reader) rouse() {
	p := r.plan
	r.roused = -1
	if r.watched {
		for i := range p.blocks {
			p.blocks[i].again = r.began
		}
	}
	if len(p.blocks) == 0 || slices.ContainsFunc(p.blocks, func(b block) bool { return !b.resting(r.began) }) {
		return
	}
	if seen, ok := r.conn.seen[p.blocks[0].unit]; !ok || r.began.Sub(seen) >= proofOfLife {
		p.start = (p.start + 1) % len(p.blocks)
		r.roused = p.start
	}
}

// block reads one block of the plan. why says how the device took it; an error, that the channel is gone.
func (r *reader) block(i int) (why device.Reason, err error) {
	b := &r.plan.blocks[i]
	data, why, err := r.request(b)
	switch {
	case err != nil:
		return why, err
	case why == device.ReasonNone:
		r.plan.outdated = r.plan.outdated || b.barren
		b.barren = false
		r.deliver(b, data)
		return why, nil
	case why != device.NoSuchPoint || i == r.roused:
		r.fail(b, why)
		return why, nil
	}
	r.learned = true
	if sure := b.barren && b.rest == 0; sure || len(b.slots) == 1 || r.extra >= maxExtra {
		if sure || len(b.slots) == 1 {
			b.refused(r.began)
		}
		r.fail(b, why)
		return why, nil
	}
	parts, some, err := r.bisect(b)
	switch {
	case err != nil:
		return why, err
	case !some:
		b.refused(r.began)
	default:
		if r.splits == nil {
			r.splits = map[int][]block{}
		}
		r.splits[i] = parts
	}
	return why, nil
}

// maxExtra is how many requests of one Read find out what a device refuses: whoever waits for the line has to wait for them. The
// rest is left to the reads to come.
const maxExtra = 16

// bisect reads the halves of a refused block, and theirs, until only single points are refused. some says whether the
// device had any of them, or may have.
func (r *reader) bisect(b *block) (parts []block, some bool, err error) {
	left, right := b.split()
	for _, half := range []block{left, right} {
		if r.extra >= maxExtra {
			r.fail(&half, device.NotRead)
			parts, some = append(parts, half), true
			continue
		}
		r.extra++
		data, why, err := r.request(&half)
		if err != nil {
			return nil, false, err
		}
		switch {
		case why == device.ReasonNone:
			r.deliver(&half, data)
			some = true
		case why != device.NoSuchPoint:
			r.fail(&half, why)
			if some = true; why == device.Timeout {
				r.extra = maxExtra // nothing is found out of a device that has fallen silent
			}
		case len(half.slots) > 1 && r.extra < maxExtra:
			inner, had, err := r.bisect(&half)
			if err != nil {
				return nil, false, err
			}
			if had {
				parts, some = append(parts, inner...), true
				continue
			}
			half.refused(r.began)
		case len(half.slots) > 1:
			r.fail(&half, why)
			some = true
		default:
			half.refused(r.began)
			r.fail(&half, why)
		}
		parts = append(parts, half)
	}
	return parts, some, nil
}

// remember puts the parts of split blocks in their places, and the plan where the next connection finds it.
func (r *reader) remember() {
	p := r.plan
	if len(r.splits) > 0 {
		var blocks []block
		for i, b := range p.blocks {
			if parts, ok := r.splits[i]; ok {
				blocks = append(blocks, parts...)
				continue
			}
			blocks = append(blocks, b)
		}
		p.blocks, p.start = blocks, 0
		if p.taught.IsZero() {
			p.taught = r.began
		}
	}
	if r.learned || p.outdated {
		r.conn.memory.keep(r.conn.address, p)
	}
}

// request asks for one block. Its data is good until the next request.
func (r *reader) request(b *block) (data []byte, why device.Reason, err error) {
	r.conn.link.address(b.unit, b.pause)
	address, count := uint16(b.first), b.count()
	switch b.space {
	case readCoils:
		data, err = r.client.ReadCoils(address, count)
	case readDiscrete:
		data, err = r.client.ReadDiscreteInputs(address, count)
	case readHolding:
		data, err = r.client.ReadHoldingRegisters(address, count)
	case readInput:
		data, err = r.client.ReadInputRegisters(address, count)
	}
	delete(r.conn.seen, b.unit)
	if err == nil {
		r.conn.seen[b.unit] = r.began
		return data, device.ReasonNone, nil
	}
	why, ok := reasonOf(err)
	if !ok {
		return nil, device.ChannelDown, err
	}
	code, refused := exception(err)
	if refused && why != device.Timeout {
		r.conn.seen[b.unit] = r.began
	}
	if code == modbus.ExceptionCodeIllegalDataValue && len(b.slots) > 1 {
		why = device.NoSuchPoint // some devices say so of a block that is only too long or has a hole
	}
	return nil, why, nil
}

func (r *reader) deliver(b *block, data []byte) {
	at := r.conn.now()
	for i := range b.slots {
		s := &b.slots[i]
		offset := int(s.at.first - b.first)
		var raw float64
		if b.space.bits() {
			raw = coil(data, offset)
			if r.found != nil {
				r.found(r.points[s.index], []byte{byte(raw)})
			}
		} else {
			raw = s.at.format.decode(data[2*offset:])
			if r.found != nil {
				r.found(r.points[s.index], data[2*offset:2*(offset+int(s.at.words))])
			}
		}
		r.readings[s.index] = device.Judge(r.points[s.index], raw, at)
	}
}

func (r *reader) fail(b *block, why device.Reason) {
	at := r.conn.now()
	for _, s := range b.slots {
		r.readings[s.index] = device.BadReading(r.points[s.index], why, at)
	}
}

// exception is the code of a device's refusal, which may be 0; refused is false for another error.
func exception(err error) (code byte, refused bool) {
	var e *modbus.ModbusError
	if errors.As(err, &e) {
		return e.ExceptionCode, true
	}
	return 0, false
}

// reasonOf is why a request failed; false when the channel is gone or the caller wants nothing more.
func reasonOf(err error) (device.Reason, bool) {
	var fault *line.Fault
	if errors.As(err, &fault) {
		return fault.Reason, true
	}
	code, refused := exception(err)
	if !refused {
		return device.ChannelDown, false
	}
	switch code {
	case modbus.ExceptionCodeIllegalDataAddress:
		return device.NoSuchPoint, true
	case modbus.ExceptionCodeServerDeviceBusy:
		return device.DeviceBusy, true
	case modbus.ExceptionCodeGatewayTargetDeviceFailedToRespond:
		return device.Timeout, true // a TCP gateway says of the line behind it what we say of ours
	}
	return device.Refused, true
}
