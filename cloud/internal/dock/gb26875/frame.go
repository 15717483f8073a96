// Package gb26875 speaks GB/T 26875.3-2011, by which a fire monitoring centre hears from user information transmission
// devices over TCP: frames, the data units that we send, and a link that sends each until the centre confirms it. Only the
// side of the device is here. Numbers are little-endian; text is GB 18030; times are of the local zone, to the second.
package gb26875

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Sizes in bytes. Before the data stand two marks, serial, versions, time, two addresses, length and command.
const (
	headSize = 27
	tailSize = 3
	maxData  = 1024
)

// A Command says what a frame is for.
type Command byte

// Commands of the standard's table 2.
const (
	Control Command = 1 // time synchronisation
	Send    Command = 2
	Confirm Command = 3
	Request Command = 4
	Respond Command = 5
	Reject  Command = 6
)

// An Address is that of a device or a centre, lowest byte first.
type Address [6]byte

// A Frame is one packet.
type Frame struct {
	Serial   uint16 // an answer repeats that of what it answers
	User     byte   // version that the two sides have agreed on
	At       time.Time
	From, To Address
	Command  Command
	Data     []byte // at most 1024 bytes
}

// ErrDamaged: the bytes look like a frame and are none. The serial number may still be right; the sender is to repeat it.
var ErrDamaged = errors.New("damaged frame")

// Append adds the bytes of a frame to b.
func (f Frame) Append(b []byte) ([]byte, error) {
	if len(f.Data) > maxData {
		return nil, fmt.Errorf("encode frame: %d bytes of data, at most %d", len(f.Data), maxData)
	}
	begin := len(b)
	b = append(b, '@', '@')
	b = binary.LittleEndian.AppendUint16(b, f.Serial)
	b = append(b, 1, f.User)
	b = appendTime(b, f.At)
	b = append(b, f.From[:]...)
	b = append(b, f.To[:]...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Data)))
	b = append(b, byte(f.Command))
	b = append(b, f.Data...)
	return append(b, sum(b[begin+2:]), '#', '#'), nil
}

// Read takes the next frame from r, whose buffer holds at least 2 KiB, and skips what stands between frames. ErrDamaged
// leaves r behind the marks of what was no frame, so that a whole one inside of it is still found. Any other error is r's.
func Read(r *bufio.Reader, zone *time.Location) (Frame, error) {
	for {
		head, err := r.Peek(headSize)
		if err != nil {
			return Frame{}, err
		}
		if head[0] != '@' || head[1] != '@' {
			r.Discard(1) //nolint:errcheck // it is in the buffer
			continue
		}
		n := int(binary.LittleEndian.Uint16(head[24:]))
		if n > maxData {
			r.Discard(2) //nolint:errcheck // they are in the buffer
			return Frame{}, fmt.Errorf("%w: %d bytes of data, at most %d", ErrDamaged, n, maxData)
		}
		whole, err := r.Peek(headSize + n + tailSize)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return Frame{}, err
		}
		f, err := parse(whole, zone)
		if err != nil {
			r.Discard(2) //nolint:errcheck // they are in the buffer
			return f, err
		}
		r.Discard(len(whole)) //nolint:errcheck // it is in the buffer
		return f, nil
	}
}

func parse(b []byte, zone *time.Location) (Frame, error) {
	f := Frame{Serial: binary.LittleEndian.Uint16(b[2:]), User: b[5], From: Address(b[12:18]), To: Address(b[18:24]), Command: Command(b[26])}
	end := len(b) - tailSize
	if b[end+1] != '#' || b[end+2] != '#' {
		return f, fmt.Errorf("%w: it does not end with ##", ErrDamaged)
	}
	if got := sum(b[2:end]); got != b[end] {
		return f, fmt.Errorf("%w: checksum %#02x, its bytes give %#02x", ErrDamaged, b[end], got)
	}
	f.At = parseTime(b[6:12], zone)
	f.Data = append([]byte(nil), b[headSize:end]...)
	return f, nil
}

// sum is the lowest byte of the sum of all bytes.
func sum(b []byte) (s byte) {
	for _, c := range b {
		s += c
	}
	return s
}

// appendTime adds second, minute, hour, day, month and year of the century.
func appendTime(b []byte, t time.Time) []byte {
	return append(b, byte(t.Second()), byte(t.Minute()), byte(t.Hour()), byte(t.Day()), byte(t.Month()), byte(t.Year()-2000))
}

// parseTime answers the zero time for six bytes that are none.
func parseTime(b []byte, zone *time.Location) time.Time {
	t := time.Date(2000+int(b[5]), time.Month(b[4]), int(b[3]), int(b[2]), int(b[1]), int(b[0]), 0, zone)
	if t.Second() != int(b[0]) || t.Minute() != int(b[1]) || t.Hour() != int(b[2]) || t.Day() != int(b[3]) || t.Month() != time.Month(b[4]) {
		return time.Time{}
	}
	return t
}
