package fault_test

import (
	"bytes"
	"math/bits"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
)

func TestVerdicts(t *testing.T) {
	var healthy *fault.Switches
	if healthy.Judge() != (fault.Verdict{}) || healthy.On(fault.Cut) || healthy.Changed() != nil {
		t.Error("no switches is a healthy device")
	}
	s := fault.New(1)
	changed := s.Changed()
	s.Set(fault.Late, fault.Setting{})
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	if v := s.Judge(); v.Delay != time.Second {
		t.Errorf("late by %v unless said otherwise, want 1 s", v.Delay)
	}
	s.Set(fault.Silent, fault.Setting{})
	s.Set(fault.WrongUnit, fault.Setting{})
	if v := s.Judge(); !v.Drop || !v.WrongUnit {
		t.Errorf("verdict %+v", v)
	}
	if got := s.Active(); len(got) != 3 {
		t.Errorf("active: %v", got)
	}
	for _, k := range fault.Kinds() {
		s.Clear(k)
	}
	if s.Judge() != (fault.Verdict{}) || s.Active() != nil {
		t.Error("mended, and still broken")
	}
}

func TestNoiseHitsItsShare(t *testing.T) {
	s := fault.New(1)
	s.Set(fault.Noise, fault.Setting{Probability: 0.2})
	hit := 0
	for range 5000 {
		v := s.Judge()
		frame := make([]byte, 8)
		v.Damage(frame)
		n := 0
		for _, b := range frame {
			n += bits.OnesCount8(b)
		}
		if n > 1 || (n == 1) != v.Garble {
			t.Fatalf("verdict %+v flipped %d bits", v, n)
		}
		hit += n
	}
	if hit < 900 || hit > 1100 {
		t.Errorf("%d of 5000 answers damaged, want about 1000", hit)
	}
}

func TestSharedUnitSuffersFromEach(t *testing.T) {
	a, b := fault.New(1), fault.New(2)
	b.Set(fault.Silent, fault.Setting{})
	if !fault.Judge([]*fault.Switches{a, b}).Drop {
		t.Error("the second device's silence is not heard")
	}
	if fault.Judge(nil) != (fault.Verdict{}) {
		t.Error("nobody's faults")
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestCourierBringsLateAnswersLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		c := fault.NewCourier(&out)
		frame := []byte("late ")
		if err := c.Send(frame, 2*time.Second); err != nil {
			t.Fatal(err)
		}
		copy(frame, "xxxxx") // the caller uses its buffer again
		if err := c.Send([]byte("now "), 0); err != nil {
			t.Fatal(err)
		}
		if err := c.Send([]byte("never "), time.Hour); err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * time.Second)
		if out.String() != "now late " {
			t.Errorf("got %q", out.String())
		}
		c.Close() // returns at once, an hour early
		if out.String() != "now late " {
			t.Errorf("after close: %q", out.String())
		}
	})
}
