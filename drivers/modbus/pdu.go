package modbus

import (
	"encoding/binary"
	"fmt"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// The function codes that this driver sends.
const (
	readCoils      = 1
	readDiscrete   = 2
	readHolding    = 3
	readInput      = 4
	writeCoil      = 5
	writeRegister  = 6
	writeRegisters = 16
	exceptionFlag  = 0x80
)

// answerSize is the length of the right answer to a request, function code included, unit and checksum not.
func answerSize(request []byte) int {
	switch request[0] {
	case readCoils, readDiscrete:
		return 2 + (int(binary.BigEndian.Uint16(request[3:]))+7)/8
	case readHolding, readInput:
		return 2 + 2*int(binary.BigEndian.Uint16(request[3:]))
	}
	return 5
}

// checkAnswer says whether a whole answer, function code first, can belong to the request. goburrow checks neither the
// quantity nor that a strange function code is an exception.
func checkAnswer(request, answer []byte) error {
	if len(answer) < 2 {
		return &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("an answer of %d bytes", len(answer))}
	}
	if answer[0] == request[0]|exceptionFlag {
		if len(answer) != 2 {
			return mismatch("an exception of %d bytes", len(answer))
		}
		return nil
	}
	if answer[0] != request[0] {
		return mismatch("function %d answered with %d", request[0], answer[0])
	}
	want := answerSize(request)
	if len(answer) != want {
		return mismatch("%d bytes, want %d", len(answer), want)
	}
	if request[0] <= readInput && int(answer[1]) != want-2 {
		return mismatch("byte count %d, want %d", answer[1], want-2)
	}
	return nil
}

func mismatch(format string, args ...any) error {
	return &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf(format, args...)}
}
