package commission

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/gateway/internal/config"
)

// Commands and replies of a peripheral device. Each is spoken to in the clear with number 0, which every device takes at any time;
// polls are left to the driver, because a poll takes away the card that a reader keeps.
const (
	osdpID           = 0x61
	osdpCapabilities = 0x62
	osdpIdentity     = 0x45
	osdpAbilities    = 0x46
	osdpSize         = 8 // of a command with one byte of data and a checksum
)

// osdpAsk is one of the two questions that are answered without a key.
func osdpAsk(address, command byte) []byte {
	b := []byte{0x53, address, osdpSize, 0, 0, command, 0}
	return append(b, -sum8(b))
}

// An osdpReply is a frame of a peripheral device.
type osdpReply struct {
	address, code byte
	data          []byte
}

// osdpFrame finds the first whole reply of a peripheral device, by checksum or CRC; size 0: none.
func osdpFrame(b []byte) (r osdpReply, at, size int) {
	const head, least = 6, 7
	for at := 0; at+least <= len(b); at++ {
		f := b[at:]
		n := int(f[2]) | int(f[3])<<8
		if f[0] != 0x53 || f[1]&0x80 == 0 || n < least || n > len(f) {
			continue
		}
		f = f[:n]
		body, whole := f[:n-1], sum8(f) == 0
		if f[4]&4 != 0 {
			body = f[:n-2]
			whole = n > least && crcITU(body) == uint16(f[n-2])|uint16(f[n-1])<<8
		}
		if !whole || f[4]&8 != 0 { // a frame of a secure channel is no answer to us
			continue
		}
		return osdpReply{f[1] & 0x7F, f[5], body[head:]}, at, n
	}
	return osdpReply{}, 0, 0
}

// crcITU is the checksum of OSDP.
func crcITU(b []byte) uint16 {
	sum := uint16(0x1D0F)
	for _, x := range b {
		sum ^= uint16(x) << 8
		for range 8 {
			high := sum & 0x8000
			if sum <<= 1; high != 0 {
				sum ^= 0x1021
			}
		}
	}
	return sum
}

// introduce lets a peripheral device say what it is: who made it, and how many inputs, outputs and readers it has. It does not say
// what hangs on them, so no model is told.
func introduce(ctx context.Context, l Line, _ *config.Channel, f *Found) error {
	for _, command := range []byte{osdpID, osdpCapabilities} {
		j := job{setting: f.Setting, protocol: protocolOSDP, address: f.Address}
		var got osdpReply
		for range 2 { // one lost frame is no reason
			x, _, err := j.osdp(ctx, l, command)
			if err != nil {
				return err
			}
			if got = x; got.code != 0 {
				break
			}
		}
		text := ""
		switch {
		case got.code == osdpIdentity && len(got.data) == 12:
			text = identityOf(got.data)
		case got.code == osdpAbilities && len(got.data)%3 == 0:
			text = abilitiesOf(got.data)
		}
		if f.Readable != "" && text != "" {
			f.Readable += " "
		}
		f.Readable += text
	}
	return nil
}

// identityOf writes an identity report: maker (IEEE), model, its version, serial number, firmware.
func identityOf(b []byte) string {
	serial := uint32(b[5]) | uint32(b[6])<<8 | uint32(b[7])<<16 | uint32(b[8])<<24
	return fmt.Sprintf("%02X-%02X-%02X %d.%d #%08X fw %d.%d.%d", b[0], b[1], b[2], b[3], b[4], serial, b[9], b[10], b[11])
}

// abilitiesOf writes those abilities that tell doors from readers: "in 3 out 2 reader 1".
func abilitiesOf(b []byte) (text string) {
	names := map[byte]string{1: "in", 2: "out", 13: "reader"}
	for ; len(b) >= 3; b = b[3:] {
		if name := names[b[0]]; name != "" && b[2] > 0 {
			if text != "" {
				text += " "
			}
			text += fmt.Sprintf("%s %d", name, b[2])
		}
	}
	return text
}
