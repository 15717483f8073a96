package osdp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A peripheral is one reader or door controller, and what it has told since the line was opened.
type peripheral struct {
	address Address
	session
	id     identity
	status [4]status // local, inputs, outputs, readers
	cards  map[byte]card
	keys   map[byte]uint64
	set    map[setting]float64 // what was last ordered and confirmed of lamps and buzzers: they cannot be asked
	untold time.Time           // until when a new card waits to be read before the next one is fetched
}

// An identity is what a peripheral says of itself.
type identity struct {
	vendor         uint32
	model, version byte
	serial         uint32
}

// A status is an answer to one of the four questions for states, or what a poll told of it.
type status struct {
	data []byte
	at   time.Time     // zero: not known
	why  device.Reason // it cannot be had
}

// A setting is a lamp or a buzzer.
type setting struct {
	space string
	addr  uint32
}

func newPeripheral(a Address) *peripheral {
	return &peripheral{address: a, cards: map[byte]card{}, keys: map[byte]uint64{}, set: map[setting]float64{}}
}

// drop ends the session. What it told of states is not known any more; cards and keys have been.
func (d *peripheral) drop() {
	d.session, d.status = session{}, [4]status{}
	clear(d.set)
}

// identify reads an identity report. Another device than before has no past.
func (d *peripheral) identify(b []byte) error {
	const size = 12
	if len(b) != size {
		d.drop()
		return &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("an identity of %d bytes", len(b))}
	}
	id := identity{vendor: uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16, model: b[3], version: b[4], serial: binary.LittleEndian.Uint32(b[5:])}
	if id != d.id {
		clear(d.cards)
		clear(d.keys)
		d.untold = time.Time{}
	}
	d.id = id
	return nil
}

// states is which status a command asks for.
func states(command byte) int { return int(command - cmdLocal) }

// hear takes in what a poll brought; told says that it was something.
func (d *peripheral) hear(r reply, now time.Time) (told bool, err error) {
	b := r.data
	switch r.code {
	case replyLocal, replyInputs, replyOutputs, replyReaders:
		return true, d.note(r, now)
	case replyRaw:
		const head = 4
		if len(b) < head || len(b) != head+(int(b[2])|int(b[3])<<8+7)/8 {
			return true, misshapen("card", len(b))
		}
		bits := int(b[2]) | int(b[3])<<8
		if bits == 0 {
			break // no card
		}
		d.cards[b[0]] = card{alias: cardAlias(d.address.CardKey, bits, b[head:]), at: now}
		d.untold = now.Add(patience)
	case replyKeypad:
		const head = 2
		if len(b) < head || len(b) != head+int(b[1]) {
			return true, misshapen("row of keys", len(b))
		}
		d.keys[b[0]] += uint64(b[1])
	}
	return r.code != replyAck, nil
}

// note takes in a report of states.
func (d *peripheral) note(r reply, now time.Time) error {
	if r.code == replyLocal && len(r.data) != 2 {
		return misshapen("report of its own state", len(r.data))
	}
	d.status[r.code-replyLocal] = status{data: bytes.Clone(r.data), at: now}
	return nil
}

func misshapen(what string, n int) error {
	return &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("a %s of %d bytes", what, n)}
}
