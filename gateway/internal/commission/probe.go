package commission

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// States of a probed register.
const (
	RegisterValue     = "value"
	RegisterIllegal   = "illegal"   // the device has no such address
	RegisterException = "exception" // it refuses for another reason, see Code
	RegisterDamaged   = "damaged"   // the answer had a wrong checksum or length
	RegisterSilent    = "silent"
)

// probeChunk is how many registers are asked for at once; where a part of them is missing, the halves are.
const probeChunk = 16

// Probe reads a device of which no map is known, register by register where it must. It never writes. A caller who wants no more gets
// what was read until then, Stopped.
func (s *Service) Probe(ctx context.Context, req ProbeRequest, progress func(Progress)) (ProbeReport, error) {
	c, err := s.channel(req.Channel)
	if err != nil {
		return ProbeReport{}, err
	}
	pr, err := newProber(c, req)
	if err != nil {
		return ProbeReport{}, err
	}
	pr.tell = func(p Progress) {
		if progress != nil {
			progress(p)
		}
	}
	ch := c.Channel
	if ch.Timeout = wireTimeout * 2; req.TimeoutMS > 0 {
		ch.Timeout = min(time.Duration(req.TimeoutMS)*time.Millisecond, mostTimeout)
	}
	began := time.Now()
	err = s.use(ctx, ch, pr.run, func() { pr.tell(Progress{Kind: Recalled}) })
	pr.report.TookMS = ms(time.Since(began))
	if ctx.Err() != nil {
		pr.report.Stopped, err = true, nil
	}
	if err != nil {
		return ProbeReport{}, fmt.Errorf("probe %s: %w", req.Address, err)
	}
	guess(pr.report.Registers)
	pr.report.Hints = append(pr.report.Hints, pr.hints()...)
	return pr.report, nil
}

// A prober is a probe under way. It goes on where it was after an interruption.
type prober struct {
	channel *config.Channel
	spaces  []string
	all     []int // registers, of each space
	at      int   // space
	next    int   // register of it
	report  ProbeReport
	seen    *view
	lost    map[string]bool // spaces that the device does not have
	alive   map[string]bool // spaces of which something answered
	tell    func(Progress)
}

func newProber(c *config.Channel, req ProbeRequest) (*prober, error) {
	unit, err := strconv.Atoi(req.Address)
	if err != nil || unit < 1 || unit > lastUnit {
		return nil, fmt.Errorf("a Modbus unit is 1–%d, not %q", lastUnit, req.Address)
	}
	pr := &prober{channel: c, spaces: req.Spaces, lost: map[string]bool{}, alive: map[string]bool{}}
	if pr.spaces == nil {
		pr.spaces = []string{"holding", "input", "coil", "discrete"}
	}
	for _, space := range pr.spaces {
		if !slices.Contains([]string{"holding", "input", "coil", "discrete"}, space) {
			return nil, fmt.Errorf("there is no space %q: holding, input, coil, discrete", space)
		}
	}
	registers := req.Registers
	if registers == nil {
		registers = Ranges{{0, 127}}
	}
	pr.all = registers.All()
	if c.Driver != config.DriverModbusTCP && req.Setting.Baud == 0 {
		req.Setting = settingOf(c.Serial)
	}
	pr.report = ProbeReport{Channel: c.ID, Address: req.Address, Setting: req.Setting, Registers: []Register{}}
	return pr, nil
}

func (pr *prober) run(ctx context.Context, l Line) error {
	pr.seen = newView(l, pr.channel, Found{Protocol: protocolModbus, Address: pr.report.Address, Setting: pr.report.Setting})
	total := len(pr.spaces) * len(pr.all)
	for ; pr.at < len(pr.spaces); pr.at, pr.next = pr.at+1, 0 {
		space := pr.spaces[pr.at]
		for pr.next < len(pr.all) {
			n := 1
			for n < probeChunk && pr.next+n < len(pr.all) && pr.all[pr.next+n] == pr.all[pr.next]+n {
				n++
			}
			got, err := pr.chunk(ctx, space, pr.all[pr.next:pr.next+n])
			if err != nil {
				return err
			}
			pr.report.Registers = append(pr.report.Registers, got...)
			pr.next += n
			pr.tell(Progress{Kind: Tried, What: space, Done: pr.at*len(pr.all) + pr.next, Total: total})
		}
	}
	return nil
}

// chunk reads registers that follow each other: all at once, and when that is not answered with values, in halves.
func (pr *prober) chunk(ctx context.Context, space string, addrs []int) ([]Register, error) {
	state, code := RegisterIllegal, byte(illegalFunction)
	if !pr.lost[space] {
		var values []Register
		var err error
		if values, state, code, err = pr.ask(ctx, space, addrs); err != nil {
			return nil, err
		}
		if values != nil {
			pr.alive[space] = true
			return values, nil
		}
		if state == RegisterException && code == illegalFunction {
			pr.lost[space] = true
		}
		// A space that never answered is not taken apart to the last register: each silence costs a time-out.
		if divided := state != RegisterException && (state != RegisterSilent || pr.alive[space]); divided && len(addrs) > 1 {
			left, err := pr.chunk(ctx, space, addrs[:len(addrs)/2])
			if err != nil {
				return nil, err
			}
			right, err := pr.chunk(ctx, space, addrs[len(addrs)/2:])
			return append(left, right...), err
		}
	} else {
		state = RegisterException
	}
	all := make([]Register, len(addrs))
	for i, a := range addrs {
		all[i] = Register{Space: space, Addr: uint16(a), State: state, Code: code}
	}
	return all, nil
}

