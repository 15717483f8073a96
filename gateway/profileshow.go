package main

import (
	"fmt"
	"maps"
	"math/bits"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

type profileShowCmd struct {
	Model string `arg:"" help:"A model of gateway profile list, or a profile's file."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// shownPoint is one point of the page.
type shownPoint struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit,omitempty"`
	Space   string    `json:"space,omitempty"`
	Address string    `json:"address"`             // 0-based, as it goes over the wire; a meter's data identifier
	Number  string    `json:"reference,omitempty"` // as manuals number it: 1-based, "40001"
	Type    string    `json:"type,omitempty"`
	Swap    bool      `json:"low_word_first,omitempty"`
	Scale   float64   `json:"scale"`
	Offset  float64   `json:"offset,omitempty"`
	Min     float64   `json:"min"`
	Max     float64   `json:"max"`
	Write   []float64 `json:"write,omitempty"`
	States  []string  `json:"states,omitempty"`
	Map     []string  `json:"map,omitempty"` // how a state is made of the raw value, the first that fits
	Special []string  `json:"special,omitempty"`
}

// Run prints the page of a model.
func (c profileShowCmd) Run(lang config.Language) error {
	file, data, err := readProfile(c.Model)
	if err != nil {
		return err
	}
	m, problems := config.ReadModel(file, data, lang)
	printProblems(os.Stderr, lang, problems)
	if m == nil {
		return exit{code: exitFinding}
	}
	points := make([]shownPoint, len(m.Points))
	for i, p := range m.Points {
		points[i] = shown(m.Protocol, p)
	}
	if c.JSON {
		return printed(struct {
			listedModel
			Points []shownPoint `json:"points"`
		}{listedModel{m.Name, listedText(m.Title), m.Kind, m.Protocol, m.Ports, len(m.Points), m.Source}, points}, true)
	}
	printModel(lang, m, points)
	return nil
}

func shown(protocol string, p device.Point) shownPoint {
	r := p.Register
	s := shownPoint{Name: p.Name, Unit: p.Unit, Space: r.Space, Type: r.Type, Swap: r.Swap, Scale: p.Scale, Offset: p.Offset, Min: p.Min, Max: p.Max, Write: p.Writable}
	switch protocol {
	case protocolModbus:
		s.Address, s.Number = fmt.Sprintf("0x%04X", r.Addr), fmt.Sprintf("%05d", bases()[r.Space]+r.Addr+1)
		if r.Addr > 9998 {
			s.Number = fmt.Sprintf("%06d", 10*bases()[r.Space]+r.Addr+1)
		}
	case protocolDLT645:
		s.Address = fmt.Sprintf("%02X %02X %02X %02X", r.Addr>>24, r.Addr>>16&0xFF, r.Addr>>8&0xFF, r.Addr&0xFF)
	case protocolCJT188:
		s.Address = fmt.Sprintf("%02X %02X", r.Addr>>8, r.Addr&0xFF)
	}
	for _, n := range slices.Sorted(maps.Keys(p.Labels)) {
		s.States = append(s.States, fmt.Sprintf("%d %s", n, p.Labels[n]))
	}
	for _, line := range p.Map {
		s.Map = append(s.Map, mapLine(line))
	}
	for _, n := range slices.Sorted(maps.Keys(p.Special)) {
		s.Special = append(s.Special, fmt.Sprintf("0x%X %s", n, p.Special[n]))
	}
	return s
}

// mapLine is one line of a point's map: "bit5→3", "7→1", "1200…1999→3", "*→0".
func mapLine(s device.State) string {
	from := "*"
	switch {
	case s.Mask != 0:
		from = fmt.Sprintf("bit%d", bits.TrailingZeros64(uint64(s.Mask)))
	case s == device.Otherwise(s.Value):
	case s.From == s.To:
		from = strconv.FormatInt(s.From, 10)
	default:
		from = fmt.Sprintf("%d…%d", s.From, s.To)
	}
	return from + "→" + number(s.Value)
}

// bases are where the numbers of manuals begin: a holding register at address 0 is 40001; beyond 49999 six digits are usual.
func bases() map[string]uint32 {
	return map[string]uint32{"coil": 0, "discrete": 10000, "input": 30000, "holding": 40000}
}

func printModel(lang config.Language, m *config.Model, points []shownPoint) {
	say := speaker(lang)
	fmt.Printf("%s  %s\n%s %s · %s %s · %s %s\n%s %s\n\n", m.Name, say(m.Title.ZH, m.Title.EN),
		say("种类", "kind"), m.Kind, say("协议", "protocol"), m.Protocol, say("轮询", "poll"), m.Poll, say("出处", "source:"), m.Source)
	rows := [][]string{{say("点位", "point"), say("单位", "unit"), say("区", "space"), say("地址(0 起)", "address (0-based)"), say("手册编号", "reference"),
		say("类型", "type"), say("值 = 原始×", "value = raw ×"), say("范围", "range"), say("可写", "write"), say("状态", "states")}}
	for _, p := range points {
		kind, scale, limits := p.Type, number(p.Scale), ""
		if p.Swap {
			kind += say(" 低字在前", " low word first")
		}
		if p.Offset != 0 {
			scale += fmt.Sprintf(" %+g", p.Offset)
		}
		if p.Min != 0 || p.Max != 0 {
			limits = number(p.Min) + "…" + number(p.Max)
		}
		var write []string
		for _, v := range p.Write {
			write = append(write, number(v))
		}
		rows = append(rows, []string{p.Name, p.Unit, p.Space, p.Address, p.Number, kind, scale, limits, strings.Join(write, " "), strings.Join(slices.Concat(p.Map, p.States, p.Special), ", ")})
	}
	printTable(os.Stdout, rows)
	if m.Ports > 1 {
		fmt.Printf(say("\n共 %d 路，每路相隔 %d 个寄存器、%d 个位\n", "\n%d ports, %d registers and %d bits from one to the next\n"), m.Ports, m.PortStride, m.BitStride)
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
