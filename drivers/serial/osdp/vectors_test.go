package osdp_test

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bin reads "68 12 90".
func bin(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func block(t testing.TB, s string) [16]byte { t.Helper(); return [16]byte(bin(t, s)) }

// The commands of libosdp's tests/unit-tests/test-cp-phy.c, and of SIA OSDP annex E.
func TestCommands(t *testing.T) {
	cases := []struct {
		want                    string
		address, sequence, code byte
		crc                     bool
		data                    []byte
	}{
		{"FF 53 65 08 00 04 60 60 90", 0x65, 0, 0x60, true, nil},
		{"FF 53 00 08 00 04 60 EB AA", 0, 0, 0x60, true, nil},
		{"FF 53 65 09 00 04 61 00 D9 7A", 0x65, 0, 0x61, true, []byte{0}},
		{"FF 53 65 07 00 00 60 E1", 0x65, 0, 0x60, false, nil},
		{"FF 53 65 10 00 04 76 01 02 03 04 05 06 07 08 0D 20", 0x65, 0, 0x76, true, []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		{"FF 53 7F 0D 00 04 6E 00 80 25 00 00 6E 38", 0x7F, 0, 0x6E, true, []byte{0, 0x80, 0x25, 0, 0}},
		{"FF 53 7F 0C 00 00 6E 00 80 25 00 00 0F", 0x7F, 0, 0x6E, false, []byte{0, 0x80, 0x25, 0, 0}},
		{"FF 53 00 09 00 04 61 00 C0 66", 0, 0, 0x61, true, []byte{0}},
		{"FF 53 00 08 00 00 61 00 44", 0, 0, 0x61, false, []byte{0}},
	}
	for _, c := range cases {
		if got := osdp.Build(c.address, c.sequence, c.code, c.crc, c.data...); !bytes.Equal(got, bin(t, c.want)) {
			t.Errorf("got % X, want %s", got, c.want)
		}
	}
}

// The answers of the same sources, by peripheral 65.
func TestAnswers(t *testing.T) {
	cases := []struct {
		name, got         string
		sequence, command byte
		code              byte // 0: none
		why               device.Reason
	}{
		{"ack", "53 E5 08 00 05 40 E3 A5", 1, 0x60, 0x40, 0},
		{"ack with a mark", "FF 53 E5 08 00 05 40 E3 A5", 1, 0x60, 0x40, 0},
		{"ack behind noise", "00 53 FF FF 53 E5 08 00 05 40 E3 A5", 1, 0x60, 0x40, 0},
		{"ack behind our echo", "FF 53 65 08 00 04 60 60 90 53 E5 08 00 05 40 E3 A5", 1, 0x60, 0x40, 0},
		{"nak", "FF 53 E5 09 00 05 41 01 0E 8F", 1, 0x60, 0x41, 0},
		{"two words of the handshake", "FF 53 E5 2A 00 09 03 12 01 76 10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F 20 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F 19", 1, 0x76, 0, device.Mismatch}, // no CRC was agreed on
		{"the handshake's end", "FF 53 E5 1B 00 0D 03 14 01 78 A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF CA BA", 1, 0x77, 0x78, 0},
		{"ack of another", "53 E6 08 00 05 40 F6 A6", 1, 0x60, 0, device.Corrupt}, // and its CRC is made up
		{"a type that there is not", "FF 53 E5 09 00 09 02 19 40 5B", 1, 0x60, 0, device.Corrupt},
		{"signed, and nothing was agreed on", "FF 53 E5 09 00 09 02 16 40 5E", 1, 0x60, 0, device.Corrupt},
		{"ack with a checksum", "FF 53 E5 07 00 01 40 80", 1, 0x60, 0, device.Mismatch},
		{"ack to an older command", "53 E5 08 00 05 40 E3 A5", 2, 0x60, 0, device.Mismatch},
		{"ack to a question", "53 E5 08 00 05 40 E3 A5", 1, 0x65, 0, device.Mismatch},
		{"a bit lost", "53 E5 08 00 05 41 E3 A5", 1, 0x60, 0, device.Corrupt},
		{"half", "53 E5 08 00", 1, 0x60, 0, device.Corrupt},
		{"a frame inside a broken one", "53 E5 12 00 05 50 00 00 53 E5 08 00 05 40 E3 A5 00 00", 1, 0x60, 0, device.Corrupt},
		{"a frame inside one that is not whole", "53 E5 20 00 05 50 00 00 53 E5 08 00 05 40 E3 A5", 1, 0x60, 0, device.Corrupt},
		{"silence", "", 1, 0x60, 0, 0},
		{"our echo", "FF 53 65 08 00 04 60 60 90", 1, 0x60, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, _, err := osdp.Judge(0x65, c.sequence, c.command, bin(t, c.got), true)
			var fault *line.Fault
			switch {
			case c.why != 0:
				if !errors.As(err, &fault) || fault.Reason != c.why {
					t.Errorf("got %02X, %v, want %v", code, err, c.why)
				}
			case err != nil || code != c.code:
				t.Errorf("got %02X, %v, want %02X", code, err, c.code)
			}
		})
	}
}

// Annex E of SIA OSDP: the handshake with the key that everybody knows, as in libosdp's tests/unit-tests/test-sc-sia-vectors.c.
func TestHandshakeOfTheStandard(t *testing.T) {
	key := osdp.Key(bin(t, "303132333435363738393A3B3C3D3E3F"))
	if !key.IsDefault() {
		t.Error("the default key is not known")
	}
	panel, peripheral := [8]byte(bin(t, "B0B1B2B3B4B5B6B7")), [8]byte(bin(t, "A0A1A2A3A4A5A6A7"))
	ours, theirs, first, err := osdp.Handshake(key, panel, peripheral)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		got        [16]byte
	}{
		{"panel's cryptogram", "26D3356E07762D262801FC8E6665A891", ours},
		{"peripheral's cryptogram", "FDE5D2F428EC16312471EA3C02BD7796", theirs},
		{"first MAC", "B2A30057EB98BA2229EC1F875662B524", first},
	} {
		if c.got != block(t, c.want) {
			t.Errorf("%s: %X, want %s", c.name, c.got, c.want)
		}
	}
	enc, mac1, mac2, err := osdp.SessionKeys(key, panel)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		got  [16]byte
		want string
	}{"S-ENC": {enc, "BF8DC2A8329ACB8C67C6D0CD9A451682"}, "S-MAC1": {mac1, "5E86C676603BDEE2D8BEAFE178637332"}, "S-MAC2": {mac2, "6FDA86E857777E811320357582 39172E"}} {
		b, err := aes.NewCipher(bin(t, c.want))
		if err != nil {
			t.Fatal(err)
		}
		var zeros [16]byte
		if b.Encrypt(zeros[:], zeros[:]); c.got != zeros {
			t.Errorf("%s is another key", name)
		}
	}
}

