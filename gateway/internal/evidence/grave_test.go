package evidence_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/gateway/internal/evidence"
	"github.com/linshao/linshao/rules"
)

// TestARungThatIsGraveLeavesABundle: carbon monoxide begins as a C; what counts is that it comes to B, and then A, once.
func TestARungThatIsGraveLeavesABundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		s.run(func(c *evidence.Collector) {
			for level, severity := range []rules.Severity{rules.SeverityC, rules.SeverityB, rules.SeverityA} {
				e := alert("a-1")
				e.Level, e.Severity = level, severity
				c.Alert(e)
				<-time.After(20 * time.Second)
			}
			whole := alert("a-2")
			whole.Level, whole.Severity = 2, rules.SeverityA
			c.Alert(whole)
			<-time.After(2 * time.Minute)
		})
		all := s.bundles()
		if len(all) != 2 || s.verify(all[0]).Manifest.Alert.Severity != "B" || s.verify(all[1]).Manifest.Alert.Severity != "A" {
			t.Fatalf("%d bundles", len(all))
		}
	})
}

// TestABurstLosesNoClip: twenty alerts in a second, a class A last of them.
func TestABurstLosesNoClip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		s.eye.Store(&eye{ring: 45 * time.Second})
		s.run(func(c *evidence.Collector) {
			for n := range 20 {
				e := alert(fmt.Sprintf("a-%d", n))
				if n == 19 {
					e.Severity = rules.SeverityA
				}
				c.Alert(e)
			}
			<-time.After(2 * time.Minute)
		})
		all := s.bundles()
		for _, b := range all {
			if h := s.verify(b); len(h.Manifest.Missing) > 0 || len(h.Manifest.Parts) != 6 {
				t.Errorf("%s: %d parts, missing %q", b.Alert, len(h.Manifest.Parts), h.Manifest.Missing)
			}
		}
		if len(all) != 20 {
			t.Fatalf("%d bundles", len(all))
		}
	})
}

// TestAnAlertThatEndsEarlyHoldsNothing: while its evidence was taken it ended.
func TestAnAlertThatEndsEarlyHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		s.run(func(c *evidence.Collector) {
			c.Alert(alert("a-1"))
			<-time.After(15 * time.Second)
			c.Alert(over("a-1"))
			<-time.After(2 * time.Minute)
		})
		if b := s.bundles(); len(b) != 1 || b[0].Open {
			t.Fatalf("%+v", b[0])
		}
	})
}

// TestTheFifthCameraIsNotForgotten: it is said, and the cameras that a rule names come first.
func TestTheFifthCameraIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		for n := range 4 {
			s.more = append(s.more, evidence.Camera{ID: fmt.Sprintf("near-%d", n), Rules: []string{"R03"}})
		}
		s.run(func(c *evidence.Collector) {
			c.Alert(alert("a-1"))
			<-time.After(2 * time.Minute)
		})
		m := s.verify(s.bundles()[0]).Manifest
		if len(m.Missing) != 1 || !strings.HasPrefix(m.Missing[0], "cam-1: ") || len(m.Parts) != 2+4*4 {
			t.Fatalf("%q, %d parts", m.Missing, len(m.Parts))
		}
	})
}

// TestABundleThatCannotBeReadHoldsNobodyUp: those behind it go up.
func TestABundleThatCannotBeReadHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		s.run(func(c *evidence.Collector) {
			for _, id := range []string{"a-1", "a-2"} {
				c.Alert(alert(id))
				<-time.After(61 * time.Second)
				if id == "a-1" { // it must go up once more, and cannot
					epoch, _, _ := s.log.State()
					if err := os.Truncate(evidence.Path(filepath.Join(s.dir, evidence.Dir), s.bundles()[0]), 10); err != nil {
						t.Error(err)
					}
					c.Lost(epoch, 1, 1, false)
				}
			}
			<-time.After(time.Minute)
		})
		all := s.bundles()
		if i := slices.IndexFunc(all, func(b *evidence.Bundle) bool { return b.Alert == "a-2" }); i < 0 || all[i].Fed == 0 {
			t.Fatalf("%+v", all)
		}
	})
}

// TestAClockSetForwardCostsNothing: a bundle that the cloud does not have stays, however old it seems.
func TestAClockSetForwardCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stand(t)
		s.run(func(c *evidence.Collector) {
			c.Alert(alert("a-1"))
			<-time.After(70 * time.Second)
			c.Alert(over("a-1"))
			<-time.After(3 * time.Hour) // it is kept for one
			c.Alert(alert("a-2"))
			<-time.After(2 * time.Minute)
		})
		if n := len(s.bundles()); n != 2 {
			t.Fatalf("%d bundles", n)
		}
	})
}
