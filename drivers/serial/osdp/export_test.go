package osdp

import (
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// OnWire speaks OSDP on a test's wire.
func (d Driver) OnWire(w interface {
	wire
}) device.Conn {
	return d.on(w)
}

// Build shows a command in the clear to tests.
func Build(address, sequence, code byte, crc bool, data ...byte) []byte {
	d := newPeripheral(Address{Number: address})
	d.sums = !crc
	b, _ := d.request(&question{code: code, sequence: sequence}, data, nil) // in the clear it never fails
	return b
}

// Handshake shows the numbers of a secure channel to tests.
func Handshake(key Key, panel, peripheral [8]byte) (ours, theirs, first [16]byte, err error) {
	c, err := newChannel(key, panel)
	if err != nil {
		return ours, theirs, first, err
	}
	ours, theirs = c.cryptogram(peripheral, panel), c.cryptogram(panel, peripheral)
	return ours, theirs, c.firstMAC(ours), nil
}

// MAC shows how a message is signed, with a key in the place of both.
func MAC(key Key, after [16]byte, message []byte) ([16]byte, error) {
	c, err := oneKey(key)
	if err != nil {
		return [16]byte{}, err
	}
	return c.mac(after, message), nil
}

// Seal shows how data is encrypted after a MAC of the other side.
func Seal(key Key, after [16]byte, data []byte) ([]byte, error) {
	c, err := oneKey(key)
	if err != nil {
		return nil, err
	}
	c.theirs = after
	return c.seal(data), nil
}

// Unseal shows how data is decrypted after a MAC of the panel.
func Unseal(key Key, after [16]byte, data []byte) ([]byte, error) {
	c, err := oneKey(key)
	if err != nil {
		return nil, err
	}
	c.own = after
	return c.unseal(data)
}

func oneKey(key Key) (*channel, error) {
	c, err := newChannel(key, [8]byte{})
	if err != nil {
		return nil, err
	}
	if c.enc, err = newBlock(key); err != nil {
		return nil, err
	}
	c.mac1, c.mac2 = c.enc, c.enc
	return c, nil
}

// Judge shows what a peripheral's bytes are taken for as the answer to a command: a code, or a fault.
func Judge(address, sequence, command byte, got []byte, over bool) (code byte, data []byte, err error) {
	q := &question{peripheral: newPeripheral(Address{Number: address}), code: command, sequence: sequence}
	q.peripheral.began = true
	var s line.Scanner = q
	answer, err := s.Scan(got, over)
	if answer == nil || err != nil {
		return 0, nil, err
	}
	return q.reply.code, q.reply.data, nil
}

// SessionKeys shows the three keys as what they make of a block of zeros.
func SessionKeys(key Key, random [8]byte) (enc, mac1, mac2 [16]byte, err error) {
	c, err := newChannel(key, random)
	if err != nil {
		return enc, mac1, mac2, err
	}
	c.enc.Encrypt(enc[:], enc[:])
	c.mac1.Encrypt(mac1[:], mac1[:])
	c.mac2.Encrypt(mac2[:], mac2[:])
	return enc, mac1, mac2, nil
}
