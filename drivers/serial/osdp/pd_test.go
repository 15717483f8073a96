package osdp_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"sync"
	"testing"

	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// A pd is a peripheral that shares nothing with the driver: it works on whole byte strings, as annex D of the standard describes them.
type pd struct {
	addr  byte
	scbk  []byte // nil: it has no secure channel
	plain bool   // it answers in the clear where it should be secure
	sums  bool   // it knows no CRC

	mu         sync.Mutex
	inputs     []byte
	outputs    []byte
	tamper     byte
	generation byte // of the inputs; counts how often they were asked for, when counting
	counting   bool
	events     [][]byte // for the next polls: code and data
	lacks      map[byte]bool
	busy       int
	done       [][]byte // commands with data, decrypted

	expect      byte // the number of the last command
	started     bool
	last        []byte // the last command's bytes
	answer      []byte // and what was answered
	rnd         [16]byte
	enc, m1, m2 cipher.Block
	secure      bool
	cmac, rmac  []byte
	plainOK     int // commands that were taken in the clear
}

func newPD(addr byte) *pd {
	return &pd{addr: addr, inputs: []byte{0, 1, 0}, outputs: []byte{0, 0}, lacks: map[byte]bool{}}
}

func aesOf(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

func enc(b cipher.Block, in ...byte) []byte {
	out := make([]byte, 16)
	b.Encrypt(out, in)
	return out
}

func not(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = 255 - b[i]
	}
	return out
}

func pad(b []byte, always bool) []byte {
	out := bytes.Clone(b)
	if !always && len(out)%16 == 0 && len(out) > 0 {
		return out
	}
	out = append(out, 0x80)
	return append(out, make([]byte, (16-len(out)%16)%16)...)
}

// sign is CBC-MAC: the first blocks with m1, the last with m2.
func (p *pd) sign(iv, msg []byte) []byte {
	m := pad(msg, false)
	for len(m) > 16 {
		out := make([]byte, 16)
		cipher.NewCBCEncrypter(p.m1, iv).CryptBlocks(out, m[:16])
		iv, m = out, m[16:]
	}
	out := make([]byte, 16)
	cipher.NewCBCEncrypter(p.m2, iv).CryptBlocks(out, m)
	return out
}

// crc is done bit by bit over a register that is shifted out, unlike the driver's.
func crc(msg []byte) uint16 {
	reg := uint32(0x1D0F)
	for _, x := range msg {
		for bit := 7; bit >= 0; bit-- {
			top := reg>>15&1 ^ uint32(x>>bit&1)
			reg = reg << 1 & 0xFFFF
			if top == 1 {
				reg ^= 0x1021
			}
		}
	}
	return uint16(reg)
}

func sum(msg []byte) byte {
	n := 0
	for _, x := range msg {
		n += int(x)
	}
	return byte(256 - n%256)
}

// frameOf makes a reply. scb is the whole security block; mac says that four bytes of it follow.
func (p *pd) frameOf(seq byte, scb []byte, code byte, data []byte, mac bool) []byte {
	ctrl, tail := seq, 1
	if !p.sums {
		ctrl, tail = ctrl|4, 2
	}
	if scb != nil {
		ctrl |= 8
	}
	if mac {
		tail += 4
	}
	n := 5 + len(scb) + 1 + len(data) + tail
	out := append([]byte{0x53, p.addr | 0x80, byte(n), byte(n >> 8), ctrl}, scb...)
	out = append(append(out, code), data...)
	if mac {
		p.rmac = p.sign(p.cmac, out)
		out = append(out, p.rmac[:4]...)
	}
	return p.check(out)
}

func (p *pd) check(out []byte) []byte {
	if p.sums {
		return append(out, sum(out))
	}
	c := crc(out)
	return append(out, byte(c), byte(c>>8))
}

// hear answers a command, from 0x53 to its check bytes; nil is silence.
func (p *pd) hear(cmd []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cmd[1] != p.addr {
		return nil
	}
	body, seq := cmd[:len(cmd)-1], cmd[4]&3
	if cmd[4]&4 != 0 {
		body = cmd[:len(cmd)-2]
		if p.sums {
			return p.frameOf(seq, nil, 0x41, []byte{1}, false)
		}
		if c := crc(body); byte(c) != cmd[len(cmd)-2] || byte(c>>8) != cmd[len(cmd)-1] {
			return nil
		}
	} else if sum(body) != cmd[len(cmd)-1] {
		return nil
	}
	if p.busy > 0 {
		p.busy--
		return p.frameOf(0, nil, 0x79, nil, false)
	}
	switch {
	case seq == 0:
		p.secure = false
	case seq == p.expect && bytes.Equal(cmd, p.last):
		return p.answer
	case !p.started || seq != p.expect%3+1:
		return p.frameOf(seq, nil, 0x41, []byte{4}, false)
	}
	p.started, p.expect, p.last = true, seq, bytes.Clone(cmd)
	p.answer = p.obey(seq, cmd[4]&8 != 0, body)
	return p.answer
}

