package ascii

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// A wire tells what came in: a line.Port.
type wire interface {
	Take(buf []byte) (got []byte, last time.Time, lost bool, err error)
	Close() error
}

const (
	maxWaiting = 16                     // cards that wait to be read
	patience   = 500 * time.Millisecond // after which half a line is none
	repeat     = time.Second            // a card that is still there is told again and again by some readers: within this it is one
)

// reader implements device.Conn.
type reader struct {
	port    wire
	now     func() time.Time
	text    string // of the format
	format  *format
	pending []byte // of a line that is not over
	long    bool   // the line is longer than any: what comes up to its end is dropped
	waiting []card
	salt    []byte // of this process alone
	present uint64 // what stands for the card that was there last, by the salt
	seen    time.Time
	last    card
	reads   uint64
	errors  uint64
}

// A card is what is kept of one: never its number.
type card struct {
	alias uint64 // 0: without the site's key
	at    time.Time
}

// Close implements device.Conn.
func (r *reader) Close() error { return r.port.Close() }

// Write implements device.Conn: a reader hears nothing.
func (r *reader) Write(_ context.Context, p device.Point, _ float64) error {
	return fmt.Errorf("write %s of %s: a reader that speaks unasked hears nothing: %w", p.Name, p.Device, errors.ErrUnsupported)
}

// Read implements device.Conn: it takes in what the reader has said. Where several cards wait, each read of the card's point tells one.
func (r *reader) Read(_ context.Context, points []device.Point) ([]device.Reading, error) {
	if len(points) == 0 {
		return nil, nil
	}
	now := r.now()
	address, err := osdp.ParseAddress(points[0].Address)
	if err == nil {
		err = r.use(points[0].Register.Type)
	}
	if err == nil {
		if err := r.hear(address.CardKey); err != nil {
			return nil, fmt.Errorf("listen to a reader: %w", err)
		}
		r.tell(points)
	}
	readings := make([]device.Reading, len(points))
	for i, p := range points {
		if err != nil || CheckPoint(p) != nil || p.Register.Space == SpaceCard && len(address.CardKey) == 0 {
			readings[i] = device.BadReading(p, device.Unsupported, now)
			continue
		}
		if readings[i] = device.Judge(p, r.value(p.Register.Space), now); p.Register.Space == SpaceCard {
			readings[i].Value = math.Round(readings[i].Value) // a number without a unit: scaling may have cost its last place
		}
	}
	return readings, nil
}

func (r *reader) use(text string) (err error) {
	if r.format == nil || r.text != text {
		r.text = text
		r.format, err = parseText(text)
	}
	return err
}

// hear takes in what came.
func (r *reader) hear(key []byte) error {
	got, last, lost, err := r.port.Take(r.pending)
	if err != nil {
		return err
	}
	r.pending = got
	end := []byte(r.format.End)
	for {
		frame, rest, whole := bytes.Cut(r.pending, end)
		if !whole {
			break
		}
		r.frame(frame, key)
		r.pending = append(r.pending[:0], rest...)
	}
	switch n := len(r.pending); {
	case lost: // what comes may be the tail of another line
		r.pending, r.long = r.pending[:0], true
	case n > maxFrame:
		r.long = true
		r.pending = append(r.pending[:0], r.pending[n-len(end)+1:]...) // the end may have begun
	case (n > 0 || r.long) && time.Since(last) > patience:
		r.drop()
	}
	return nil
}

// drop gives up half a line.
func (r *reader) drop() {
	if len(bytes.TrimSpace(r.pending)) > 0 || r.long {
		r.errors++
	}
	r.pending, r.long = r.pending[:0], false
}

// frame takes in a line.
func (r *reader) frame(frame, key []byte) {
	tooLong := r.long || len(frame) > maxFrame
	r.long = false
	if !tooLong && len(bytes.TrimSpace(frame)) == 0 {
		return
	}
	n, size, err := r.format.decode(frame)
	if tooLong || err != nil || size == 0 {
		r.errors++
		return
	}
	now, what := r.now(), alias(r.salt, n, size)
	again := what == r.present && now.Sub(r.seen) < repeat
	if r.present, r.seen = what, now; again {
		return
	}
	r.reads++
	if len(r.waiting) == maxWaiting {
		r.waiting = r.waiting[1:]
		r.errors++
	}
	r.waiting = append(r.waiting, card{alias(key, n, size), now})
}

// tell makes the next card that waits the last one, if anybody reads it.
func (r *reader) tell(points []device.Point) {
	for _, p := range points {
		if s := p.Register.Space; len(r.waiting) > 0 && (s == SpaceCard || s == spaceAt) {
			r.last = r.waiting[0]
			r.waiting = r.waiting[1:]
			return
		}
	}
}

func (r *reader) value(space string) float64 {
	switch space {
	case SpaceCard:
		return float64(r.last.alias)
	case spaceAt:
		if r.last.at.IsZero() {
			return 0
		}
		return float64(r.last.at.UnixMilli()) / 1000
	case spaceReads:
		return float64(r.reads)
	}
	return float64(r.errors)
}
