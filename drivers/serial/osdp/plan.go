package osdp

import (
	"crypto/aes"
	"fmt"

	"github.com/linshao/linshao/drivers/device"
)

// Plan implements device.Planner: one poll in each read, and each report of states that the points need as often as it is asked for.
// What a peripheral has to tell, which is rare, is not in it, nor is the beginning of a session.
func (Driver) Plan(_ device.Channel, points []device.Point) ([]device.Transaction, error) {
	if len(points) == 0 {
		return nil, nil
	}
	a, err := ParseAddress(points[0].Address)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", points[0].Device, err)
	}
	secure := a.Key != nil || a.Install
	size := func(data int) int { return frameSize(data, secure) }
	poll := device.Transaction{What: "POLL", Out: size(0), In: size(0)}
	var reports []device.Transaction
	for command, name := range [...]string{"LSTAT", "ISTAT", "OSTAT", "RSTAT"} {
		report := device.Transaction{What: name, Out: size(0), Every: fresh}
		states := 2 // a report of its own state has two; of the others, at least as many as are wanted
		for i, pt := range points {
			if c, at := stateOf(pt.Register); int(c) == cmdLocal+command && checkPlace(pt) == nil {
				states = max(states, at+1)
				report.Points = append(report.Points, i)
			}
		}
		if report.In = size(states); report.Points != nil {
			reports = append(reports, report)
		}
	}
	for i, pt := range points {
		if c, _ := stateOf(pt.Register); c == 0 && checkPlace(pt) == nil {
			poll.Points = append(poll.Points, i)
		}
	}
	return append([]device.Transaction{poll}, reports...), nil
}

// frameSize is the length of a message with its mark: with CRC, and in a secure channel with what it is signed and padded by.
func frameSize(data int, secure bool) int {
	n := 1 + headBytes + 1 + crcBytes
	if !secure {
		return n + data
	}
	n += 2 + macBytes // a security block without data
	if data > 0 {
		n += (data/aes.BlockSize + 1) * aes.BlockSize
	}
	return n
}