// obey takes the command out of its frame and its reply into one.
func (p *pd) obey(seq byte, block bool, body []byte) []byte {
	if !block {
		if code := body[5]; p.scbk != nil && !p.plain && code != 0x61 && code != 0x62 {
			return p.frameOf(seq, nil, 0x41, []byte{6}, false)
		}
		p.plainOK++
		code, data := p.reply(body[5], body[6:])
		return p.frameOf(seq, nil, code, data, false)
	}
	n := body[5]
	kind, rest := body[6], body[5+n:]
	if kind <= 0x14 {
		return p.shake(seq, kind, body[7], rest)
	}
	if !p.secure {
		return p.frameOf(seq, nil, 0x41, []byte{6}, false)
	}
	msg := body[:len(body)-4]
	want := p.sign(p.rmac, msg)
	if !bytes.Equal(want[:4], body[len(body)-4:]) {
		p.secure = false
		return p.frameOf(seq, nil, 0x41, []byte{6}, false)
	}
	data := rest[1 : len(rest)-4]
	if kind == 0x17 {
		out := make([]byte, len(data))
		cipher.NewCBCDecrypter(p.enc, not(p.rmac)).CryptBlocks(out, data)
		data = out[:bytes.LastIndexByte(out, 0x80)]
	}
	p.cmac = want
	code, reply := p.reply(rest[0], data)
	scb := []byte{2, 0x16}
	if len(reply) > 0 {
		scb[1] = 0x18
		reply = pad(reply, true)
		cipher.NewCBCEncrypter(p.enc, not(p.cmac)).CryptBlocks(reply, reply)
	}
	return p.frameOf(seq, scb, code, reply, true)
}

// shake is the handshake.
func (p *pd) shake(seq, kind, which byte, rest []byte) []byte {
	key := p.scbk
	if which == 0 {
		key = []byte("0123456789:;<=>?")
	}
	switch {
	case p.scbk == nil:
		return p.frameOf(seq, nil, 0x41, []byte{5}, false)
	case kind == 0x11:
		base := aesOf(key)
		copy(p.rnd[:8], rest[1:9])
		copy(p.rnd[8:], []byte{9, 8, 7, 6, 5, 4, 3, p.rnd[15] + 1})
		derive := func(b byte) cipher.Block {
			in := make([]byte, 16)
			in[0], in[1] = 1, b
			copy(in[2:], p.rnd[:6])
			return aesOf(enc(base, in...))
		}
		p.enc, p.m1, p.m2 = derive(0x82), derive(1), derive(2)
		uid := []byte{1, 2, 3, 4, 5, 6, 7, 8}
		return p.frameOf(seq, []byte{3, 0x12, which}, 0x76, append(append(uid, p.rnd[8:]...), enc(p.enc, p.rnd[:]...)...), false)
	}
	proof := enc(p.enc, append(bytes.Clone(p.rnd[8:]), p.rnd[:8]...)...)
	if !bytes.Equal(proof, rest[1:17]) {
		return p.frameOf(seq, []byte{3, 0x14, 0xFF}, 0x78, make([]byte, 16), false)
	}
	p.rmac = enc(p.m2, enc(p.m1, proof...)...)
	p.secure = true
	return p.frameOf(seq, []byte{3, 0x14, 1}, 0x78, p.rmac, false)
}

// reply is what the device does.
func (p *pd) reply(code byte, data []byte) (byte, []byte) {
	if p.lacks[code] {
		return 0x41, []byte{3}
	}
	if len(data) > 1 {
		p.done = append(p.done, append([]byte{code}, data...))
	}
	switch code {
	case 0x60:
		if len(p.events) > 0 {
			e := p.events[0]
			p.events = p.events[1:]
			return e[0], e[1:]
		}
		return 0x40, nil
	case 0x61:
		return 0x45, []byte{0x5C, 0x26, 0x23, 7, 2, p.addr, 0x44, 0x33, 0x22, 1, 2, 3}
	case 0x62:
		level := func(is bool) byte {
			if is {
				return 1
			}
			return 0
		}
		return 0x46, []byte{1, 2, byte(len(p.inputs)), 8, level(!p.sums), 0, 9, level(p.scbk != nil), 0}
	case 0x64:
		return 0x48, []byte{p.tamper, 0}
	case 0x65:
		if p.counting {
			p.generation++
			return 0x49, []byte{p.addr, p.generation, p.addr ^ p.generation}
		}
		return 0x49, bytes.Clone(p.inputs)
	case 0x66:
		return 0x4A, bytes.Clone(p.outputs)
	case 0x67:
		return 0x4B, []byte{0}
	case 0x68:
		p.outputs[data[0]] = data[1] & 1
		if data[1] == 1 || data[1] == 2 {
			p.outputs[data[0]] = data[1] - 1
		}
		return 0x4A, bytes.Clone(p.outputs)
	case 0x69, 0x6A:
		return 0x40, nil
	case 0x75:
		p.scbk = bytes.Clone(data[2:18])
		return 0x40, nil
	}
	return 0x41, []byte{3}
}

// set changes a device while it is in use.
func (p *pd) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// tell puts something into the device that the next poll brings.
func (p *pd) tell(code byte, data ...byte) {
	p.set(func() { p.events = append(p.events, append([]byte{code}, data...)) })
}

// wanted are the commands with data that the device got.
func (p *pd) wanted() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// serve plays devices on a wire until the test ends. mangle may change what they answer; nil is silence.
func serve(t *testing.T, mangle func(answer []byte) []byte, pds ...*pd) *linetest.Wire {
	w := linetest.New(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var in []byte
		buf := make([]byte, 256)
		for {
			n, err := w.Far.Read(buf)
			if err != nil {
				return
			}
			in = append(in, buf[:n]...)
			for {
				at := bytes.IndexByte(in, 0x53)
				if at < 0 || len(in) < at+4 || len(in) < at+int(in[at+2]) {
					break
				}
				cmd := in[at : at+int(in[at+2])]
				for _, p := range pds {
					if out := p.hear(cmd); out != nil {
						if mangle != nil {
							out = mangle(out)
						}
						w.Send(out...)
					}
				}
				in = in[at+len(cmd):]
			}
		}
	}()
	t.Cleanup(func() { w.Unplug(); <-ended })
	return w
}