// ask sends one request. values is nil when it was not answered with some; then state says with what.
func (pr *prober) ask(ctx context.Context, space string, addrs []int) (values []Register, state string, code byte, err error) {
	v := pr.seen
	kind := "u16"
	if space == "coil" || space == "discrete" {
		kind = "bool"
	}
	// The driver itself takes a block apart that is refused for an illegal address; the rest is for us.
	points := make([]device.Point, len(addrs))
	for i, a := range addrs {
		points[i] = v.at(device.Point{Name: strconv.Itoa(a), Register: device.Register{Space: space, Addr: uint32(a), Type: kind}})
	}
	v.code = 0
	requests := 0
	trace := &device.Trace{Exchanged: func(x device.Exchange) { requests++; v.see(x) }}
	raws := make([][]byte, len(points))
	trace.Found = func(p device.Point, raw []byte) {
		if i := slices.IndexFunc(points, func(o device.Point) bool { return o.Name == p.Name }); i >= 0 {
			raws[i] = slices.Clone(raw)
		}
	}
	readings, err := v.line.Read(device.WithTrace(ctx, trace), points)
	pr.report.Frames += requests
	if cause := context.Cause(ctx); cause != nil {
		return nil, "", 0, cause
	}
	if err != nil {
		return nil, "", 0, err
	}
	return pr.sortOut(space, addrs, readings, raws)
}

func (pr *prober) sortOut(space string, addrs []int, readings []device.Reading, raws [][]byte) ([]Register, string, byte, error) {
	took, code := ms(pr.seen.last.Took), pr.seen.code
	some := slices.ContainsFunc(raws, func(r []byte) bool { return r != nil })
	values := make([]Register, len(addrs))
	for i, a := range addrs {
		values[i] = Register{Space: space, Addr: uint16(a), State: stateOf(readings[i].Reason), TookMS: took}
		if values[i].State == RegisterException {
			values[i].Code = code
		}
		if raw := raws[i]; raw != nil {
			values[i].State = RegisterValue
			for _, b := range raw {
				values[i].Raw = values[i].Raw<<8 | uint16(b)
			}
		}
	}
	if some || stateOf(readings[0].Reason) == RegisterIllegal {
		return values, "", 0, nil // the driver has taken the block apart by itself
	}
	return nil, stateOf(readings[0].Reason), code, nil
}

func stateOf(why device.Reason) string {
	switch why {
	case device.NoSuchPoint:
		return RegisterIllegal
	case device.Timeout:
		return RegisterSilent
	case device.Corrupt, device.Mismatch:
		return RegisterDamaged
	}
	return RegisterException
}

func (pr *prober) hints() []Hint {
	if pr.report.Stopped || slices.ContainsFunc(pr.report.Registers, func(r Register) bool { return r.State != RegisterSilent }) {
		return pr.seen.hints()
	}
	return []Hint{{Code: HintSilent, Address: pr.report.Address, Text: Text{
		fmt.Sprintf("地址 %s 对什么都不应答：先 gateway scan 看它在不在、用什么参数", pr.report.Address),
		fmt.Sprintf("address %s answers nothing: run gateway scan to see whether it is there, and at which settings", pr.report.Address)}}}
}

// readable says of an unknown device where it has registers at all.
func (v *view) readable(ctx context.Context, f *Found) error {
	var parts []string
	for _, space := range []string{"holding", "input"} {
		pr := &prober{channel: v.channel, spaces: []string{space}, all: Ranges{{0, probeChunk - 1}}.All(), lost: map[string]bool{}, alive: map[string]bool{},
			tell: func(Progress) {}, report: ProbeReport{Address: f.Address, Setting: f.Setting}}
		if err := pr.run(ctx, v.line); err != nil {
			return err
		}
		parts = append(parts, runs(pr.report.Registers)...)
	}
	f.Readable = strings.Join(parts, " ")
	return nil
}

// runs writes which registers have values, from 1 and with the space's digit: "4x0001–4x0010".
func runs(registers []Register) (parts []string) {
	for i := 0; i < len(registers); i++ {
		if registers[i].State != RegisterValue {
			continue
		}
		first := i
		for i+1 < len(registers) && registers[i+1].State == RegisterValue && registers[i+1].Addr == registers[i].Addr+1 {
			i++
		}
		text := human(registers[first])
		if i > first {
			text += "–" + human(registers[i])
		}
		parts = append(parts, text)
	}
	return parts
}

func human(r Register) string {
	_, name := placeNames(device.Point{Register: device.Register{Space: r.Space, Addr: uint32(r.Addr)}}, protocolModbus)
	return name
}
