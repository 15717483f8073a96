package commission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// Read reads a device once, with the bytes of each value and the time that its answer took, and says what may be wrong with a value
// that the display shows otherwise. It writes nothing.
func (s *Service) Read(ctx context.Context, req ReadRequest) (ReadReport, error) {
	c, f, points, r, err := s.toRead(req)
	if err != nil {
		return ReadReport{}, err
	}
	ch := c.Channel
	err = s.use(ctx, ch, func(ctx context.Context, l Line) error {
		v := newView(l, c, f)
		v.keep, v.own = true, req.Device != ""
		if err := v.readAll(ctx, points); err != nil {
			return err
		}
		r.Trials, r.Frames = v.trials(points), v.frames
		r.Hints = v.hints()
		for i, p := range points {
			r.Trials[i].Shows, r.Trials[i].Why = "", Text{} // a recall has made this a second reading
			if shown, asked := req.Shows[p.Name]; asked {
				r.compare(i, p, v.known[placeOf(p)], shown)
			}
		}
		if shown, asked := req.Shows[""]; asked {
			r.compareAny(points, v, shown)
		}
		return nil
	}, func() {})
	if err != nil {
		return ReadReport{}, fmt.Errorf("read %s: %w", r.Device+req.Address, err)
	}
	return r, nil
}

// toRead finds what a request names.
func (s *Service) toRead(req ReadRequest) (c *config.Channel, f Found, points []device.Point, r ReadReport, err error) {
	if req.Device != "" {
		return s.deviceToRead(req.Device)
	}
	if c, err = s.channel(req.Channel); err != nil {
		return nil, f, nil, r, err
	}
	i := slices.IndexFunc(s.cfg.Models, func(m *config.Model) bool { return m.Name == req.Model })
	if i < 0 {
		return nil, f, nil, r, fmt.Errorf("%w: there is no model %q", ErrRequest, req.Model)
	}
	m := s.cfg.Models[i]
	if req.Setting.Baud == 0 && c.Driver != config.DriverModbusTCP {
		req.Setting = settingOf(c.Serial)
	}
	f = Found{Protocol: m.Protocol, Address: req.Address, Setting: req.Setting}
	return c, f, m.Points, ReadReport{Model: m.Name, Channel: c.ID, Address: req.Address, Setting: req.Setting}, nil
}

func (s *Service) deviceToRead(id string) (*config.Channel, Found, []device.Point, ReadReport, error) {
	var ids []string
	for _, d := range s.cfg.Site.Devices() {
		if ids = append(ids, d.ID); !ofDevice(d.ID, id) {
			continue
		}
		c, err := s.channel(d.Channel)
		if err != nil {
			return nil, Found{}, nil, ReadReport{}, fmt.Errorf("%w: a %s is not read by this command", ErrRequest, d.Kind)
		}
		var points []device.Point
		for _, port := range c.Devices {
			if ofDevice(port.ID, id) {
				points = append(points, port.Points...)
			}
		}
		address, _, _ := strings.Cut(points[0].Address, "#")
		f := Found{Protocol: points[0].Protocol, Address: address, Setting: settingOf(c.Serial)}
		if points[0].Serial != nil {
			f.Setting = settingOf(*points[0].Serial)
		}
		if f.Protocol == "" {
			f.Protocol = spoken(c.Driver)[0]
		}
		return c, f, points, ReadReport{Device: id, Name: d.Name, Model: d.Model, Channel: c.ID, Address: address, Setting: f.Setting}, nil
	}
	if near := configs.Nearest(id, ids); near != "" {
		return nil, Found{}, nil, ReadReport{}, fmt.Errorf("%w: there is no device %q (did you mean %s?)", ErrRequest, id, near)
	}
	return nil, Found{}, nil, ReadReport{}, fmt.Errorf("%w: there is no device %q", ErrRequest, id)
}

// compare says how what the display shows can be had from what was read.
func (r *ReadReport) compare(i int, p device.Point, got register, shown float64) {
	if got.raw == nil {
		return
	}
	e := explain(p, got, shown)
	r.Trials[i].Shows, r.Trials[i].Why = e.code, e.text
	if e.code == "match" {
		return
	}
	r.Hints = append(r.Hints, Hint{Code: HintDisplay, Address: r.Address, Text: Text{p.Name + "：" + e.text.ZH, p.Name + ": " + e.text.EN}})
}

// compareAny finds the point that a number on the display can best belong to.
func (r *ReadReport) compareAny(points []device.Point, v *view, shown float64) {
	best, rank := -1, noExplanation
	for i, p := range points {
		if got := v.known[placeOf(p)]; got.raw != nil {
			if e := explain(p, got, shown); e.rank < rank {
				best, rank = i, e.rank
			}
		}
	}
	if best < 0 {
		r.Hints = append(r.Hints, Hint{Code: HintDisplay, Address: r.Address, Text: Text{
			fmt.Sprintf("没有点位能解释 %v：型号不对，或寄存器表不同", shown), fmt.Sprintf("no point explains %v: another model, or another register map", shown)}})
		return
	}
	r.compare(best, points[best], v.known[placeOf(points[best])], shown)
}
