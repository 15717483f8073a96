package commission

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// askMore goes on at a setting in use, after all were asked: each unit that was silent is asked something else. Some devices say
// nothing about a register that they do not have.
func (sc *scan) askMore(st *stage) bool {
	if st.again || !sc.asksTwice(st.setting) {
		return false
	}
	st.again = true
	for _, j := range st.silent {
		q, more := sc.otherwise(j)
		if !more || sc.has(Found{Protocol: j.protocol, Address: j.address, Setting: j.setting}) {
			continue
		}
		if j.read = q; !slices.Contains(st.jobs, j) { // one that was asked twice
			st.jobs = append(st.jobs, j)
		}
	}
	return st.next < len(st.jobs)
}

// asksTwice says whether silent units are asked a second question: at the settings in use or asked for. Elsewhere it would double
// what a setting costs at which nobody is.
func (sc *scan) asksTwice(s Setting) bool { return sc.chosen || sc.inUse(s) }

// otherwise is the second question to a unit that was silent: the first point of what is configured there, else an input register.
// A network has its own wait for each, and its gateways answer for silent units: there only configured devices are asked again.
func (sc *scan) otherwise(j job) (question, bool) {
	if j.protocol != protocolModbus || j.read != first() {
		return question{}, false
	}
	q, more := second(), !sc.tcp && !sc.network
	for _, d := range sc.channel.Devices {
		if len(d.Points) == 0 || d.Points[0].Address != j.address || d.Points[0].Protocol != "" && d.Points[0].Protocol != protocolModbus {
			continue
		}
		r := d.Points[0].Register
		function := map[string]byte{"coil": 1, "discrete": 2, "holding": 3, "input": 4}[r.Space]
		if own := (question{function, words(r.Type), uint16(r.Addr)}); function != 0 && own != first() {
			q = own
		}
		return q, true
	}
	return q, more
}

// words is how many registers a value takes, so that devices that refuse half of one answer.
func words(kind string) byte {
	switch kind {
	case "u32", "i32", "f32":
		return 2
	case "u64", "i64", "f64":
		return 4
	}
	return 1
}

// back goes back to the first of some units, which have answered after their time.
func (sc *scan) back(st *stage, units []byte) {
	for i, j := range st.jobs[:st.next] {
		there := sc.has(Found{Protocol: j.protocol, Address: j.address, Setting: j.setting})
		if n, err := strconv.Atoi(j.address); err == nil && !there && slices.Contains(units, byte(n)) {
			st.next = i
			break
		}
	}
}

// nobody is a meter's number that none has.
const nobody = "987654321098"

// narrow asks more exactly where several meters answered at once. DL/T 645: for each of the next two digits of their numbers, from
// the last. CJ/T 188 knows no shortened numbers: for each type of meter.
func (sc *scan) narrow(ctx context.Context, l Line, st *stage, j job) error {
	if !slices.Contains(sc.crowds, j) {
		sc.crowds = append(sc.crowds, j)
	}
	var more []job
	switch {
	case j.protocol == protocolCJT188 && j.kind == anyKind:
		for _, kind := range gasKinds() {
			more = append(more, job{setting: j.setting, protocol: j.protocol, address: j.address, kind: kind})
		}
	case j.protocol == protocolDLT645:
		if j.address == anyMeter { // a line that is never quiet would be taken for more and more meters
			none := job{setting: j.setting, protocol: j.protocol, address: nobody}
			if r, err := sc.ask(ctx, l, st, none); err != nil || r.sort != silent {
				sc.noisy = true
				return err
			}
		}
		known := strings.TrimLeft(j.address, "A")
		for n := range 100 {
			address := fmt.Sprintf("%02d%s", n, known)
			more = append(more, job{setting: j.setting, protocol: j.protocol, address: strings.Repeat("A", len(anyMeter)-len(address)) + address})
		}
	}
	st.jobs = slices.Insert(st.jobs, st.next+1, more...)
	return nil
}

// gasKinds are the types of meters that CJ/T 188 knows: water (cold, hot, drinking, grey), heat and cold, gas, electricity.
func gasKinds() []byte { return []byte{0x10, 0x11, 0x12, 0x13, 0x20, 0x21, 0x30, 0x40} }

// tellCrowds says where meters answered together and could not be told apart.
func (sc *scan) tellCrowds() {
	r := &sc.report
	if sc.noisy {
		r.Hints = append(r.Hints, Hint{Code: HintNoise, Text: Text{
			"问谁都有乱码应答，问一个不存在的表号也有：线路干扰，或波特率、校验不对",
			"every question is answered with rubbish, even one to a meter that does not exist:\na disturbed line, or wrong baud or parity"}})
		return
	}
	for _, c := range sc.crowds {
		deeper := func(o job) bool { return o.protocol == c.protocol && o.setting == c.setting && o != c }
		found := func(f Found) bool { return f.Protocol == c.protocol && f.Setting == c.setting }
		if c.kind == anyKind && slices.ContainsFunc(sc.crowds, deeper) || c.protocol == protocolDLT645 && c.address != anyMeter ||
			(c.kind == 0 || c.kind == anyKind) && slices.ContainsFunc(r.Found, found) {
			continue
		}
		what := strings.ToUpper(c.protocol[:2]) + "/T " + c.protocol[3:]
		if c.kind != 0 && c.kind != anyKind {
			what += fmt.Sprintf(" (T=%02X)", c.kind)
		}
		r.Hints = append(r.Hints, Hint{Code: HintSeveral, Text: Text{
			fmt.Sprintf("多台 %s 表同时应答，协议无法把它们分开：按表上印的号逐台配置，或每次只接一台再扫", what),
			fmt.Sprintf("several %s meters answer at once, and their protocol cannot tell them apart:\nconfigure each by the number printed on it, or connect one at a time and scan", what)}})
	}
}
