package config

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// A Golden is what stands on the wire for one point and what must come out of it, as the profile's author found it in the
// source of the map or computed it by hand.
type Golden struct {
	Point  string
	Raw    []byte        // registers, high byte first; a switch is one byte, 0 or 1; a meter's answer without its identifier, low byte first
	Value  float64       // wanted where Reason is none
	Reason device.Reason // wanted of a special value
}

// A Model is one profile by itself, for commands that show or test profiles without a site.
type Model struct {
	Name, Kind, Protocol, Source string
	Title                        rules.Text
	Poll                         string
	Ports                        int
	PortStride, BitStride        uint32         // from one port to the next, in registers and in bits
	Points                       []device.Point // of the first port, with labels in the reader's language
	Golden                       []Golden       // in the order of points
}

// ReadModel checks a profile's file and gives what it holds; nil when the mistakes leave nothing to use.
func ReadModel(file string, data []byte, lang Language) (*Model, configs.Problems) {
	c := checkProfile(speaker{lang}, file, data)
	if c.problems.Fatal() != nil {
		return nil, c.problems
	}
	p := c.profile
	m := &Model{Name: p.Model, Kind: p.Kind, Protocol: p.Protocol, Source: p.Source, Title: rules.Text(p.Title), Poll: p.poll.String(),
		Ports: p.ports, PortStride: p.PortStride, BitStride: p.bitStride, Points: p.points, Golden: p.golden}
	for i := range p.points {
		if lang != Chinese {
			p.points[i].Labels = p.points[i].LabelsEN
		}
	}
	return m, c.problems
}

// checkGolden reads the profile's golden values: by point, what stands on the wire and what must come out.
func (c *profileCheck) checkGolden() {
	p, known := c.profile, map[string]bool{}
	for _, pt := range p.points {
		known[pt.Name] = true
		for text, want := range sorted(p.Golden[pt.Name]) {
			g, ok := golden(pt, p.Protocol, text, want)
			if !ok {
				c.add("$.golden."+pt.Name, c.say("%s: 标准值 %q: %s 无效", "%s: golden value %q: %s is not usable", pt.Name, text, want),
					c.say(`寄存器的十六进制: 值或原因词，如 "4364 8000": 228.5`, `registers in hex: a value or a reason, such as "4364 8000": 228.5`))
				continue
			}
			p.golden = append(p.golden, g)
		}
	}
	for name := range sorted(p.Golden) {
		if !known[name] {
			c.add("$.golden."+name, c.say("没有点位 %s", "there is no point %s", name), "")
		}
	}
}

func golden(pt device.Point, protocol, text, want string) (g Golden, ok bool) {
	g.Point = pt.Name
	digits := strings.ReplaceAll(text, " ", "")
	width := 0 // of a meter's answer: any
	switch s := pt.Register.Space; {
	case protocol == protocolModbus && (s == spaceCoil || s == spaceDiscrete):
		digits, width = "0"+digits, 1
	case protocol == protocolModbus:
		width = 2 * modbusWords(pt.Register.Type)
	}
	var err error
	if g.Raw, err = hex.DecodeString(digits); err != nil || len(g.Raw) == 0 || width > 0 && len(g.Raw) != width {
		return g, false
	}
	if g.Value, err = strconv.ParseFloat(want, 64); err == nil {
		return g, true
	}
	g.Reason, ok = device.ParseReason(want)
	return g, ok && g.Reason != device.ReasonNone
}
