package uplink_test

import (
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// distance is the figure uplink_50ms_rtt_delivered_ratio with what stands behind it.
type distance struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Seconds  uint64  `json:"seconds"`
	Points   int     `json:"points"`
	Bytes    int     `json:"bytes"`
	Backlogs []int   `json:"backlog_records"` // at every tenth of the time
}

// TestRoundTrip50ms brings 1,000 points a second over a line with a round trip of 50 ms, one record a second as when somebody
// looks, and says what part had arrived and was acknowledged 250 ms after the last record was made. LINSHAO_PROOF_SECONDS: 60 for the
// published figure, 3 otherwise.
func TestRoundTrip50ms(t *testing.T) {
	result := distance{Name: "uplink_50ms_rtt_delivered_ratio", Unit: "ratio", Seconds: number(t, "LINSHAO_PROOF_SECONDS", 3)}
	s, c := newSite(t), newCloud()
	defer s.close(t)
	b := newLiar(t, c, 1)
	defer b.close()
	p := newProxy(t, b.l.Addr().String())
	defer p.close()
	p.set(breakage{latency: 25 * time.Millisecond})
	stop := s.goOn(t, "mqtt://"+p.l.Addr().String(), nil)
	c.until(t, "the hello", func(c *cloud) bool { return len(c.hellos) > 0 })
	encoder, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := range result.Seconds {
		payload, err := encoder.Encode(second(n))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.telemetry.Append(wire.TypeReadings, time.Now(), wire.ClockSynced, payload); err != nil {
			t.Fatal(err)
		}
		result.Points, result.Bytes = result.Points+1000, result.Bytes+len(payload)
		if n%max(1, result.Seconds/10) == 0 {
			result.Backlogs = append(result.Backlogs, int(s.telemetry.Stats().Backlog))
		}
		if n+1 < result.Seconds {
			<-tick.C
		}
	}
	<-time.After(250 * time.Millisecond)
	_, _, next := s.telemetry.State()
	result.Value = 1 - float64(s.telemetry.Stats().Backlog)/float64(next-1)
	stop()
	show(t, result)
	if result.Value < 1 && result.Seconds >= 60 {
		t.Errorf("%v of the points were delivered", result.Value)
	}
}

// second is what 500 meters with two points each say in one second.
func second(n uint64) (rs []device.Reading) {
	at := time.UnixMilli(1_790_000_000_000).Add(time.Duration(n) * time.Second)
	for i := range 1000 {
		value := 220 + math.Round(30*math.Sin(float64(n)/60+float64(i)))/10
		rs = append(rs, device.Reading{Device: "meter-" + string(rune('a'+i/2%26)) + string(rune('a'+i/52)), Point: []string{"voltage", "power"}[i%2],
			Value: value, Quality: device.Good, Time: at.Add(time.Duration(i) * time.Millisecond)})
	}
	return rs
}
