package poll_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	serial "github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// strict is a bus whose writes fail where nobody answers.
type strict struct{ *bus }

func (s strict) Open(context.Context, device.Channel) (device.Conn, error) { return s, nil }

func (s strict) Write(ctx context.Context, p device.Point, _ float64) error {
	if !s.exchange(ctx, p, 1, true) {
		return &serial.Fault{Reason: device.Timeout, Detail: "no answer"}
	}
	return nil
}

// A write to a device that is dead costs the next write one time-out: that the channel goes on is known.
func TestAWriteToADeadDeviceIsOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{timeout: 500 * time.Millisecond, per: 8, takes: always(30 * time.Millisecond), silent: func(a string) bool { return a == "valve" }}
		p := startOn(t, pollConfig(b, strict{b}, of("valve", "valve", time.Hour, 1), of("siren", "siren", time.Hour, 1)))
		pass(time.Minute)
		b.mu.Lock()
		b.asked = nil
		b.mu.Unlock()
		began, failed := time.Now(), make(chan error, 1)
		go func() { failed <- p.Write(t.Context(), device.Key{Device: "valve", Point: "pa"}, 1) }()
		synctest.Wait()
		if err := p.Write(t.Context(), device.Key{Device: "siren", Point: "pa"}, 1); err != nil || time.Since(began) > 600*time.Millisecond {
			t.Errorf("the siren waited %v: %v", time.Since(began), err)
		}
		if err := <-failed; err == nil {
			t.Error("a dead valve confirmed")
		}
		if n := len(b.served("valve")); n != 1 {
			t.Errorf("%d requests for one write", n)
		}
		p.stop()
	})
}

// Readings that nobody takes are no sign of life, however many requests are served meanwhile.
func TestServingDoesNotHideThatNobodyTakesReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{timeout: 500 * time.Millisecond, per: 8, takes: always(30 * time.Millisecond)}
		p, err := poll.New(pollConfig(b, b, of("meter", "m", time.Second, 1)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out, ended := make(chan []device.Reading), make(chan struct{})
		go func() {
			defer close(ended)
			if err := p.Run(ctx, out); err != nil {
				t.Error(err)
			}
		}()
		for range 60 {
			pass(time.Second)
			if err := p.Write(t.Context(), device.Key{Device: "m", Point: "pa"}, 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Fresh(); !errors.Is(err, poll.ErrStuck) {
			t.Errorf("nobody has taken a reading for a minute: %v", err)
		}
		cancel()
		<-out
		<-ended
	})
}
