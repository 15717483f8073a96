package ingest_test

import (
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// watch lets time pass and sweeps every five seconds, as Run does; alive is called before each.
func (c *cloud) watch(d time.Duration, alive func()) {
	c.t.Helper()
	for end := c.now.Add(d); c.now.Before(end); {
		c.now = c.now.Add(5 * time.Second)
		if alive != nil {
			alive()
		}
		if err := c.in.Sweep(c.t.Context()); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *cloud) online() bool {
	c.t.Helper()
	online, err := org.Online(c.t.Context(), c.db.Reader())
	if err != nil {
		c.t.Fatal(err)
	}
	return len(online) == 1
}

func TestPresence(t *testing.T) { dbtest.Each(t, testPresence) }

func testPresence(t *testing.T, place *dbtest.Place) {
	// A connection shows that it lives at the interval that it told, and up to the step of its own clock later.
	for i, k := range []struct{ keepAlive, patience time.Duration }{{10 * time.Second, time.Minute}, {30 * time.Second, time.Minute}, {time.Minute, 2 * time.Minute}, {0, 6 * time.Minute}} {
		t.Run("pings every "+k.keepAlive.String(), func(t *testing.T) {
			c := start(t, place)
			defer c.stop()
			c.now = t0.Add(time.Duration(i) * time.Hour)
			c.hello(uint64(7 + i))
			c.watch(100*time.Second, func() { c.in.Heard(gw, k.keepAlive) })
			if c.watch(k.patience-5*time.Second, nil); !c.online() {
				t.Fatal("offline too early")
			}
			if c.watch(5*time.Second, nil); c.online() {
				t.Fatal("still online")
			}
			c.in.Heard(gw, k.keepAlive) // late, and it never went away
			if c.watch(5*time.Second, nil); !c.online() {
				t.Fatal("heard again, and still offline")
			}
			if c.watch(k.patience, nil); c.online() {
				t.Fatal("still online after it was heard again")
			}
			if err := c.in.Disconnected(t.Context(), gw); err != nil {
				t.Fatal(err)
			}
			c.in.Heard(gw, k.keepAlive) // of the next connection
			if c.watch(5*time.Second, nil); c.online() {
				t.Fatal("online before its hello")
			}
		})
	}
}

// What gateways sent may wait behind a message that the cloud has not finished: that is no silence of theirs.
func TestCloudBehindCallsNobodySilent(t *testing.T) { dbtest.Each(t, testCloudBehind) }

func testCloudBehind(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7)
	c.watch(100*time.Second, func() { c.in.Heard(gw, 30*time.Second) })
	c.held = make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := c.in.Handle(t.Context(), wire.Topic("gw-busy", wire.UpLook), nil)
		done <- err
	}()
	<-c.held
	if c.watch(10*time.Minute, nil); !c.online() {
		t.Error("a cloud that is behind called a gateway silent")
	}
	c.held <- struct{}{}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if c.watch(5*time.Second, nil); c.online() {
		t.Error("all is read, and nothing of it was the gateway's")
	}
}

// A cloud that did not run, or was frozen, has not heard what was said meanwhile.
func TestCloudThatWasAwayWaitsForGateways(t *testing.T) { dbtest.Each(t, testCloudAway) }

func testCloudAway(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7)
	c.watch(100*time.Second, func() { c.in.Heard(gw, 30*time.Second) })
	c.now = c.now.Add(10 * time.Minute)
	if c.watch(90*time.Second, nil); !c.online() {
		t.Error("told as offline before it could be heard")
	}
	if c.watch(5*time.Second, nil); c.online() {
		t.Error("it was not heard again, and is told as online")
	}
}
