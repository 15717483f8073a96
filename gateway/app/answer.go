package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/look"
	"github.com/linshao/linshao/gateway/internal/poll"
	"github.com/linshao/linshao/rules"
)

// trialLimit bounds a trial read for somebody who waits at a page.
const trialLimit = 30 * time.Second

// answer answers what a person asks about a device, or the gateway itself, from afar. It writes to no device.
func (a *App) answer(ctx context.Context, id string, ask *wire.Ask) (*wire.Answer, error) {
	out := &wire.Answer{AtMs: a.cfg.Now().UnixMilli()}
	var no rules.Text
	switch about := ask.GetAbout().(type) {
	case *wire.Ask_Frames:
		out.Frames, no = a.lastFrames(id)
	case *wire.Ask_Trial:
		out.Trial, no = a.trial(ctx, id, about.Trial)
	case *wire.Ask_Doctor:
		out.Diagnosis, no = a.diagnose(ctx, about.Doctor)
	default:
		return nil, look.ErrUnknown
	}
	if no != (rules.Text{}) {
		out.Refused = &wire.Text{Zh: no.ZH, En: no.EN}
	}
	return out, ctx.Err()
}

// privateOn says of a channel's points whether their frames must not be kept: readers send card numbers and keys in theirs. What
// is not known to be harmless is not kept.
func privateOn(ch device.Channel) func(device.Point) bool {
	return func(p device.Point) bool {
		protocol := p.Protocol
		if protocol == "" {
			protocol = ch.Driver
		}
		return !slices.Contains([]string{"modbus", "dlt645", "cjt188", "gb15322",
			config.DriverModbusTCP, config.DriverModbusRTU, config.DriverDLT645, config.DriverCJT188, config.DriverGB15322}, protocol)
	}
}

// lastFrames are those between the gateway and a device.
func (a *App) lastFrames(id string) (list []*wire.Frame, no rules.Text) {
	p, ch, points := a.lineOf(id)
	if p == nil {
		return nil, noDevice(id)
	}
	frames, kept := p.Frames(id)
	if !kept {
		return nil, rules.Text{ZH: "这类设备的报文不保留：读卡器的报文含卡号，摄像头和外接驱动没有总线报文",
			EN: "frames of such a device are not kept: those of readers hold card numbers, and cameras and outside drivers have none"}
	}
	for _, f := range frames {
		list = append(list, &wire.Frame{AtMs: f.At.UnixMilli(), Out: f.Out, In: f.In, TookUs: uint32(f.Took.Microseconds()), Reason: uint32(f.Why), Cut: f.Cut,
			Refusal: uint32(commission.Refusal(ch, points[0], f.In))})
	}
	return list, no
}

func noDevice(id string) rules.Text {
	return rules.Text{ZH: "网关上没有设备 " + id + "，或它不经总线读取", EN: "the gateway has no device " + id + ", or does not read it on a line"}
}

// lineOf is who reads a device, and on which channel.
func (a *App) lineOf(id string) (*poll.Poller, device.Channel, []device.Point) {
	for _, ch := range a.cfg.Site.Channels {
		for _, d := range ch.Devices {
			if d.ID == id && len(d.Points) > 0 && a.byKey[id] != nil {
				return a.byKey[id], ch.Channel, d.Points
			}
		}
	}
	return nil, device.Channel{}, nil
}

// trial reads a device once, in its line's turn, and says what may be wrong where the display shows something else.
func (a *App) trial(ctx context.Context, id string, ask *wire.AskTrial) (*wire.Trial, rules.Text) {
	p, ch, points := a.lineOf(id)
	switch {
	case p == nil:
		return nil, noDevice(id)
	case privateOn(ch)(points[0]) || points[0].Protocol == "gb15322" || ch.Driver == config.DriverGB15322:
		return nil, rules.Text{ZH: "这类设备不能试读：它的读数自己来，或读一次就少一条", EN: "such a device is not read on trial: it tells by itself, or a read would take away what is to be read"}
	}
	service, err := commission.New(commission.Config{Site: a.cfg.Site, Models: []*config.Model{}, Log: a.cfg.Log,
		Open: func(context.Context, device.Channel) (commission.Line, error) { return inTurn{p}, nil }})
	if err != nil {
		return nil, trialError(err)
	}
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	shows := map[string]float64{}
	for _, s := range ask.GetShown() {
		shows[s.GetPoint()] = s.GetValue()
	}
	r, err := service.Read(ctx, commission.ReadRequest{Device: id, Shows: shows})
	if err != nil {
		return nil, trialError(err)
	}
	out := &wire.Trial{Model: r.Model, Channel: r.Channel, Address: r.Address}
	for i := range r.Trials {
		out.Points = append(out.Points, trialPoint(&r.Trials[i]))
	}
	for _, h := range r.Hints {
		if h.Code != commission.HintDisplay { // it stands at its point
			out.Hints = append(out.Hints, &wire.Text{Zh: h.Text.ZH, En: h.Text.EN})
		}
	}
	return out, rules.Text{}
}

// trialError says in people's words why a device was not read.
func trialError(err error) rules.Text {
	switch {
	case errors.Is(err, poll.ErrLent):
		return rules.Text{ZH: "这条总线正在扫描或调试，结束后再试", EN: "the line is being scanned or commissioned: try again when that is over"}
	case errors.Is(err, poll.ErrChannelDown):
		return rules.Text{ZH: "总线打不开：检查串口或网络连接，看网关的诊断", EN: "the line cannot be opened: check the port or the network, and the gateway's diagnosis"}
	case errors.Is(err, context.DeadlineExceeded):
		return rules.Text{ZH: "30 秒内没有读完：总线很忙，或设备不应答，看最近的报文", EN: "not read within 30 s: the line is busy or the device is silent, see its last frames"}
	}
	return rules.Text{ZH: "没有读成：" + err.Error(), EN: "it was not read: " + err.Error()}
}

// trialPoint puts a point on the wire.
func trialPoint(t *commission.Trial) *wire.TrialPoint {
	reason, _ := device.ParseReason(t.Reason)
	quality := device.Bad
	for _, q := range []device.Quality{device.Uncertain, device.Good} {
		if q.String() == t.Quality {
			quality = q
		}
	}
	p := &wire.TrialPoint{Device: t.Device, Point: t.Point, Unit: t.Unit, Value: t.Value, Label: t.Label, Quality: uint32(quality), Reason: uint32(reason), Raw: t.Raw,
		Register: t.Register, Human: t.Human, Type: t.Type, TookUs: uint32(t.TookMS * 1000), Shows: t.Shows}
	if t.Why != (commission.Text{}) {
		p.Why = &wire.Text{Zh: t.Why.ZH, En: t.Why.EN}
	}
	return p
}

// inTurn is a line that is read in its poller's turn: nobody else opens it.
type inTurn struct{ poller *poll.Poller }

// Read implements commission.Line.
func (l inTurn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	return l.poller.ReadTrial(ctx, points)
}

// Raw implements commission.Line.
func (inTurn) Raw(context.Context, device.Serial, []byte, func([]byte) bool) (device.Exchange, error) {
	return device.Exchange{}, fmt.Errorf("raw frames in a line's turn: %w", errors.ErrUnsupported)
}

// Close implements commission.Line.
func (inTurn) Close() error { return nil }
