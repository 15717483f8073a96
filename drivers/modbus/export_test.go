package modbus

import "github.com/linshao/linshao/drivers/device"

// ScanRTU shows the parser of RTU frames to tests.
func ScanRTU(request, got []byte, over bool) ([]byte, error) {
	answer, _, err := scanRTU(request, got, over)
	return answer, err
}

// FrameTCP shows the parser of TCP headers to tests.
func FrameTCP(b []byte) (int, error) { return frameTCP(b) }

// CheckAnswer shows the check of an answer's PDU to tests.
func CheckAnswer(request, answer []byte) error { return checkAnswer(request, answer) }

// Recode decodes a register and encodes the number again.
func Recode(r device.Register, b []byte) (value float64, again []byte, err error) {
	f, err := parseFormat(r)
	if err != nil {
		return 0, nil, err
	}
	value = f.decode(b)
	again, err = f.encode(value)
	return value, again, err
}
