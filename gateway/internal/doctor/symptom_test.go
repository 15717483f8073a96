package doctor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/gateway/internal/doctor"
)

// scripted is a line on which every device answers each request as its script says, in turn.
type scripted map[string][]answer

// An answer is what comes back, and how long after.
type answer struct {
	in    string
	wrong device.Reason
	took  time.Duration
}

func (s scripted) Open(context.Context, device.Channel) (device.Conn, error) {
	if s == nil {
		return nil, errors.New("no such device or address")
	}
	return &scriptedConn{s, map[string]int{}}, nil
}

type scriptedConn struct {
	script scripted
	turn   map[string]int
}

func (c *scriptedConn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	id := points[0].Device
	answers := c.script[id]
	a := answers[c.turn[id]%len(answers)]
	c.turn[id]++
	x := device.Exchange{Out: []byte("ask"), In: []byte(a.in), Took: a.took}
	if a.wrong != device.ReasonNone {
		x.Err = &line.Fault{Reason: a.wrong}
	}
	device.TraceOf(ctx).Exchanged(x)
	return make([]device.Reading, len(points)), nil
}

func (c *scriptedConn) Write(context.Context, device.Point, float64) error {
	return errors.ErrUnsupported
}
func (c *scriptedConn) Close() error { return nil }

func TestSymptoms(t *testing.T) {
	const long = "0123456789012345678901234567890123456789012345678901234567890123456789"
	right, silent := answer{in: "right"}, answer{wrong: device.Timeout}
	garbled := answer{in: "x#", wrong: device.Corrupt}
	cases := []struct {
		name string
		line scripted
		want string // code and subject, "" when all is well
		next string // in the first thing to do
	}{
		{"all is well", scripted{"a": {right}, "b": {right}}, "", ""},
		{"nobody answers", scripted{"a": {silent}, "b": {silent}}, "line_mute rs485-1", "A and B exchanged"},
		{"only echoes", scripted{"a": {{in: "ask", wrong: device.Timeout}}, "b": {silent}}, "line_mute rs485-1", "A and B exchanged"},
		{"all garbled", scripted{"a": {garbled}, "b": {garbled}}, "line_garbled rs485-1", "another baud or parity"},
		{"long answers break", scripted{"a": {{in: "as-" + long, wrong: device.Corrupt}}, "b": {{in: "as-" + long, wrong: device.Corrupt}}}, "line_long_damaged rs485-1", "120 Ω"},
		{"one is dead", scripted{"a": {right}, "b": {silent}}, "device_silent rs485-1 b", "its power"},
		{"two with one address", scripted{"a": {right}, "b": {garbled}}, "duplicate_address rs485-1 b", "unplug one"},
		{"two answers at once", scripted{"a": {right}, "b": {right, {in: "rightright", wrong: device.Corrupt}}}, "duplicate_address rs485-1 b", "unplug one"},
		{"no termination", scripted{"a": {right}, "b": {{in: long}, {in: long[:60], wrong: device.Corrupt}}}, "line_reflects rs485-1 b", "120 Ω"},
		{"a loose wire", scripted{"a": {right}, "b": {right, {in: "r", wrong: device.Corrupt}}}, "device_noisy rs485-1 b", "loose wire"},
		{"it drops some", scripted{"a": {right}, "b": {right, silent}}, "device_drops rs485-1 b", ""},
		{"it is slow", scripted{"a": {right}, "b": {{in: "right", took: time.Second}}}, "device_slow rs485-1 b", ""},
		{"the port is gone", nil, "line_down rs485-1", ""},
	}
	ch := device.Channel{ID: "rs485-1", Serial: device.Serial{Baud: 9600}}
	devices := []device.Device{{ID: "a", Points: []device.Point{{Device: "a", Address: "1"}}}, {ID: "b", Points: []device.Point{{Device: "b", Address: "2"}}}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for _, f := range doctor.Diagnose(doctor.ReadLine(t.Context(), c.line, ch, devices)) {
				if f.Level == doctor.Well {
					continue
				}
				got += f.Code + " " + f.Subject
				if c.next != "" && !strings.Contains(f.Next[0].EN, c.next) {
					t.Errorf("first %q", f.Next[0].EN)
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
