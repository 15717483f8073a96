package osdp_test

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

const defaultKey = "0123456789:;<=>?"

// Who may be spoken to, with which key.
func TestKeys(t *testing.T) {
	own := keyOf(ownKey)
	for name, c := range map[string]struct {
		has     string // the device's key; empty: it has no secure channel
		address osdp.Address
		secure  float64 // -1: refused
		after   string  // the device's key afterwards
	}{
		"its own key":                     {ownKey, osdp.Address{Number: 5, Key: own}, 1, ownKey},
		"another key":                     {"another's secret", osdp.Address{Number: 5, Key: own}, -1, "another's secret"},
		"no secure channel":               {"", osdp.Address{Number: 5, Key: own}, -1, ""},
		"no key where one is wanted":      {ownKey, osdp.Address{Number: 5}, -1, ownKey},
		"the default key":                 {defaultKey, osdp.Address{Number: 5, Key: keyOf(defaultKey)}, -1, defaultKey},
		"the default key, installing":     {defaultKey, osdp.Address{Number: 5, Key: keyOf(defaultKey), Install: true}, 2, defaultKey},
		"no key, installing":              {defaultKey, osdp.Address{Number: 5, Install: true}, 2, defaultKey},
		"given its own, installing":       {defaultKey, osdp.Address{Number: 5, Key: own, Install: true}, 1, ownKey},
		"has its own already, installing": {ownKey, osdp.Address{Number: 5, Key: own, Install: true}, 1, ownKey},
		"not given without install_mode":  {defaultKey, osdp.Address{Number: 5, Key: own}, -1, defaultKey},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPD(5)
			if c.has != "" {
				p.scbk = []byte(c.has)
			}
			conn := open(t, serve(t, nil, p), time.Second)
			rs := read(t, conn, at(t, c.address, "input 1", ""), at(t, c.address, "secure", ""), at(t, c.address, "vendor", ""))
			for _, r := range rs {
				if good := r.Quality == device.Good; good != (c.secure >= 0) {
					t.Errorf("%+v", r)
				}
			}
			if c.secure >= 0 && rs[1].Value != c.secure || c.secure < 0 && c.address.Key != nil && rs[0].Reason != device.AuthFailed {
				t.Errorf("%+v", rs)
			}
			if c.secure < 0 && c.address.Key != nil {
				if err := conn.Write(t.Context(), at(t, c.address, "output 0", "switch", 1), 1); err == nil || len(p.wanted()) > 0 {
					t.Errorf("written without a secure channel: %v, % X", err, p.wanted())
				}
			}
			if string(p.scbk) != c.after {
				t.Errorf("the device has the key %q", p.scbk)
			}
		})
	}
}

// Whoever sits on the line can end the secure channel, for one read, and do nothing else.
func TestAnIntruderOnTheLine(t *testing.T) {
	type intruder func(p *pd, answer []byte, old [][]byte) []byte
	refit := func(p *pd, b []byte) []byte { return p.check(b[:len(b)-2]) }
	for name, act := range map[string]intruder{
		"one bit of the data, and the CRC made right": func(p *pd, a []byte, _ [][]byte) []byte {
			a = bytes.Clone(a)
			a[9] ^= 1
			return refit(p, a)
		},
		"one bit of the MAC": func(p *pd, a []byte, _ [][]byte) []byte {
			a = bytes.Clone(a)
			a[len(a)-3] ^= 0x80
			return refit(p, a)
		},
		"an older answer with the same number": func(_ *pd, a []byte, old [][]byte) []byte {
			for _, o := range old {
				if o[4] == a[4] && !bytes.Equal(o, a) {
					return o
				}
			}
			return nil
		},
		"in the clear": func(p *pd, a []byte, _ [][]byte) []byte {
			return p.check([]byte{0x53, a[1], 11, 0, a[4]&3 | 4, 0x49, 1, 1, 1})
		},
		"a handshake's frame": func(p *pd, a []byte, _ [][]byte) []byte {
			return p.check([]byte{0x53, a[1], 14, 0, a[4]&3 | 12, 3, 0x14, 1, 0x49, 1, 1, 1})
		},
		"a NAK in the clear": func(p *pd, a []byte, _ [][]byte) []byte {
			return p.check([]byte{0x53, a[1], 9, 0, a[4]&3 | 4, 0x41, 3})
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, p := secured()
			var armed atomic.Bool
			var old [][]byte // of the line's goroutine alone
			w := serve(t, func(answer []byte) []byte {
				out := answer
				if armed.CompareAndSwap(true, false) {
					out = act(p, answer, old)
				} else {
					old = append(old, bytes.Clone(answer))
				}
				return out
			}, p)
			c := open(t, w, 50*time.Millisecond)
			pt := at(t, a, "input 1", "")
			for range 6 {
				if r := read(t, c, pt)[0]; r.Value != 1 {
					t.Fatalf("before: %+v", r)
				}
			}
			armed.Store(true)
			if r := read(t, c, pt)[0]; r.Quality != device.Bad || r.Reason != device.AuthFailed {
				t.Errorf("believed: %+v", r)
			}
			if r := read(t, c, pt)[0]; r.Value != 1 || r.Quality != device.Good {
				t.Errorf("after it: %+v", r)
			}
		})
	}
}
