package osdp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

const (
	// fresh is how old a state may get before it is asked for again. Most peripherals tell a change by themselves when polled; that
	// they do is no promise.
	fresh = time.Second
	// patience is how long a card waits for a read of its point before the next one is fetched.
	patience = 2 * time.Second
	// polls is how many things a peripheral may tell in one read.
	polls = 4
)

// A wire carries one question at a time: a line.Port.
type wire interface {
	Exchange(ctx context.Context, req line.Request, s line.Scanner) ([]byte, error)
	Close() error
}

// panel implements device.Conn.
type panel struct {
	port        wire
	now         func() time.Time
	random      io.Reader
	peripherals map[byte]*peripheral
	byText      map[string]*peripheral // the same, by address and secrets
}

// Close implements device.Conn.
func (p *panel) Close() error { return p.port.Close() }

// peripheral finds the device of an address, and forgets it when its keys have changed.
func (p *panel) peripheral(text string) (*peripheral, error) {
	if d := p.byText[text]; d != nil && p.peripherals[d.address.Number] == d {
		return d, nil
	}
	a, err := ParseAddress(text)
	if err != nil {
		return nil, err
	}
	d := newPeripheral(a)
	p.peripherals[a.Number], p.byText[text] = d, d
	return d, nil
}

// Read implements device.Conn: one poll, more while there is something to tell, and the states that are not fresh. When any of it
// fails there is no value: what is remembered is told again once the device answers.
func (p *panel) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	if len(points) == 0 {
		return nil, nil
	}
	readings := make([]device.Reading, len(points))
	d, err := p.peripheral(points[0].Address)
	if err != nil {
		for i, pt := range points {
			readings[i] = device.BadReading(pt, device.Unsupported, p.now())
		}
		return readings, nil
	}
	err = p.refresh(ctx, d, points)
	why, known := reasonOf(err)
	if err != nil && !known {
		return nil, fmt.Errorf("read OSDP device %d: %w", d.address.Number, err)
	}
	for i, pt := range points {
		if err != nil {
			readings[i] = device.BadReading(pt, why, p.now())
			continue
		}
		readings[i] = d.reading(pt, p.now())
	}
	return readings, nil
}

// reasonOf is what an error means for readings; known is false when the channel is gone.
func reasonOf(err error) (why device.Reason, known bool) {
	var fault *line.Fault
	var no refusal
	switch {
	case errors.As(err, &fault):
		return fault.Reason, true
	case errors.As(err, &no):
		return no.reason(), true
	}
	return device.ReasonNone, false
}

// ready sees to it that there is a session.
func (p *panel) ready(ctx context.Context, d *peripheral) error {
	if d.up && p.now().Sub(d.heard) < idle {
		return nil
	}
	return p.connect(ctx, d)
}

// refresh asks for all that the points need.
func (p *panel) refresh(ctx context.Context, d *peripheral, points []device.Point) error {
	if err := p.ready(ctx, d); err != nil {
		return err
	}
	cards := false
	for _, pt := range points {
		s := pt.Register.Space
		cards = cards || s == SpaceCard || s == spaceCardAt
	}
	waits := p.now().Before(d.untold)
	if err := p.poll(ctx, d, waits); err != nil {
		return err
	}
	if err := p.askStates(ctx, d, points); err != nil {
		return err
	}
	if cards { // they are told now
		d.untold = time.Time{}
	}
	return nil
}

// poll hears what a peripheral has to tell. While a card waits to be read it is only asked for its state: the next card would take
// the place of the first.
func (p *panel) poll(ctx context.Context, d *peripheral, waits bool) error {
	if waits {
		return p.askState(ctx, d, cmdLocal)
	}
	for range polls {
		r, err := p.ask(ctx, d, cmdPoll)
		if err != nil {
			return p.lost(d, err)
		}
		told, err := d.hear(r, p.now())
		if err != nil || !told || r.code == replyRaw {
			return p.lost(d, err)
		}
	}
	return nil
}

