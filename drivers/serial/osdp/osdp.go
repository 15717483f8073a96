// Package osdp is the control panel of OSDP v2 card readers and door controllers (SIA OSDP v2.2, IEC 60839-11-5): it polls them, and
// keeps what they tell only once, such as a card, until it was read. The gateway's poll uses it as a device.Driver, alone on a line or
// together with meters.
//
// It promises: a value is always of the device that was asked, answered to this very question, or the reading is bad with a reason.
// With a key, every message is signed and what it says is secret; one that is repeated or changed ends the secure channel and is never
// believed. A card's number leaves the package as a keyed hash only, a key's digit not at all. An output moves only as the profile
// says, a pulse for 1 to 30 s.
package osdp

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// Timeout is how long a peripheral may take to begin its answer, by the standard.
const Timeout = 200 * time.Millisecond

// MaxPoll is the longest interval between two polls: after 8 s without one a peripheral takes its panel for gone.
const MaxPoll = 4 * time.Second

// idle is when a session is taken for ended: the peripheral has given it up by then.
const idle = 8 * time.Second

// Driver opens channels on serial lines that speak OSDP, by default 9600 bit/s without parity. Its zero value is ready.
type Driver struct {
	Now    func() time.Time // stamps readings; nil means time.Now
	Random io.Reader        // of secure channels; nil means crypto/rand
}

// Open opens the serial port at ch.Address with ch.Serial's settings.
func (d Driver) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	if ch.Serial.Baud == 0 {
		ch.Serial.Baud = 9600
	}
	if ch.Serial.Parity == "" {
		ch.Serial.Parity = device.ParityNone
	}
	if ch.Timeout <= 0 {
		ch.Timeout = Timeout
	}
	port, err := line.Open(ctx, ch)
	if err != nil {
		return nil, err
	}
	return d.On(port), nil
}

// On speaks OSDP on a line that other protocols use too.
func (d Driver) On(port *line.Port) device.Conn { return d.on(port) }

func (d Driver) on(port wire) *panel {
	p := &panel{port: port, now: d.Now, random: d.Random, peripherals: map[byte]*peripheral{}, byText: map[string]*peripheral{}}
	if p.now == nil {
		p.now = time.Now
	}
	if p.random == nil {
		p.random = rand.Reader
	}
	return p
}
