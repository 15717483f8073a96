package gb26875

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Types of data units: what we send, and what a centre asks for (table 3 of the standard).
const (
	PartStates   byte = 2
	DeviceState  byte = 21
	Operation    byte = 24
	DeviceClock  byte = 28
	AskDevice    byte = 81
	AskClock     byte = 88
	DutyCheck    byte = 91
	partSize          = 40
	textSize          = 31
	mostParts         = 22
	stampSize         = 6
	unitHeadSize      = 2
)

// States of a part, one bit each (figure 6).
const (
	Normal   uint16 = 1 << 0
	Alarm    uint16 = 1 << 1
	Fault    uint16 = 1 << 2
	Shielded uint16 = 1 << 3
)

// States of the transmission device itself, and its operations.
const (
	DeviceNormal   byte = 1 << 0
	AnsweredCheck  byte = 1 << 5 // 查岗应答, of an Operation
	anonymousGuard byte = 0
)

// A Part is the state of one detector, valve or meter at a time.
type Part struct {
	System        byte   // its type: 1 fire alarm, 128 and more by agreement
	SystemAddress byte   // which of these
	Type          byte   // of the part: 10 gas detector, 12 stand-alone gas detector, 128 and more by agreement
	Address       uint32 // of the part within the system
	State         uint16 // Normal, Alarm, …
	Text          string // where it is: what does not fit into 31 bytes is cut between two characters
	At            time.Time
}

// EncodeParts makes the data of a frame that sends up to 22 states of parts.
func EncodeParts(parts ...Part) ([]byte, error) {
	if len(parts) == 0 || len(parts) > mostParts {
		return nil, fmt.Errorf("encode states: %d parts, use 1 to %d", len(parts), mostParts)
	}
	b := []byte{PartStates, byte(len(parts))}
	for _, p := range parts {
		b = append(b, p.System, p.SystemAddress, p.Type)
		b = binary.LittleEndian.AppendUint32(b, p.Address)
		b = binary.LittleEndian.AppendUint16(b, p.State)
		b = append(b, gb18030(p.Text)...)
		b = appendTime(b, p.At)
	}
	return b, nil
}

// EncodeDevice makes the data of a frame that sends the state of the transmission device.
func EncodeDevice(state byte, at time.Time) []byte {
	return appendTime([]byte{DeviceState, 1, state}, at)
}

// EncodeOperation makes the data of a frame that tells an operation of the transmission device, such as AnsweredCheck.
func EncodeOperation(flags byte, at time.Time) []byte {
	return appendTime([]byte{Operation, 1, flags, anonymousGuard}, at)
}

// EncodeClock makes the data of a frame that tells the device's clock.
func EncodeClock(at time.Time) []byte { return appendTime([]byte{DeviceClock, 1}, at) }

// gb18030 fills 31 bytes with text; the rest is zeros.
func gb18030(text string) []byte {
	out := make([]byte, 0, textSize)
	enc := simplifiedchinese.GB18030.NewEncoder()
	for _, r := range text {
		b, err := enc.Bytes([]byte(string(r)))
		if err != nil || len(out)+len(b) > textSize {
			break
		}
		out = append(out, b...)
	}
	return out[:textSize]
}

// ErrUnit: data of a frame that is no data unit.
var ErrUnit = errors.New("not a data unit")

// An Ask is what a centre wants to know or to happen.
type Ask struct {
	Type byte
	Body []byte // of its only information object, without the time; may be empty
}

// ParseAsk reads the data of a control or a request frame. The standard gives a request one information object.
func ParseAsk(data []byte) (Ask, error) {
	if len(data) < unitHeadSize {
		return Ask{}, fmt.Errorf("%w: %d bytes, at least %d", ErrUnit, len(data), unitHeadSize)
	}
	if data[1] != 1 {
		return Ask{}, fmt.Errorf("%w: type %d with %d objects, use 1", ErrUnit, data[0], data[1])
	}
	return Ask{Type: data[0], Body: data[unitHeadSize:]}, nil
}

// ParseParts reads states of parts, as a centre does.
func ParseParts(data []byte, zone *time.Location) ([]Part, error) {
	if len(data) < unitHeadSize || data[0] != PartStates {
		return nil, fmt.Errorf("%w: no states of parts", ErrUnit)
	}
	n, rest := int(data[1]), data[unitHeadSize:]
	if n == 0 || n > mostParts || len(rest) != n*(partSize+stampSize) {
		return nil, fmt.Errorf("%w: %d parts in %d bytes", ErrUnit, n, len(rest))
	}
	parts := make([]Part, n)
	for i := range parts {
		b := rest[i*(partSize+stampSize):]
		end := 9
		for end < partSize && b[end] != 0 {
			end++
		}
		text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b[9:end])
		if err != nil {
			return nil, fmt.Errorf("%w: text of part %d: %w", ErrUnit, i+1, err)
		}
		parts[i] = Part{System: b[0], SystemAddress: b[1], Type: b[2], Address: binary.LittleEndian.Uint32(b[3:]), State: binary.LittleEndian.Uint16(b[7:]),
			Text: string(text), At: parseTime(b[partSize:partSize+stampSize], zone)}
	}
	return parts, nil
}
