package gashistory

import (
	"bytes"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// Bytes of a frame: start, which record, which sort, length, data, sum of all before it, end.
const (
	startByte = 0xAA
	endByte   = 0x55
	head      = 4
	tail      = 2

	countsSize = 7 // one count for each sort of records, and 1 when the sensor is past its life
	timeSize   = 6 // year, high byte first, month, day, hour, minute
	longest    = head + countsSize + tail
)

// chinaTime is what detectors keep, everywhere in China.
var chinaTime = time.FixedZone("UTC+8", 8*3600)

func sum(b []byte) (s byte) {
	for _, x := range b {
		s += x
	}
	return s
}

// request is the question for record n of a sort, or another one.
func request(n, what byte) []byte {
	b := []byte{startByte, n, what, 0}
	return append(b, sum(b), endByte)
}

// next finds the first whole frame and answers how many bytes it and what stands before it take; 0 when there is none.
func next(got []byte) (frame []byte, used int) {
	for at := 0; at+head+tail <= len(got); at++ {
		b := got[at:]
		size := head + int(b[3]) + tail
		if b[0] == startByte && size <= len(b) && b[size-1] == endByte && b[size-2] == sum(b[:size-2]) {
			return b[:size], at + size
		}
	}
	return nil, 0
}

// A question is one that is under way.
type question struct{ n, what byte }

// Scan implements line.Scanner. Noise, our own echo, which has no data, and late answers to other questions are skipped.
func (q question) Scan(got []byte, over bool) ([]byte, error) {
	late, rest := 0, got
	for {
		frame, used := next(rest)
		if used == 0 {
			break
		}
		rest = rest[used:]
		data := frame[head : len(frame)-tail]
		switch {
		case len(data) == 0: // an echo
		case frame[1] != q.n || frame[2] != q.what:
			late++
		default:
			return data, nil
		}
	}
	switch {
	case !over || len(rest) == 0 && late == 0:
		return nil, nil
	case late > 0:
		return nil, &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("%d answers to another question", late)}
	}
	return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes that are no answer", len(rest))}
}

// recordTime reads a record: its time, behind its number or, by other detectors, alone. The number is none to rely on: there are
// detectors that count it from the other end. Zeros mean that there is no such record.
func recordTime(data []byte) (time.Time, error) {
	if len(data) != timeSize && len(data) != timeSize+1 {
		return time.Time{}, misshapen("record", len(data))
	}
	if len(bytes.Trim(data, "\x00")) == 0 {
		return time.Time{}, errNone
	}
	return dateOf(data[len(data)-timeSize:])
}

// dateOf reads a date.
func dateOf(b []byte) (time.Time, error) {
	year, month, day, hour, minute := int(b[0])<<8|int(b[1]), time.Month(b[2]), int(b[3]), int(b[4]), int(b[5])
	t := time.Date(year, month, day, hour, minute, 0, 0, chinaTime)
	if year < 1970 || year > 9999 || t.Month() != month || t.Day() != day || t.Hour() != hour || t.Minute() != minute {
		return time.Time{}, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("% x is no date", b)}
	}
	return t, nil
}

// errNone says that the detector has no such record.
var errNone = &line.Fault{Reason: device.NoSuchPoint, Detail: "there is no such record"}

func misshapen(what string, n int) error {
	return &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("a %s of %d bytes", what, n)}
}
