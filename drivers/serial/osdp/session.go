package osdp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A session is what panel and peripheral have agreed on since the panel began with sequence number 0.
type session struct {
	up        bool     // everything that has to be agreed on is
	began     bool     // number 0 was answered
	sequence  byte     // of the last command that was answered
	secure    *channel // nil: in the clear
	byDefault bool     // the channel is made with the key that everybody knows
	sums      bool     // the peripheral knows no CRC
	heard     time.Time
}

// next is the number of the next command: 0 only to begin.
func (s *session) next() byte {
	if !s.began {
		return 0
	}
	return s.sequence%3 + 1
}

func (s *session) check() byte {
	if s.sums {
		return 0
	}
	return controlCRC
}

// trusts says whether a frame is checked well enough: one with a checksum alone is heard only of a peripheral that knows no CRC.
func (s *session) trusts(f frame) bool { return s.sums || f.control&controlCRC != 0 }

// retries is how often a command is sent again, with its own number: the peripheral then repeats its answer and does nothing twice.
const retries = 2

// ask sends a command and waits for its answer. A *line.Fault or a refusal leaves the line usable; after a fault the session is over,
// but for a peripheral that is busy.
func (p *panel) ask(ctx context.Context, d *peripheral, code byte, data ...byte) (reply, error) {
	return p.exchange(ctx, d, code, data, nil)
}

// exchange is ask with a security block of the handshake.
func (p *panel) exchange(ctx context.Context, d *peripheral, code byte, data, security []byte) (reply, error) {
	q := &question{peripheral: d, code: code, sequence: d.next()}
	request, err := d.request(q, data, security)
	if err != nil {
		return reply{}, err
	}
	for try := 0; ; try++ {
		_, err = p.port.Exchange(ctx, line.Request{Frame: request, To: lineID | uint64(d.address.Number), Expect: expect(code), Whole: code != cmdPoll}, q)
		if err == nil {
			d.began, d.sequence, d.heard = true, q.sequence, p.now()
			return q.reply, q.refused()
		}
		var fault *line.Fault
		if errors.As(err, &fault) && again(fault.Reason) && d.began && try < retries && ctx.Err() == nil {
			continue
		}
		// A poll that meets a busy peripheral is asked again in its turn, with the same number; everything else begins anew.
		if fault == nil || fault.Reason != device.DeviceBusy || code != cmdPoll {
			d.drop()
		}
		return reply{}, err
	}
}

// lineID keeps peripherals apart from other protocols' devices in the line's book of late answers.
const lineID = 0x4F534450 << 32

// again says whether a command may be sent once more. What is not authentic is not asked for again.
func again(why device.Reason) bool {
	return why == device.Timeout || why == device.Corrupt || why == device.Mismatch || why == device.DeviceBusy
}

// expect is the length of the longest usual answer.
func expect(code byte) int {
	switch code {
	case cmdCap, cmdChlng:
		return 64
	}
	return 40
}

// request builds a command; in a secure channel it is signed, and its data is secret.
func (d *peripheral) request(q *question, data, security []byte) ([]byte, error) {
	f := frame{address: d.address.Number, control: q.sequence | d.check(), code: q.code, data: data, security: security}
	if d.secure == nil || security != nil {
		if security != nil {
			f.control |= controlSecure
		}
		return appendFrame(nil, f, 0, nil), nil
	}
	f.control |= controlSecure
	f.security = []byte{macCommand}
	if len(data) > 0 {
		f.security[0], f.data = secretCommand, d.secure.seal(data)
	}
	return appendFrame(nil, f, macBytes, func(signed []byte) []byte {
		d.secure.own = d.secure.sign(signed)
		return d.secure.own[:macBytes]
	}), nil
}

// connect begins a session: number 0, who are you, what can you do, and the handshake of the secure channel if there is a key.
func (p *panel) connect(ctx context.Context, d *peripheral) error {
	d.drop()
	r, err := p.ask(ctx, d, cmdID, 0)
	var no refusal
	if errors.As(err, &no) && no == nakCheck {
		d.session = session{sums: true}
		r, err = p.ask(ctx, d, cmdID, 0)
	}
	if err != nil {
		return err
	}
	plain := d.address.Key == nil && !d.address.Install
	if plain {
		if err := d.identify(r.data); err != nil {
			return err
		}
	}
	able, err := p.capabilities(ctx, d)
	if err != nil {
		return err
	}
	if plain {
		d.up = true
		return nil
	}
	if !able {
		d.drop()
		return &line.Fault{Reason: device.AuthFailed, Detail: "the device has no secure channel, and a key is given"}
	}
	if err := p.secure(ctx, d); err != nil {
		d.drop()
		return err
	}
	if r, err = p.ask(ctx, d, cmdID, 0); err != nil { // what was said before the handshake, anybody may have said
		d.drop()
		return err
	}
	if err := d.identify(r.data); err != nil {
		return err
	}
	d.up = true
	return nil
}

