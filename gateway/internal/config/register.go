package config

import (
	"cmp"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// Protocols that the shipped drivers speak, as they stand in profiles.
const (
	protocolModbus  = "modbus"
	protocolDLT645  = "dlt645"
	protocolCJT188  = "cjt188"
	protocolOSDP    = "osdp"
	protocolGB15322 = "gb15322"
	protocolASCII   = "ascii"
	protocolRTSP    = "rtsp"
)

// Spaces of a Modbus device.
const (
	spaceHolding  = "holding"
	spaceInput    = "input"
	spaceCoil     = "coil"
	spaceDiscrete = "discrete"
)

var (
	modbusAt  = regexp.MustCompile(`^([a-z]+) +(0x[0-9A-Fa-f]{1,8}|\d{1,10})$`)
	meterAt   = regexp.MustCompile(`^([0-9A-Fa-f]{2}) ([0-9A-Fa-f]{2}) ([0-9A-Fa-f]{2}) ([0-9A-Fa-f]{2})$`)
	gasAt     = regexp.MustCompile(`^([a-z]+) ([0-9A-Fa-f]{2}) ([0-9A-Fa-f]{2})$`)
	modbusBit = regexp.MustCompile(`^bit(\d|1[0-5])$`)
	meterType = regexp.MustCompile(`^(±?[X.]+|bit\d+)(@\d+)?$`)
)

func spaces() []string { return []string{spaceHolding, spaceInput, spaceCoil, spaceDiscrete} }

func modbusTypes() []string {
	return []string{"u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64", "bool", "hi8", "lo8", "bit0", "bit15"}
}

// exactWhole is the greatest whole number up to which a value has them all.
const exactWhole = 1 << 53

// modbusWords is how many registers a value of the type takes.
func modbusWords(typ string) int {
	switch typ {
	case "u32", "i32", "f32":
		return 2
	case "u64", "i64", "f64":
		return 4
	}
	return 1
}

// register reads where a point stands in its device.
func (c *profileCheck) register(path string, raw rawPoint) device.Register {
	p := c.profile
	r := device.Register{Type: raw.Type, Swap: raw.Swap, MaxRegisters: p.MaxRegisters, Even: p.Even}
	for _, h := range p.Holes {
		r.Holes = append(r.Holes, device.Extent{First: h[0], Last: h[1]})
	}
	if raw.At == SpaceGateway {
		r.Space = SpaceGateway
		return r
	}
	switch p.Protocol {
	case protocolModbus:
		c.modbus(path, raw, &r)
	case protocolDLT645:
		c.meter(path, raw, &r)
	case protocolCJT188:
		c.gasMeter(path, raw, &r)
	case protocolOSDP:
		c.osdp(path, raw, &r)
	case protocolASCII:
		c.ascii(path, raw, &r)
	case protocolGB15322:
		c.gasHistory(path, raw, &r)
	case protocolRTSP:
		if raw.At != "" {
			c.add(path+".at", c.say("rtsp 点位没有 at", "a point of rtsp has no at"), c.say("删去此行", "remove the line"))
		}
	default:
		r.Space = raw.At // a plug-in's own language
	}
	return r
}

func (c *profileCheck) modbus(path string, raw rawPoint, r *device.Register) {
	m := modbusAt.FindStringSubmatch(raw.At)
	if m == nil {
		c.add(path+".at", c.say("at %q 无效", "at %q is not usable", raw.At), c.say(`如 "input 0x0003"（0 起）`, `such as "input 0x0003" (0-based)`))
		return
	}
	if r.Space = m[1]; !contains(spaces(), r.Space) {
		c.add(path+".at", c.say("没有寄存器区 %q", "there is no space %q", r.Space), c.meant(r.Space, spaces()))
		return
	}
	n, err := strconv.ParseUint(m[2], 0, 32)
	width := uint64(modbusWords(r.Type))
	last := n + width - 1
	if !raw.Common {
		last += uint64(c.profile.ports-1) * uint64(c.profile.stride(r.Space))
	}
	if err != nil || last > 0xFFFF {
		c.add(path+".at", c.say("地址 %s 超出 65535", "address %s goes beyond 65535", m[2]), "")
		return
	}
	r.Addr = uint32(n)
	c.checkType(path, r, raw)
	c.checkLimits(path, r, uint32(n+width-1))
}

func (c *profileCheck) checkType(path string, r *device.Register, raw rawPoint) {
	bits := r.Space == spaceCoil || r.Space == spaceDiscrete
	switch {
	case r.Type == "" && bits:
		r.Type = "bool"
	case r.Type == "":
		r.Type = "u16"
	case bits && r.Type != "bool":
		c.add(path+".type", c.say("%s 的类型只能是 bool", "a %s is always bool", r.Space), "")
	case !contains(modbusTypes(), r.Type) && !modbusBit.MatchString(r.Type):
		c.add(path+".type", c.say("没有类型 %q", "there is no type %q", r.Type), c.meant(r.Type, modbusTypes()))
	}
	if raw.Swap && modbusWords(r.Type) == 1 {
		c.add(path+".swap", c.say("swap 只用于 32 位和 64 位类型", "swap is for types of 32 and 64 bits"), "")
	}
}

func (c *profileCheck) checkLimits(path string, r *device.Register, last uint32) {
	if r.Space == spaceCoil || r.Space == spaceDiscrete {
		return
	}
	if r.Even && r.Addr%2 != 0 {
		c.add(path+".at", c.say("even: true，但地址 %d 是奇数", "even: true, but address %d is odd", r.Addr), "")
	}
	for _, h := range r.Holes {
		if r.Addr <= h.Last && last >= h.First {
			c.add(path+".at", c.say("地址 %d 在空洞 %d–%d 里", "address %d lies in the hole %d–%d", r.Addr, h.First, h.Last), "")
		}
	}
}

func (c *profileCheck) meter(path string, raw rawPoint, r *device.Register) {
	m := meterAt.FindStringSubmatch(raw.At)
	if m == nil {
		c.add(path+".at", c.say("数据标识 %q 无效", "data identifier %q is not usable", raw.At), c.say(`DI3…DI0，如 "02 03 00 00"`, `DI3…DI0, such as "02 03 00 00"`))
		return
	}
	if n, err := strconv.ParseUint(strings.Join(m[1:], ""), 16, 32); err == nil {
		r.Addr = uint32(n)
	}
	c.meterFormat(path, r)
}

// gasMeter reads a place in a CJ/T 188 meter: its type and the data identifier, high byte first.
func (c *profileCheck) gasMeter(path string, raw rawPoint, r *device.Register) {
	m := gasAt.FindStringSubmatch(raw.At)
	if m == nil {
		c.add(path+".at", c.say("数据标识 %q 无效", "data identifier %q is not usable", raw.At), c.say(`表类型 DI1 DI0，如 "gas 90 1F"`, `type of meter, DI1 DI0, such as "gas 90 1F"`))
		return
	}
	if n, err := strconv.ParseUint(m[2]+m[3], 16, 16); err == nil {
		r.Space, r.Addr = m[1], uint32(n)
	}
	c.meterFormat(path, r)
}

func (c *profileCheck) meterFormat(path string, r *device.Register) {
	if !meterType.MatchString(r.Type) {
		c.add(path+".type", c.say("格式 %q 无效", "format %q is not usable", r.Type), c.say("如 XXX.X、±XX.XXXX、bit4、XXX.X@2", "such as XXX.X, ±XX.XXXX, bit4 or XXX.X@2"))
	}
}

// isBit says whether a register has two states only.
func isBit(r device.Register) bool { return r.Type == "bool" || modbusBit.MatchString(r.Type) }

func contains(words []string, word string) bool { return slices.Contains(words, word) }

// sorted goes through a map in the order of its keys, so that mistakes are told in the same order every time.
func sorted[K cmp.Ordered, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
