package ascii

import "github.com/linshao/linshao/drivers/device"

// OnWire hears a reader at the end of a wire of a test.
func (d Driver) OnWire(w wire) device.Conn { return d.on(w) }

// Decode reads a line.
func (f Format) Decode(frame []byte) (card uint64, bits int, err error) {
	c, err := f.compile()
	if err != nil {
		return 0, 0, err
	}
	return c.decode(frame)
}

// Alias shows the number that stands for a card.
func Alias(key []byte, card uint64, bits int) uint64 { return alias(key, card, bits) }

// Wrap and Unwrap show the parity of Wiegand.
func Wrap(card uint64, size int) uint64 { return wrap(card, size) }

// Unwrap is the inverse of Wrap.
func Unwrap(n uint64, size int) (uint64, bool) { return unwrap(n, size) }
