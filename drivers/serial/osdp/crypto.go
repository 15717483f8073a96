package osdp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
)

// A Key is the secret of one peripheral, the standard's SCBK.
type Key [16]byte

// defaultKey is the one that peripherals are delivered with, SCBK-D. Everybody knows it.
func defaultKey() Key {
	var k Key
	for i := range k {
		k[i] = 0x30 + byte(i)
	}
	return k
}

const (
	randomBytes = 8
	endOfData   = 0x80 // begins the padding of what is encrypted or signed
)

var (
	errProof    = errors.New("the device does not know the key")
	errTampered = errors.New("a message that the device did not send")
)

// A channel is a secure channel (SIA OSDP v2.2, annex D): three keys of this session, and the chain of MACs in which each message
// stands on the one before it from the other side, so that none can be repeated, left out or changed.
type channel struct {
	enc, mac1, mac2 cipher.Block
	own, theirs     [16]byte // last whole MAC of each side
}

// newChannel derives the session's keys from the peripheral's key and the panel's random number.
func newChannel(key Key, random [randomBytes]byte) (*channel, error) {
	base, err := newBlock(key)
	if err != nil {
		return nil, err
	}
	derive := func(a, b byte) (cipher.Block, error) {
		k := Key{a, b}
		copy(k[2:8], random[:])
		base.Encrypt(k[:], k[:])
		return newBlock(k)
	}
	c := &channel{}
	for _, k := range []struct {
		to   *cipher.Block
		a, b byte
	}{{&c.enc, 0x01, 0x82}, {&c.mac1, 0x01, 0x01}, {&c.mac2, 0x01, 0x02}} {
		if *k.to, err = derive(k.a, k.b); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func newBlock(key Key) (cipher.Block, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("use key: %w", err)
	}
	return block, nil
}

// cryptogram proves the knowledge of the session's key: the panel's says the peripheral's random number first, the peripheral's its
// own last.
func (c *channel) cryptogram(first, second [randomBytes]byte) (out [16]byte) {
	copy(out[:], first[:])
	copy(out[randomBytes:], second[:])
	c.enc.Encrypt(out[:], out[:])
	return out
}

// firstMAC begins the chain: what the peripheral has to send as RMAC_I.
func (c *channel) firstMAC(panel [16]byte) (out [16]byte) {
	c.mac1.Encrypt(out[:], panel[:])
	c.mac2.Encrypt(out[:], out[:])
	return out
}

// mac signs a message that follows one of the other side: all blocks but the last with one key, the last with the other.
func (c *channel) mac(after [16]byte, message []byte) [16]byte {
	sum := after
	for {
		var block [16]byte
		n := copy(block[:], message)
		message = message[n:]
		if n < len(block) {
			block[n] = endOfData
		}
		subtle.XORBytes(sum[:], sum[:], block[:])
		if len(message) == 0 {
			c.mac2.Encrypt(sum[:], sum[:])
			return sum
		}
		c.mac1.Encrypt(sum[:], sum[:])
	}
}

// sign is the MAC of the panel's next message.
func (c *channel) sign(message []byte) [16]byte { return c.mac(c.theirs, message) }

// verify accepts the peripheral's answer to the message that was signed last, or nothing.
func (c *channel) verify(f frame) error {
	sum := c.mac(c.own, f.signed)
	if subtle.ConstantTimeCompare(sum[:macBytes], f.mac) != 1 {
		return errTampered
	}
	c.theirs = sum
	return nil
}

// seal encrypts the data of the panel's next message.
func (c *channel) seal(data []byte) []byte {
	out := append(bytes.Clone(data), endOfData)
	for len(out)%aes.BlockSize != 0 {
		out = append(out, 0)
	}
	cipher.NewCBCEncrypter(c.enc, inverse(c.theirs)).CryptBlocks(out, out)
	return out
}

// unseal decrypts the data of an answer that was verified.
func (c *channel) unseal(data []byte) ([]byte, error) {
	if len(data) == 0 { // some peripherals send no data as secret
		return nil, nil
	}
	if len(data)%aes.BlockSize != 0 {
		return nil, errTampered
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(c.enc, inverse(c.own)).CryptBlocks(out, data)
	out = bytes.TrimRight(out, "\x00")
	if len(out) == 0 || out[len(out)-1] != endOfData {
		return nil, errTampered
	}
	return out[:len(out)-1], nil
}

func inverse(mac [16]byte) []byte {
	for i := range mac {
		mac[i] = ^mac[i]
	}
	return mac[:]
}

// equal compares without telling by its time how far it came.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
