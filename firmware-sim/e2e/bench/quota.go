package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// The load of the log: a large compound, and the longest outage that a street's operator plans for.
const (
	quotaDevices  = 250
	quotaPoints   = 20
	quotaPoll     = 5 * time.Second
	quotaMeasured = 15 * time.Minute
	quotaOutage   = 72 * time.Hour
	// Around a payload in the log's file, gateway/internal/outbox/DESIGN.md.
	recordHead = 44
)

// quota tells how much room an outage needs in the log, from the records that simulated readings make.
func quota(context.Context, string, string) ([]figure, error) {
	encoder, err := wire.NewEncoder()
	if err != nil {
		return nil, err
	}
	var batch []device.Reading
	size, readings := 0, 0
	flush := func() error {
		payload, n, err := encoder.EncodeFirst(&wire.Readings{PartsEpoch: 1 << 60, PartsTo: 100_000}, batch)
		if err != nil {
			return err
		}
		size += len(payload) + recordHead
		readings += n
		batch = batch[:copy(batch, batch[n:])]
		return nil
	}
	for round := range int(quotaMeasured / quotaPoll) {
		for d := range quotaDevices {
			batch = append(batch, simulatedReadings(d, round)...)
			if len(batch) >= wire.MaxReadings {
				if err := flush(); err != nil {
					return nil, err
				}
			}
		}
	}
	perPoint := float64(size) / float64(readings)
	points := quotaDevices * quotaPoints / quotaPoll.Seconds() * quotaOutage.Seconds()
	return []figure{
		{"log_bytes_per_point", perPoint, "B", "lower", 2, fmt.Sprintf("%d points read every %v, noise, counters and states; %d readings in records of %d", quotaDevices*quotaPoints, quotaPoll, readings, wire.MaxReadings)},
		{"log_mib_72h", perPoint * points / (1 << 20), "MiB", "lower", 512, fmt.Sprintf("what telemetry_quota (512 MiB) must be for an outage of %v at %.0f points a second", quotaOutage, points/quotaOutage.Seconds())},
	}, nil
}

// simulatedReadings of a device in a round of polls: six kinds of points, as meters and sockets have them.
func simulatedReadings(d, round int) []device.Reading {
	at := time.UnixMilli(1_795_000_000_000).Add(time.Duration(round)*quotaPoll + time.Duration(d)*quotaPoll/quotaDevices + time.Duration(noise(d, round, 99)*3)*time.Millisecond)
	rs := make([]device.Reading, quotaPoints)
	load := 200 + 80*math.Sin(float64(d)+float64(round)/50)
	for p := range rs {
		n := noise(d, round, p)
		var v float64
		switch p % 6 {
		case 0:
			v = at1e6(230+float64(d%7)/2+n*0.6, 0.1) // voltage
		case 1:
			v = at1e6(load/230+n*0.02, 0.01) // current
		case 2:
			v = at1e6(load+n*3, 0.1) // power
		case 3:
			v = at1e6(1000+float64(d*37)+load*float64(round)*quotaPoll.Hours()/1000, 0.001) // energy
		case 4:
			v = at1e6(21+float64(d%5)+math.Sin(float64(round)/300+float64(d)), 0.1) // temperature
		default:
			v = float64((d + p) % 2) // a state
		}
		rs[p] = device.Reading{Device: fmt.Sprintf("socket-%03d", d), Point: fmt.Sprintf("point_%d", p), Value: v, Quality: device.Good, Time: at}
	}
	return rs
}

// at1e6 rounds to a sensor's step, and as drivers/device.Judge does.
func at1e6(v, step float64) float64 { return math.Round(math.Round(v/step)*step*1e6) / 1e6 }

// noise is a number from -1 to 1.
func noise(d, round, p int) float64 {
	x := uint64(d*1_000_003+round*7919+p+1) * 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	return float64((x^x>>27)>>11)/(1<<52) - 1
}
