// Package siteplan keeps how a site lies: buildings, bike sheds, power rooms and gates as rectangles in the plan's own
// coordinates, and where devices hang, in percent. People draw it on the site's page or bring it in a YAML file; a picture may
// lie behind it. It promises that a plan is taken whole or not at all, that a mistake is told with its place, that nobody
// overwrites what another person has drawn meanwhile, and that what is exported can be imported again.
package siteplan

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linshao/linshao/rules"
)

// Kinds of shapes.
const (
	Building = "building"
	BikeShed = "bikeshed"
	Power    = "power"
	Gate     = "gate"
	Other    = "other"
)

// A Plan is how a site lies. The origin is at the top left.
type Plan struct {
	Width  float64 `json:"width" yaml:"width" doc:"in units of its own, such as metres"`
	Height float64 `json:"height" yaml:"height"`
	Shapes []Shape `json:"shapes" yaml:"shapes" nullable:"false"`
	Pins   []Pin   `json:"pins" yaml:"pins" nullable:"false"`
}

// A Shape is one thing that people find their way by. Devices without a pin stand in it when their place begins with its name
// or with one of its places.
type Shape struct {
	Kind   string   `json:"kind" yaml:"kind" enum:"building,bikeshed,power,gate,other"`
	Name   string   `json:"name" yaml:"name" maxLength:"160"`
	X      float64  `json:"x" yaml:"x"`
	Y      float64  `json:"y" yaml:"y"`
	W      float64  `json:"w" yaml:"w"`
	H      float64  `json:"h" yaml:"h"`
	Node   string   `json:"node,omitempty" yaml:"node" maxLength:"80" doc:"the node of the organisation that it is: that of the site or one below it"`
	Places []string `json:"places,omitempty" yaml:"places" doc:"beginnings of the places of devices"`
}

// A Pin says where a device hangs, in percent of the plan's width and height.
type Pin struct {
	Gateway string  `json:"gateway" yaml:"gateway" maxLength:"80"`
	Device  string  `json:"device" yaml:"device" maxLength:"80"`
	X       float64 `json:"x" yaml:"x"`
	Y       float64 `json:"y" yaml:"y"`
}

// A Mistake is why a plan was not taken. Line and Col are those of a file, from 1; 0 where there is none.
type Mistake struct {
	Path      string // such as shapes[2].w
	Line, Col int
	Text      rules.Text
}

// Mistakes are all of a plan or of a file.
type Mistakes []Mistake

// Error implements error.
func (ms Mistakes) Error() string {
	var all []string
	for _, m := range ms {
		all = append(all, fmt.Sprintf("%d:%d: %s: %s", m.Line, m.Col, m.Path, m.Text.EN))
	}
	return strings.Join(all, "\n")
}

// Limits of a plan: far above a compound's.
const (
	maxShapes = 300
	maxPins   = 2000
	maxSide   = 100_000
	maxName   = 40 // characters
	maxPlaces = 20
	slack     = 0.05 // that rounding may add
)

func (ms *Mistakes) add(path, zh, en string, args ...any) {
	*ms = append(*ms, Mistake{Path: path, Text: rules.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}})
}

// Check answers what is wrong with a plan by itself.
func (p Plan) Check() Mistakes {
	var ms Mistakes
	for _, side := range []struct {
		path string
		v    float64
	}{{"width", p.Width}, {"height", p.Height}} {
		if !(side.v >= 1 && side.v <= maxSide) {
			ms.add(side.path, "要在 1 到 %d 之间，例如 120", "must be from 1 to %d, such as 120", maxSide)
		}
	}
	if ms != nil {
		return ms // nothing else can be measured by it
	}
	if len(p.Shapes) > maxShapes || len(p.Pins) > maxPins {
		ms.add("shapes", "最多 %d 个图形、%d 个设备点", "at most %d shapes and %d pins", maxShapes, maxPins)
		return ms
	}
	for i, s := range p.Shapes {
		ms.shape(fmt.Sprintf("shapes[%d]", i), s, p)
	}
	seen := map[[2]string]bool{}
	for i, pin := range p.Pins {
		path, at := fmt.Sprintf("pins[%d]", i), [2]string{pin.Gateway, pin.Device}
		switch {
		case pin.Gateway == "" || pin.Device == "" || len(pin.Gateway) > 80 || len(pin.Device) > 80:
			ms.add(path, "要写 gateway（网关编号）和 device（设备编号）", "it needs gateway and device: their ids")
		case seen[at]:
			ms.add(path+".device", "设备 %s 出现了两次", "device %s stands here twice", pin.Device)
		case !(pin.X >= 0 && pin.X <= 100) || !(pin.Y >= 0 && pin.Y <= 100):
			ms.add(path+".x", "x、y 是占整张图的百分比，要在 0 到 100 之间", "x and y are percent of the whole plan: from 0 to 100")
		}
		seen[at] = true
	}
	return ms
}

func (ms *Mistakes) shape(path string, s Shape, p Plan) {
	if !slices.Contains([]string{Building, BikeShed, Power, Gate, Other}, s.Kind) {
		ms.add(path+".kind", "%q 不是 building（楼栋）、bikeshed（车棚）、power（配电房）、gate（大门）、other（其他）之一", "%q is none of building, bikeshed, power, gate, other", s.Kind)
	}
	if s.Name == "" {
		ms.add(path, "缺少 name（名称）", "name is missing")
	}
	ms.words(path+".name", s.Name)
	if !(s.W > 0 && s.H > 0 && s.X >= 0 && s.Y >= 0 && s.X+s.W <= p.Width+slack && s.Y+s.H <= p.Height+slack) {
		ms.add(path+".x", "“%s”不在图内：x、y 从左上角量，x+w 最多 %g，y+h 最多 %g", "%q is not inside the plan: x and y begin at the top left, x+w is at most %g, y+h at most %g", s.Name, p.Width, p.Height)
	}
	if len(s.Places) > maxPlaces {
		ms.add(path+".places", "最多 %d 个地点", "at most %d places", maxPlaces)
		return
	}
	for i, place := range s.Places {
		at := fmt.Sprintf("%s.places[%d]", path, i)
		if place == "" {
			ms.add(at, "地点不能为空", "a place is not empty")
		}
		ms.words(at, place)
	}
}

// words checks a text for people.
func (ms *Mistakes) words(path, v string) {
	if utf8.RuneCountInString(v) > maxName {
		ms.add(path, "超过 %d 个字", "longer than %d characters", maxName)
	}
	if strings.IndexFunc(v, func(r rune) bool { return !unicode.IsPrint(r) && r != '\u3000' || r == utf8.RuneError }) >= 0 {
		ms.add(path, "有看不见的字符或换行", "it holds an invisible character or a line's end")
	}
}

// tidy is the plan as it is kept: two decimals, and lists that are there.
func (p Plan) tidy() Plan {
	round := func(v float64) float64 { return math.Round(v*100) / 100 }
	out := Plan{round(p.Width), round(p.Height), append([]Shape{}, p.Shapes...), append([]Pin{}, p.Pins...)}
	for i := range out.Shapes {
		s := &out.Shapes[i]
		s.X, s.Y, s.W, s.H = round(s.X), round(s.Y), max(round(s.W), 0.01), max(round(s.H), 0.01)
	}
	for i := range out.Pins {
		out.Pins[i].X, out.Pins[i].Y = round(out.Pins[i].X), round(out.Pins[i].Y)
	}
	return out
}
