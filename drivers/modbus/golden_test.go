package modbus_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
)

// g is one point of a shipped profile: where it stands, what the registers hold, what must come out.
type g struct {
	space string
	addr  uint32
	typ   string
	swap  bool
	scale float64
	raw   []uint16
	want  float64
}

// The registers of each shipped profile in configs/profiles, typed by hand from its source, as bytes on the wire.
func TestGoldenProfiles(t *testing.T) {
	profiles := map[string]struct {
		even  bool
		most  int
		gs    []g
		calls int // requests on TCP
	}{
		"eastron-sdm120": {even: true, most: 80, calls: 1, gs: []g{
			{"input", 0x0000, "f32", false, 1, []uint16{0x4364, 0x8000}, 228.5},
			{"input", 0x0006, "f32", false, 1, []uint16{0x3FC0, 0x0000}, 1.5},
			{"input", 0x000C, "f32", false, 1, []uint16{0x43AB, 0x6000}, 342.75},
			{"input", 0x001E, "f32", false, 1, []uint16{0xBF40, 0x0000}, -0.75},
			{"input", 0x0046, "f32", false, 1, []uint16{0x4248, 0x0000}, 50},
			{"input", 0x0048, "f32", false, 1, []uint16{0x449A, 0x5000}, 1234.5}}},
		"eastron-sdm630": {even: true, most: 80, calls: 1, gs: []g{
			{"input", 0x0000, "f32", false, 1, []uint16{0x4364, 0x8000}, 228.5},
			{"input", 0x0010, "f32", false, 1, []uint16{0x43AB, 0x6000}, 342.75},
			{"input", 0x0034, "f32", false, 1, []uint16{0xC47A, 0x0000}, -1000},
			{"input", 0x0048, "f32", false, 1, []uint16{0x449A, 0x5000}, 1234.5}}},
		"chint-ddsu666": {calls: 2, gs: []g{
			{"holding", 0x2000, "f32", false, 1, []uint16{0x4364, 0x8000}, 228.5},
			{"holding", 0x2004, "f32", false, 1000, []uint16{0x3FC0, 0x0000}, 1500},
			{"holding", 0x200E, "f32", false, 1, []uint16{0x4248, 0x0000}, 50},
			{"holding", 0x4000, "f32", false, 1, []uint16{0x449A, 0x5000}, 1234.5}}},
		"dds238-2": {calls: 1, gs: []g{
			{"holding", 0x0000, "u32", false, 0.01, []uint16{0x0001, 0xE240}, 1234.56},
			{"holding", 0x000C, "u16", false, 0.1, []uint16{2285}, 228.5},
			{"holding", 0x000D, "u16", false, 0.01, []uint16{150}, 1.5},
			{"holding", 0x000E, "i16", false, 1, []uint16{0xFEAA}, -342},
			{"holding", 0x0010, "u16", false, 0.001, []uint16{998}, 0.998},
			{"holding", 0x0011, "u16", false, 0.01, []uint16{4998}, 49.98}}},
		"pzem-016": {most: 10, calls: 1, gs: []g{
			{"input", 0x0000, "u16", false, 0.1, []uint16{2285}, 228.5},
			{"input", 0x0001, "u32", true, 0.001, []uint16{0x1170, 0x0001}, 70},
			{"input", 0x0003, "u32", true, 0.1, []uint16{0x0D5E, 0x0000}, 342.2},
			{"input", 0x0005, "u32", true, 0.001, []uint16{0xE240, 0x0001}, 123.456},
			{"input", 0x0007, "u16", false, 0.1, []uint16{499}, 49.9},
			{"input", 0x0008, "u16", false, 0.01, []uint16{99}, 0.99}}},
		"fga1000": {most: 2, calls: 1, gs: []g{
			{"holding", 0x0000, "lo8", false, 1, []uint16{0x5502}, 2},
			{"holding", 0x0001, "lo8", false, 1, []uint16{0xAA1B}, 27}}},
		"linshao-socket-2": {calls: 3, gs: []g{
			{"input", 0x0001, "u16", false, 0.1, []uint16{2285}, 228.5},
			{"input", 0x0002, "u16", false, 0.01, []uint16{150}, 1.5},
			{"input", 0x0003, "u16", false, 0.1, []uint16{3422}, 342.2},
			{"input", 0x0004, "u32", false, 0.001, []uint16{0x0001, 0xE240}, 123.456},
			{"input", 0x0006, "i16", false, 0.1, []uint16{0xFFCE}, -5},
			{"coil", 0x0000, "bool", false, 1, []uint16{1}, 1},
			{"discrete", 0x0000, "bool", false, 1, []uint16{1}, 1}}},
		"linshao-valve": {calls: 1, gs: []g{{"coil", 0, "bool", false, 1, []uint16{1}, 1}}},
		"linshao-siren": {calls: 1, gs: []g{{"coil", 1, "bool", false, 1, []uint16{1}, 1}}},
		"linshao-door": {calls: 2, gs: []g{
			{"discrete", 0, "bool", false, 1, []uint16{1}, 1}, {"discrete", 1, "bool", false, 1, []uint16{0}, 0},
			{"discrete", 2, "bool", false, 1, []uint16{1}, 1}, {"discrete", 3, "bool", false, 1, []uint16{0}, 0},
			{"coil", 2, "bool", false, 1, []uint16{1}, 1}}},
	}
	for model, p := range profiles {
		t.Run(model, func(t *testing.T) {
			u := fullUnit()
			points := make([]device.Point, len(p.gs))
			for i, g := range p.gs {
				u.set(g.space, g.addr, g.raw)
				points[i] = point(g.space, g.addr, g.typ)
				points[i].Scale = g.scale
				points[i].Register.Swap, points[i].Register.Even, points[i].Register.MaxRegisters = g.swap, p.even, p.most
				if err := modbus.CheckPoint(points[i]); err != nil {
					t.Fatal(err)
				}
			}
			s := &slave{units: map[byte]*unit{1: u}}
			rs, err := open(t, modbus.TCP{}, tcpChannel(s.serveTCP(t), 10*time.Second)).Read(t.Context(), points)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range rs {
				if r.Quality != device.Good || math.Abs(r.Value-p.gs[i].want) > 1e-9 {
					t.Errorf("%s %#x: got %+v, want %v", p.gs[i].space, p.gs[i].addr, r, p.gs[i].want)
				}
			}
			asked := s.requests()
			if len(asked) != p.calls {
				t.Errorf("%d requests, want %d: % x", len(asked), p.calls, asked)
			}
			for _, req := range asked {
				first, n := binary.BigEndian.Uint16(req[1:]), int(binary.BigEndian.Uint16(req[3:]))
				if p.most > 0 && n > p.most || p.even && (first%2 != 0 || n%2 != 0) {
					t.Errorf("the device does not take the request % x", req)
				}
			}
		})
	}
}

// fullUnit has every register below 0x4100, all zero.
func fullUnit() *unit {
	u := &unit{coils: map[uint16]bool{}, discrete: map[uint16]bool{}, holding: map[uint16]uint16{}, input: map[uint16]uint16{}}
	for a := range uint16(0x4100) {
		u.coils[a], u.discrete[a], u.holding[a], u.input[a] = false, false, 0, 0
	}
	return u
}

func (u *unit) set(space string, addr uint32, raw []uint16) {
	for i, v := range raw {
		a := uint16(addr) + uint16(i)
		switch space {
		case "coil":
			u.coils[a] = v != 0
		case "discrete":
			u.discrete[a] = v != 0
		case "holding":
			u.holding[a] = v
		case "input":
			u.input[a] = v
		}
	}
}
