package serial_test

import (
	"errors"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// pointsOf are the points of a conformance case.
func pointsOf() []device.Point {
	var points []device.Point
	for _, w := range samplePoints() {
		points = append(points, w.Point)
	}
	return points
}

// What was planned is what stands on the wire, for a meter that wakes us with three bytes where four are allowed for.
func TestPlanIsWhatIsSent(t *testing.T) {
	m := sampleMeter()
	var requests, answered int
	m.script.Store(func(answer []byte) []byte {
		requests++
		answered += len(answer)
		return answer
	})
	w := m.serve(t)
	points := pointsOf()
	// Two points of one identifier are one request; what cannot be read is none.
	points = append(points, mpoint("again", points[0].Register.Addr, points[0].Register.Type, 1), mpoint("never", 0x02010100, "no format", 1))
	plan, err := serial.DLT645{}.Plan(device.Channel{}, points)
	if err != nil {
		t.Fatal(err)
	}
	c, err := serial.DLT645{}.Open(t.Context(), channel(w.Path, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's end
	if _, err := c.Read(t.Context(), points); err != nil {
		t.Fatal(err)
	}
	in, planned := 0, map[int]bool{}
	for _, x := range plan {
		if in += x.In; x.Out != requestSize {
			t.Errorf("%s: planned %d bytes, a request has %d", x.What, x.Out, requestSize)
		}
		for _, i := range x.Points {
			planned[i] = true
		}
	}
	if len(plan) != requests || in != answered+len(plan) {
		t.Errorf("planned %d requests and %d bytes of answers, there were %d and %d", len(plan), in, requests, answered)
	}
	if len(planned) != len(points)-1 || planned[len(points)-1] {
		t.Errorf("planned %v of %d points, the last of which cannot be read", planned, len(points))
	}
}

func TestPlanOfGasMeter(t *testing.T) {
	points := []device.Point{gasPoint("flow", 0x901F, "XXXXXX.XX"), gasPoint("valve", 0x901F, "bit0@17")}
	plan, err := serial.CJT188{}.Plan(device.Channel{}, points)
	if err != nil || len(plan) != 1 {
		t.Fatalf("got %+v %v", plan, err)
	}
	// Four to wake, head 11, identifier and serial number 3, 19 bytes of value, checksum and end.
	if got := plan[0]; got.What != "90 1F" || got.Out != 20 || got.In != 4+11+3+19+2 || len(got.Points) != 2 {
		t.Errorf("got %+v", got)
	}
}

// A line that several protocols share plans as the one who speaks each does.
func TestPlanOfSharedLine(t *testing.T) {
	shared := serial.Shared{"dlt645": serial.DLT645{}, "osdp": osdp.Driver{}}
	meter := mpoint("voltage", 0x02010100, "XXX.X", 1)
	meter.Protocol = "dlt645"
	plan, err := shared.Plan(device.Channel{}, []device.Point{meter})
	if err != nil || len(plan) != 1 || plan[0].What != "02 01 01 00" {
		t.Errorf("got %+v %v", plan, err)
	}
	meter.Protocol = "modbus"
	if _, err := shared.Plan(device.Channel{}, []device.Point{meter}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a protocol that nobody speaks: %v", err)
	}
	if plan, err := shared.Plan(device.Channel{}, nil); plan != nil || err != nil {
		t.Errorf("nothing: %v %v", plan, err)
	}
}
