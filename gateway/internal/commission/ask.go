package commission

import (
	"context"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A job is one address to ask.
type job struct {
	setting  Setting
	protocol string
	address  string // of a meter: digits and wildcards
	kind     byte   // CJ/T 188: the type of meter; 0: any
	read     question
}

// A reply is what one question brought.
type reply struct {
	sort    sort
	address string // of a meter: its whole number
	refused bool   // by an exception
	others  []byte // Modbus TCP: units whose answers to earlier requests came meanwhile
	echo    bool
	strange int // bytes that were part of nothing
	took    float64
}

// sort of what came back.
type sort uint8

const (
	silent  sort = iota
	answer       // one, and right
	several      // more than one device answered
	damaged      // something that is no answer
	late         // the answer of the device that was asked before
)

// ask sends the question of a job.
func (j job) ask(ctx context.Context, l Line, tcp bool) (reply, error) {
	if tcp {
		return j.askTCP(ctx, l)
	}
	switch j.protocol {
	case protocolOSDP:
		_, r, err := j.osdp(ctx, l, osdpID)
		return r, err
	case protocolDLT645:
		return j.raw(ctx, l, dlt645Ask(j.address), func(got []byte) reply { return judgeMeters(got, dlt645Frame) })
	case protocolCJT188:
		return j.raw(ctx, l, cjt188Ask(j.kind), func(got []byte) reply { return judgeMeters(got, cjt188Frame) })
	}
	unit, err := strconv.ParseUint(j.address, 10, 8)
	if err != nil {
		return reply{}, err
	}
	return j.raw(ctx, l, modbusRead(byte(unit), j.read), func(got []byte) reply { return judgeModbus(byte(unit), got) })
}

// osdp sends a command to a peripheral device and answers its reply too; code 0: none.
func (j job) osdp(ctx context.Context, l Line, command byte) (osdpReply, reply, error) {
	n, err := strconv.ParseUint(j.address, 10, 7)
	if err != nil {
		return osdpReply{}, reply{}, err
	}
	var mine osdpReply
	r, err := j.raw(ctx, l, osdpAsk(byte(n), command), func(got []byte) reply {
		r, last := judgeOSDP(byte(n), got)
		if mine = (osdpReply{}); r.sort == answer {
			mine = last
		}
		return r
	})
	return mine, r, err
}

// raw sends a frame and judges all that comes back.
func (j job) raw(ctx context.Context, l Line, frame []byte, judge func(got []byte) reply) (reply, error) {
	x, err := l.Raw(ctx, j.setting.Serial(), frame, func(got []byte) bool {
		rest, _ := withoutEcho(frame, got)
		return judge(rest).sort == answer
	})
	if err != nil {
		return reply{}, err
	}
	rest, echo := withoutEcho(frame, x.In)
	r := judge(rest)
	r.echo, r.took = echo, ms(x.Took)
	return r, nil
}

// judgeModbus says what came back from a unit.
func judgeModbus(unit byte, got []byte) reply {
	r := reply{strange: len(got)}
	mine, other := 0, 0
	for {
		at, n := modbusFrame(got)
		if n == 0 {
			break
		}
		if r.strange -= n; got[at] == unit {
			mine++
			r.refused = got[at+1]&0x80 != 0
		} else {
			other++
		}
		got = got[at+n:]
	}
	r.sort = sortOf(mine, other, r.strange)
	return r
}

// maxStray is how many bytes may stand beside a right answer: a driver that switches late adds one or two.
const maxStray = 2

func sortOf(mine, other, strange int) sort {
	switch {
	case mine > 1:
		return several
	case mine == 1 && strange > maxStray:
		return several
	case mine == 1:
		return answer
	case other > 0 && strange == 0:
		return late
	case strange > 0 || other > 0:
		return damaged
	}
	return silent
}

func judgeMeters(got []byte, next func([]byte) (meterReply, int, int)) reply {
	for len(got) > 0 && got[0] == preamble {
		got = got[1:]
	}
	r := reply{strange: len(got)}
	frames := 0
	for {
		m, at, n := next(got)
		if n == 0 {
			break
		}
		frames++
		r.strange -= n
		r.address, r.refused = m.number, m.control&0x40 != 0
		for k := at - 1; k >= 0 && got[k] == preamble; k-- {
			r.strange--
		}
		got = got[at+n:]
	}
	r.sort = sortOf(frames, 0, r.strange)
	if strings.Trim(r.address, "0123456789") != "" {
		r.sort = damaged
	}
	return r
}

func judgeOSDP(address byte, got []byte) (r reply, last osdpReply) {
	r.strange = len(got)
	mine, other := 0, 0
	for {
		x, at, n := osdpFrame(got)
		if n == 0 {
			break
		}
		if r.strange -= n; x.address == address {
			last = x
			mine++
		} else {
			other++
		}
		got = got[at+n:]
	}
	r.sort = sortOf(mine, other, max(0, r.strange-1)) // a marking byte before the frame
	return r, last
}

// askTCP reads one register over a connection.
func (j job) askTCP(ctx context.Context, l Line) (reply, error) {
	var x device.Exchange
	traced := device.WithTrace(ctx, &device.Trace{Exchanged: func(e device.Exchange) {
		x = e
		x.In, x.Late = append([]byte(nil), e.In...), append([]byte(nil), e.Late...)
	}})
	space := map[byte]string{1: "coil", 2: "discrete", 4: "input"}[j.read.function]
	kind := map[bool]string{true: "bool", false: "u16"}[j.read.function < 3]
	if space == "" {
		space = "holding"
	}
	point := device.Point{Address: j.address, Protocol: protocolModbus, Register: device.Register{Space: space, Addr: uint32(j.read.at), Type: kind}}
	readings, err := l.Read(traced, []device.Point{point})
	if err != nil {
		return reply{}, err
	}
	r := reply{took: ms(x.Took), sort: answer, others: lateUnits(x.Late)}
	switch readings[0].Reason {
	case device.Timeout:
		r.sort = silent
	case device.Corrupt, device.Mismatch:
		r.sort = damaged
	case device.Refused, device.NoSuchPoint, device.DeviceBusy:
		r.refused = true
		if code := exceptionOf(x.In, true); code == 0x0A || code == 0x0B {
			r.sort = silent // a gateway says that nobody is there
		}
	}
	return r, nil
}

// Refusal is the Modbus code with which a device refused a request; 0: it did not, or speaks another protocol.
func Refusal(ch device.Channel, p device.Point, in []byte) byte {
	if p.Protocol != "" && p.Protocol != protocolModbus || p.Protocol == "" && spoken(ch.Driver)[0] != protocolModbus {
		return 0
	}
	return exceptionOf(in, ch.Driver == config.DriverModbusTCP)
}

// exceptionOf is the code by which a device refused; 0: it did not.
func exceptionOf(in []byte, tcp bool) byte {
	if tcp {
		if len(in) == 9 && in[7]&0x80 != 0 {
			return in[8]
		}
		return 0
	}
	for at := 0; at+shortest <= len(in); at++ {
		if f := in[at : at+shortest]; f[1]&0x80 != 0 && crc16(f[:3], 0xA001, 0xFFFF) == uint16(f[3])|uint16(f[4])<<8 {
			return f[2]
		}
	}
	return 0
}

// lateUnits are the units of Modbus TCP frames, one behind the other.
func lateUnits(b []byte) (units []byte) {
	const head = 6
	for len(b) > head {
		n := head + (int(b[4])<<8 | int(b[5]))
		if n > len(b) || n <= head {
			break
		}
		units = append(units, b[head])
		b = b[n:]
	}
	return units
}
