package osdp_test

import (
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// What was planned is what is answered once there is a session, in the clear and in a secure channel, but for the mark before a
// message, which this peripheral does not send.
func TestPlanIsWhatIsSent(t *testing.T) {
	for name, make := range map[string]func() (osdp.Address, *pd){"clear": inTheClear, "secure": secured} {
		t.Run(name, func(t *testing.T) {
			a, p := make()
			answers, bytes := 0, 0
			w := serve(t, func(answer []byte) []byte {
				answers++
				bytes += len(answer)
				return answer
			}, p)
			now := time.Unix(1e9, 0)
			c, err := osdp.Driver{Now: func() time.Time { return now }}.Open(t.Context(), device.Channel{ID: "osdp", Address: w.Path, Timeout: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close() //nolint:errcheck // a test's end
			points := []device.Point{at(t, a, "card 0", ""), at(t, a, "tamper", ""), at(t, a, "input 2", ""), at(t, a, "power", "")}
			plan, err := osdp.Driver{}.Plan(device.Channel{}, points)
			if err != nil || len(plan) != 3 || plan[0].What != "POLL" || len(plan[1].Points) != 2 {
				t.Fatalf("got %+v %v", plan, err)
			}
			read(t, c, points...) // who are you, what can you do, and the handshake
			for _, x := range []struct {
				later  time.Duration
				oldest time.Duration
			}{{plan[1].Every, time.Hour}, {plan[1].Every / 2, plan[1].Every / 2}} {
				now, answers, bytes = now.Add(x.later), 0, 0
				read(t, c, points...)
				wantAnswers, wantBytes := 0, 0
				for _, tr := range plan {
					if tr.Every < x.oldest {
						wantAnswers++
						wantBytes += tr.In - 1
					}
				}
				if answers != wantAnswers || bytes != wantBytes {
					t.Errorf("%v later: %d answers of %d bytes, planned %d of %d", x.later, answers, bytes, wantAnswers, wantBytes)
				}
			}
		})
	}
	if _, err := (osdp.Driver{}).Plan(device.Channel{}, []device.Point{{Device: "r", Address: "127"}}); err == nil {
		t.Error("an address that there is not is planned")
	}
}
