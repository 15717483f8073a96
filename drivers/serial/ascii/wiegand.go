package ascii

import (
	"encoding/binary"
	"math/bits"

	"github.com/linshao/linshao/drivers/serial/osdp"
)

// unwrap takes the parity of a Wiegand number away: the first bit makes the ones of the first half even, the last those of the second
// half odd. Between them stand 24 bits, 8 of a facility and 16 of a card, or 32.
func unwrap(n uint64, size int) (card uint64, ok bool) {
	half := size / 2
	first, second := n>>half, n&(1<<half-1)
	ok = bits.OnesCount64(first)%2 == 0 && bits.OnesCount64(second)%2 == 1
	return n >> 1 & (1<<(size-2) - 1), ok
}

// wrap adds the parity.
func wrap(card uint64, size int) uint64 {
	half := size / 2
	first, second := card>>(half-1), card&(1<<(half-1)-1)
	n := card << 1
	if bits.OnesCount64(first)%2 == 1 {
		n |= 1 << (size - 1)
	}
	if bits.OnesCount64(second)%2 == 0 {
		n |= 1
	}
	return n
}

// reversed turns the bytes of a number of whole bytes round.
func reversed(n uint64, size int) uint64 { return bits.ReverseBytes64(n) >> (64 - size) }

// alias is the number that stands for a card. A card of 24 or 32 bits gets its parity back, so that it is the same as at an OSDP
// reader, which tells the bits of Wiegand as they come.
func alias(key []byte, card uint64, size int) uint64 {
	if len(key) == 0 {
		return 0
	}
	if size == 24 || size == 32 {
		size += 2
		card = wrap(card, size)
	}
	return osdp.CardAlias(key, size, binary.BigEndian.AppendUint64(nil, card<<(64-size))[:(size+7)/8])
}
