package osdp

import (
	"fmt"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A reply is what a peripheral answered: of the right device, to the right command, authentic where that was agreed on.
type reply struct {
	code     byte
	data     []byte // good until the next exchange
	security []byte // type and data of the handshake's block
}

// A question is the command that is under way.
type question struct {
	peripheral *peripheral
	code       byte
	sequence   byte
	reply      reply
}

// refused is the peripheral's own no; nil when it obeys.
func (q *question) refused() error {
	if q.reply.code != replyNak {
		return nil
	}
	if len(q.reply.data) == 0 {
		return refusal(0)
	}
	return refusal(q.reply.data[0])
}

// Scan implements line.Scanner. Noise, our own echo, other peripherals' frames and late answers are skipped; whatever looks like a
// frame of ours and cannot be believed ends the exchange.
func (q *question) Scan(got []byte, over bool) ([]byte, error) {
	strangers, damaged := 0, 0
	for rest := got; len(rest) > 0; {
		f, size, s := look(rest)
		switch {
		case s == partial && !over:
			return nil, nil
		case s == partial, s == broken:
			damaged++
		case s == noise && rest[0] != mark:
			damaged++
		case s == whole && f.address&replyFlag == 0: // an echo, or another panel
		case s == whole:
			mine, err := q.judge(f)
			if err != nil {
				return nil, err
			}
			if mine {
				return rest[:size], nil
			}
			strangers++
		}
		rest = rest[size:]
	}
	switch {
	case over && strangers > 0:
		return nil, &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("%d answers of another device or command", strangers)}
	case over && damaged > 0:
		return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes that are no answer", len(got))}
	}
	return nil, nil
}

// judge says whether a frame is the answer. An error says that the peripheral cannot or must not be heard any more.
func (q *question) judge(f frame) (mine bool, err error) {
	d := q.peripheral
	if f.address != d.address.Number|replyFlag {
		return false, nil
	}
	if f.security == nil {
		if mine, err = q.judgePlain(f); mine || err != nil {
			return mine, err
		}
	}
	if f.sequence() != q.sequence {
		return false, nil
	}
	switch {
	case d.secure != nil && q.code == cmdKeySet && f.security == nil && f.code == replyAck && d.trusts(f):
		// The channel may have ended with the old key. Whether the new one is there is proved by the next handshake.
	case d.secure != nil:
		return q.judgeSecure(f)
	case q.code == cmdChlng || q.code == cmdScrypt:
		if len(f.security) != 2 || f.authentic() || !fits(q.code, f.code) || !d.trusts(f) {
			return false, nil
		}
	case f.security != nil, !fits(q.code, f.code), !d.trusts(f):
		return false, nil
	}
	q.reply = reply{code: f.code, data: f.data, security: f.security}
	return true, nil
}

// judgePlain hears what a peripheral says outside the order of things: that it is busy, or that it has lost count.
func (q *question) judgePlain(f frame) (mine bool, err error) {
	switch {
	case f.code == replyBusy && len(f.data) == 0 && (f.sequence() == 0 || f.sequence() == q.sequence):
		return false, &line.Fault{Reason: device.DeviceBusy, Detail: "busy"}
	case f.code != replyNak || len(f.data) == 0:
		return false, nil
	case f.data[0] == nakSequence && q.peripheral.began:
		return false, &line.Fault{Reason: device.Refused, Detail: refusal(nakSequence).Error()}
	case f.sequence() != q.sequence, !q.peripheral.trusts(f) && f.data[0] != nakCheck:
		return false, nil
	case q.peripheral.secure != nil: // it has lost the secure channel, or somebody wants us to think so
		return false, &line.Fault{Reason: device.AuthFailed, Detail: refusal(f.data[0]).Error()}
	}
	q.reply = reply{code: f.code, data: f.data}
	return true, nil
}

// judgeSecure believes what is signed, and nothing else with the right number.
func (q *question) judgeSecure(f frame) (mine bool, err error) {
	c := q.peripheral.secure
	tampered := &line.Fault{Reason: device.AuthFailed, Detail: errTampered.Error()}
	if !f.authentic() || f.security[0] != macReply && f.security[0] != secretReply || c.verify(f) != nil {
		return false, tampered
	}
	data := f.data
	if f.secret() {
		if data, err = c.unseal(data); err != nil {
			return false, tampered
		}
	}
	if !fits(q.code, f.code) {
		return false, &line.Fault{Reason: device.Refused, Detail: fmt.Sprintf("answers %02X to %02X", f.code, q.code)}
	}
	q.reply = reply{code: f.code, data: data}
	return true, nil
}
