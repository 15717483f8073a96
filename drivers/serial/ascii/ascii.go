// Package ascii hears card readers that speak unasked, in lines of text: what a line looks like is the installer's regular expression,
// in a profile. The gateway's poll uses it as a device.Driver.
//
// A reader that speaks when it likes cannot share a line: it is alone on it. It says nothing while no card is held to it, so that a dead
// reader cannot be told from an idle one.
//
// It promises: a card is told only of a whole line that the expression fits, with a right checksum and right parity where it has them;
// every such card is told, in its turn and once while it stays, for one read of its point at least. A card's number leaves the package as the same keyed hash
// as OSDP makes of it, never as itself, and stands in no error.
package ascii

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// MaxPoll is the longest interval between two reads: at 9600 bit/s the line holds what a reader says for as long, however much it speaks.
// A faster one that speaks without end loses lines, which are counted as errors.
const MaxPoll = time.Second

// Driver opens serial lines with one reader at their end, by default 9600 bit/s without parity. Its zero value is ready.
type Driver struct {
	Now func() time.Time // stamps readings; nil means time.Now
}

// Open opens the serial port at ch.Address with ch.Serial's settings.
func (d Driver) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	if ch.Serial.Baud == 0 {
		ch.Serial.Baud = 9600
	}
	if ch.Serial.Parity == "" {
		ch.Serial.Parity = device.ParityNone
	}
	port, err := line.Open(ctx, ch)
	if err != nil {
		return nil, err
	}
	return d.on(port), nil
}

func (d Driver) on(port wire) *reader {
	if d.Now == nil {
		d.Now = time.Now
	}
	salt := make([]byte, 32)
	rand.Read(salt) //nolint:errcheck // never fails
	return &reader{port: port, now: d.Now, salt: salt}
}

// Spaces of a reader: what a point's `at` is. All but the time of the card begin at 0 when the line is opened.
const (
	SpaceCard  = "card"    // the last card, as a number that says nothing; 0: none yet
	spaceAt    = "card_at" // when, in seconds since 1970; 0: none yet
	spaceReads = "reads"   // how many cards were read
	spaceFalse = "errors"  // how many lines were none, or wrong, and how many cards were too many at once
)

// Spaces are the places of a reader.
func Spaces() []string { return []string{SpaceCard, spaceAt, spaceReads, spaceFalse} }

// CheckPoint says what keeps a point from ever being read, in a sentence for the one who wrote the profile; nil when nothing does.
func CheckPoint(p device.Point) error {
	switch p.Register.Space {
	case SpaceCard, spaceAt, spaceReads, spaceFalse:
	default:
		return fmt.Errorf("point %s: there is no %q in a reader", p.Name, p.Register.Space)
	}
	if len(p.Writable) > 0 {
		return fmt.Errorf("point %s: a reader that speaks unasked hears nothing", p.Name)
	}
	if _, err := parseText(p.Register.Type); err != nil {
		return fmt.Errorf("point %s: %w", p.Name, err)
	}
	return nil
}
