package identity_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/identity"
	"github.com/linshao/linshao/gateway/internal/state"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A place is where a meter hangs.
type place struct {
	mu    sync.Mutex
	says  []device.Reading // in turn; the last one for ever
	asked int
	told  []string
	file  string
}

func says(values ...float64) (out []device.Reading) {
	for _, v := range values {
		out = append(out, device.Reading{Value: v, Quality: device.Good})
	}
	return out
}

// answers changes what the meter says from now on.
func (p *place) answers(with []device.Reading) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.says = with
}

// begin runs a watch over the place; the meter answers. end stops it.
func (p *place) begin(t *testing.T) (w *identity.Watch, end func()) {
	t.Helper()
	w = identity.New(identity.Config{
		File:    p.file,
		Devices: []device.Device{{ID: "lamp"}, {ID: "meter", Identity: &device.Point{Device: "meter", Name: "identity"}}},
		Read: func(_ context.Context, key device.Key) (device.Reading, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.asked++; key != (device.Key{Device: "meter", Point: "identity"}) || len(p.says) == 0 {
				return device.Reading{}, errors.New("no line")
			}
			r := p.says[0]
			if len(p.says) > 1 {
				p.says = p.says[1:]
			}
			return r, nil
		},
		Swapped: func(d device.Device, old, now string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.told = append(p.told, d.ID+" "+old+" "+now)
		},
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Run(ctx) }()
	w.Changed("lamp", true)
	w.Changed("meter", true)
	synctest.Wait()
	return w, func() { cancel(); <-ended }
}

// count is how often the meter was asked.
func (p *place) count() int {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *place) want(t *testing.T, told ...string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.told, told) {
		t.Errorf("told %q, want %q", p.told, told)
	}
}

func bubble(t *testing.T, story func(t *testing.T, p *place)) {
	t.Helper()
	p := &place{file: filepath.Join(t.TempDir(), "identities.state")}
	synctest.Test(t, func(t *testing.T) { story(t, p) })
}

func TestAnExchangeIsToldOnce(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		p.answers(says(123))
		w, end := p.begin(t)
		p.want(t) // the first number is no exchange
		w.Changed("meter", false)
		p.answers(says(456))
		w.Changed("meter", true)
		p.want(t, "meter 123 456")
		wait(3 * time.Hour)
		p.want(t, "meter 123 456")
		end()
	})
}

// A file that is whole and says nothing is no reason to end.
func TestAFileWithNothingInIt(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		if err := state.SaveSealed(p.file, time.Now(), []byte("null")); err != nil {
			t.Fatal(err)
		}
		p.answers(says(123))
		w, end := p.begin(t)
		w.Changed("meter", false)
		p.answers(says(456))
		w.Changed("meter", true)
		p.want(t, "meter 123 456")
		end()
	})
}

func TestAnExchangeWhileTheGatewayWasOff(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		p.answers(says(123))
		_, end := p.begin(t)
		end()
		p.answers(says(999999999998)) // all twelve digits of a DL/T 645 number
		_, end = p.begin(t)
		p.want(t, "meter 123 999999999998")
		end()
		_, end = p.begin(t)
		p.want(t, "meter 123 999999999998")
		end()
	})
}

// A meter that is exchanged between two polls never seemed to be gone.
func TestAnExchangeThatNobodySaw(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		p.answers(says(123))
		_, end := p.begin(t)
		p.answers(says(456))
		wait(time.Hour + time.Second)
		p.want(t, "meter 123 456")
		end()
	})
}

func TestWhatIsNoExchange(t *testing.T) {
	silent := device.Reading{Reason: device.Timeout, Quality: device.Bad}
	cases := map[string][]device.Reading{
		"damage":           append(says(7), says(123)...),
		"two kinds of it":  append(says(7, 8), says(123)...),
		"silence":          append([]device.Reading{silent}, says(123)...),
		"no such register": {{Reason: device.NoSuchPoint, Quality: device.Bad}},
		"never written":    says(0),
		"erased":           says(1<<32 - 1),
		"the line is gone": nil,
	}
	for name, then := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *place) {
				p.answers(says(123))
				w, end := p.begin(t)
				p.answers(then)
				w.Changed("meter", true)
				wait(10 * time.Minute)
				p.want(t)
				end()
			})
		})
	}
}

// One who does not say is asked again soon; one who is not there is left alone.
func TestWhoIsAsked(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		w, end := p.begin(t)
		wait(5*time.Minute + time.Second)
		if p.count() != 6 {
			t.Errorf("asked %d times in 5 minutes, want at once and every minute", p.count())
		}
		w.Changed("meter", false)
		before := p.count()
		wait(3 * time.Hour)
		if p.count() != before {
			t.Errorf("a device that is gone was asked %d times", p.count()-before)
		}
		end()
	})
}

func TestADamagedRecordIsNoExchange(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		if err := os.WriteFile(p.file, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		p.answers(says(123))
		_, end := p.begin(t)
		p.want(t)
		end()
	})
}

// wait lets time of the bubble pass.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
