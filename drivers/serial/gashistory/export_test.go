package gashistory

import "github.com/linshao/linshao/drivers/device"

// OnWire asks a detector at the end of a wire of a test.
func (d Driver) OnWire(w wire) device.Conn { return d.on(w) }

// Ask makes a scanner of a question.
func Ask(n, what byte) (frame []byte, scan func(got []byte, over bool) ([]byte, error)) {
	return request(n, what), question{n, what}.Scan
}