// lost ends the session of a peripheral whose answer makes no sense.
func (p *panel) lost(d *peripheral, err error) error {
	var fault *line.Fault
	if err != nil && (!errors.As(err, &fault) || fault.Reason != device.DeviceBusy) {
		d.drop()
	}
	return err
}

// askStates asks for the states that points need and that are not known, or not fresh.
func (p *panel) askStates(ctx context.Context, d *peripheral, points []device.Point) error {
	for _, command := range [...]byte{cmdLocal, cmdInputs, cmdOutputs, cmdReaders} {
		s := &d.status[states(command)]
		known := s.why == device.NoSuchPoint || !s.at.IsZero() && p.now().Sub(s.at) < fresh
		if known || !needs(points, command) {
			continue
		}
		if err := p.askState(ctx, d, command); err != nil {
			return err
		}
	}
	return nil
}

// needs says whether the answer to a command holds any of the points.
func needs(points []device.Point, command byte) bool {
	for _, pt := range points {
		if c, _ := stateOf(pt.Register); c == command {
			return true
		}
	}
	return false
}

// stateOf is where a state is reported; 0: it is none.
func stateOf(r device.Register) (command byte, at int) {
	switch r.Space {
	case spaceTamper:
		return cmdLocal, 0
	case spacePower:
		return cmdLocal, 1
	case spaceInput:
		return cmdInputs, int(r.Addr)
	case spaceOutput:
		return cmdOutputs, int(r.Addr)
	case spaceReader:
		return cmdReaders, int(r.Addr)
	}
	return 0, 0
}

// askState asks for one report. A peripheral that does not know it goes on without.
func (p *panel) askState(ctx context.Context, d *peripheral, command byte) error {
	r, err := p.ask(ctx, d, command)
	var no refusal
	if errors.As(err, &no) && no != nakNoSecure && no != nakCondition {
		d.status[states(command)] = status{at: p.now(), why: no.reason()}
		return nil
	}
	if err != nil {
		return p.lost(d, err)
	}
	return p.lost(d, d.note(r, p.now()))
}

// reading is what is known of a point. Its time is that of the answer it was in.
func (d *peripheral) reading(pt device.Point, now time.Time) device.Reading {
	if checkPlace(pt) != nil {
		return device.BadReading(pt, device.Unsupported, now)
	}
	if command, at := stateOf(pt.Register); command != 0 {
		s := d.status[states(command)]
		switch {
		case s.why != device.ReasonNone:
			return device.BadReading(pt, s.why, now)
		case at >= len(s.data):
			return device.BadReading(pt, device.NoSuchPoint, s.at)
		}
		return device.Judge(pt, float64(s.data[at]), s.at)
	}
	if s := pt.Register.Space; s == spaceLED || s == spaceBuzzer {
		return device.Judge(pt, d.set[setting{s, pt.Register.Addr}], d.heard) // it cannot be asked
	}
	if pt.Register.Space == SpaceCard && len(d.address.CardKey) == 0 {
		return device.BadReading(pt, device.Unsupported, now)
	}
	r := device.Judge(pt, d.known(pt.Register), d.heard)
	if pt.Register.Space == SpaceCard {
		r.Value = math.Round(r.Value) // a number without a unit: scaling may have cost its last place
	}
	return r
}

// known is what the panel itself knows of a peripheral.
func (d *peripheral) known(r device.Register) float64 {
	reader := byte(r.Addr)
	switch r.Space {
	case spaceOnline:
		return 1
	case spaceSecure:
		switch {
		case d.secure == nil:
			return 0
		case d.byDefault:
			return 2
		}
		return 1
	case SpaceCard:
		return float64(d.cards[reader].alias)
	case spaceCardAt:
		if c := d.cards[reader]; !c.at.IsZero() {
			return float64(c.at.UnixMilli()) / 1000
		}
		return 0
	case spaceKeys:
		return float64(d.keys[reader])
	case spaceVendor:
		return float64(d.id.vendor)
	case spaceModel:
		return float64(d.id.model)
	case spaceVersion:
		return float64(d.id.version)
	case spaceSerial:
		return float64(d.id.serial)
	}
	return math.NaN()
}