// capabilities asks what a peripheral can do, and answers whether it can be spoken to securely. One that does not know the command
// is asked without.
func (p *panel) capabilities(ctx context.Context, d *peripheral) (secure bool, err error) {
	r, err := p.ask(ctx, d, cmdCap, 0)
	var no refusal
	if errors.As(err, &no) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for list := r.data; len(list) >= 3; list = list[3:] {
		switch function, level := list[0], list[1]; function {
		case capCheck:
			d.sums = level&1 == 0
		case capSecurity:
			secure = level&1 != 0
		}
	}
	return secure, nil
}

// secure makes the secure channel, with the device's own key. Where it is being installed, the key that everybody knows serves to
// give it its own.
func (p *panel) secure(ctx context.Context, d *peripheral) error {
	key := d.address.Key
	if key != nil && key.IsDefault() && !d.address.Install {
		return &line.Fault{Reason: device.AuthFailed, Detail: "the key that everybody knows is for installing only"}
	}
	var err error
	if key != nil && !key.IsDefault() {
		if err = p.handshake(ctx, d, *key, false); err == nil || !d.address.Install {
			return err
		}
		var fault *line.Fault
		var no refusal
		if !errors.As(err, &no) && (!errors.As(err, &fault) || fault.Reason != device.AuthFailed) {
			return err
		}
	}
	if err := p.restart(ctx, d); err != nil {
		return err
	}
	if err := p.handshake(ctx, d, defaultKey(), true); err != nil || key == nil || key.IsDefault() {
		return err
	}
	if _, err := p.ask(ctx, d, cmdKeySet, append([]byte{1, byte(len(key))}, key[:]...)...); err != nil {
		return fmt.Errorf("give the device its key: %w", err)
	}
	if err := p.restart(ctx, d); err != nil {
		return err
	}
	return p.handshake(ctx, d, *key, false)
}

// restart begins a session again, for a second handshake.
func (p *panel) restart(ctx context.Context, d *peripheral) error {
	sums := d.sums
	d.drop()
	d.sums = sums
	_, err := p.ask(ctx, d, cmdID, 0)
	return err
}

// handshake proves to each other that both sides know the key, without telling it.
func (p *panel) handshake(ctx context.Context, d *peripheral, key Key, byDefault bool) error {
	which := byte(1)
	if byDefault {
		which = 0
	}
	var own, theirs [randomBytes]byte
	if _, err := io.ReadFull(p.random, own[:]); err != nil {
		return fmt.Errorf("make a random number: %w", err)
	}
	r, err := p.exchange(ctx, d, cmdChlng, own[:], []byte{secureChallenge, which})
	if err != nil {
		return authFault(err)
	}
	const uniqueID = 8
	if len(r.data) != uniqueID+randomBytes+16 || r.security[0] != secureCryptic || r.security[1] != which {
		return unproven()
	}
	c, err := newChannel(key, own)
	if err != nil {
		return err
	}
	copy(theirs[:], r.data[uniqueID:])
	if proof := c.cryptogram(own, theirs); !equal(proof[:], r.data[uniqueID+randomBytes:]) {
		return unproven()
	}
	proof := c.cryptogram(theirs, own)
	r, err = p.exchange(ctx, d, cmdScrypt, proof[:], []byte{secureProof, which})
	if err != nil {
		return authFault(err)
	}
	first := c.firstMAC(proof)
	if r.security[0] != secureAgreed || r.security[1] != 1 || !equal(r.data, first[:]) {
		return unproven()
	}
	c.theirs = first
	d.secure, d.byDefault = c, byDefault
	return nil
}

func unproven() error { return &line.Fault{Reason: device.AuthFailed, Detail: errProof.Error()} }

// authFault tells a refusal of the handshake from a line that is disturbed.
func authFault(err error) error {
	var no refusal
	if errors.As(err, &no) {
		return &line.Fault{Reason: device.AuthFailed, Detail: no.Error()}
	}
	return err
}