// NIST SP 800-38A F.2.1, which a MAC of whole blocks with one key comes to, and OSDP's padding on it (libosdp's test-sc.c).
func TestSignaturesAndSecrets(t *testing.T) {
	key := osdp.Key(bin(t, "2b7e151628aed2a6abf7158809cf4f3c"))
	iv := block(t, "000102030405060708090a0b0c0d0e0f")
	text := bin(t, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	count := bin(t, "000102030405060708090a0b0c0d0e0f")
	for _, c := range []struct {
		name, want string
		message    []byte
	}{
		{"one block", "7649abac8119b246cee98e9b12e9197d", text[:16]},
		{"four blocks", "3ff1caa1681fac09120eca307586e1a7", text},
		{"part of a block", "c5311f3d23d086ea86f5ee7f85247b40", count[:15]},
	} {
		got, err := osdp.MAC(key, iv, c.message)
		if err != nil || got != block(t, c.want) {
			t.Errorf("%s: %x, %v, want %s", c.name, got, err, c.want)
		}
	}
	after := iv
	for i := range after {
		after[i] = ^after[i]
	}
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"15 bytes", "c5311f3d23d086ea86f5ee7f85247b40", count[:15]},
		{"16 bytes", "7df76b0c1ab899b33e42f047b91b546fe2fe5bd6c1dfcdd19124f03e1a134d3b", count},
		{"nothing", "4c08220c79d919102 2dc6674874ceaf8", nil},
	} {
		got, err := osdp.Seal(key, after, c.data)
		if err != nil || !bytes.Equal(got, bin(t, c.want)) {
			t.Errorf("%s: %x, %v, want %s", c.name, got, err, c.want)
		}
		back, err := osdp.Unseal(key, after, got)
		if err != nil || !bytes.Equal(back, c.data) {
			t.Errorf("%s comes back as %x, %v", c.name, back, err)
		}
	}
	if _, err := osdp.Unseal(key, after, count[:15]); err == nil {
		t.Error("half a block was decrypted")
	}
	if _, err := osdp.Unseal(key, after, text[16:32]); err == nil {
		t.Error("data without an end was taken")
	}
}

// The number of a card is that of the card's bits and the site's key alone.
func TestCards(t *testing.T) {
	key, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	a := osdp.CardAlias(key, 26, bin(t, "12345640"))
	if a == 0 || a >= 1e12 || a != osdp.CardAlias(key, 26, bin(t, "1234567F")) {
		t.Error("what fills the last byte is no part of the card")
	}
	for name, b := range map[string]uint64{
		"another site": osdp.CardAlias(other, 26, bin(t, "12345640")), "another card": osdp.CardAlias(key, 26, bin(t, "12345680")),
		"a longer card": osdp.CardAlias(key, 34, bin(t, "1234564000")), "a shorter card": osdp.CardAlias(key, 25, bin(t, "12345600")),
	} {
		if b == a || b == 0 {
			t.Errorf("%s has the number %d too", name, b)
		}
	}
	if osdp.CardAlias(nil, 26, bin(t, "12345640")) != 0 {
		t.Error("a number without the site's key")
	}
}
