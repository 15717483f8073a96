package commission

import (
	"context"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// A job is one address to ask.
type job struct {
	setting  Setting
	protocol string
	address  string // of a meter: digits and wildcards
}

// A reply is what one question brought.
type reply struct {
	sort    sort
	address string // of a meter: its whole number
	refused bool   // by an exception
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
	var frame []byte
	var judge func(got []byte) reply
	switch j.protocol {
	case protocolModbus, protocolOSDP:
		n, err := strconv.Atoi(j.address)
		if err != nil {
			return reply{}, err
		}
		frame, judge = modbusRead(byte(n)), func(got []byte) reply { return judgeModbus(byte(n), got) }
		if j.protocol == protocolOSDP {
			frame, judge = osdpPoll(byte(n)), func(got []byte) reply { return judgeOSDP(byte(n), got) }
		}
	case protocolDLT645:
		frame = dlt645Ask(j.address)
		judge = func(got []byte) reply { return judgeMeters(got, dlt645Frame) }
	case protocolCJT188:
		frame = cjt188Ask()
		judge = func(got []byte) reply { return judgeMeters(got, cjt188Frame) }
	}
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

func judgeOSDP(address byte, got []byte) reply {
	r := reply{strange: len(got)}
	mine, other := 0, 0
	for {
		who, at, n := osdpFrame(got)
		if n == 0 {
			break
		}
		if r.strange -= n; who == address {
			mine++
		} else {
			other++
		}
		got = got[at+n:]
	}
	r.sort = sortOf(mine, other, max(0, r.strange-1)) // a marking byte before the frame
	return r
}

// askTCP reads one register over a connection.
func (j job) askTCP(ctx context.Context, l Line) (reply, error) {
	var x device.Exchange
	traced := device.WithTrace(ctx, &device.Trace{Exchanged: func(e device.Exchange) {
		x = e
		x.In = append([]byte(nil), e.In...)
	}})
	readings, err := l.Read(traced, []device.Point{{Address: j.address, Protocol: protocolModbus, Register: device.Register{Space: "holding", Type: "u16"}}})
	if err != nil {
		return reply{}, err
	}
	r := reply{took: ms(x.Took), sort: answer}
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
