package app_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/app"
)

func (c *cloud) desire(d *wire.Desired) {
	c.t.Helper()
	b, err := wire.Sign(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)), &wire.Down{Gateway: "gw-test", Kind: &wire.Down_Desired{Desired: d}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(b)
}

// modes are what the cloud has heard of modes and answers to what it wants.
func (c *cloud) modes() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, r := range c.got[wire.StreamEvents] {
		var e wire.Event
		if err := proto.Unmarshal(r.GetPayload(), &e); err != nil {
			c.t.Error(err)
		}
		if m := e.GetRules(); m != nil {
			all = append(all, fmt.Sprint("mode ", m.GetEmergency()))
		}
		if a := e.GetApplied(); a != nil {
			all = append(all, fmt.Sprintf("%d of %d ok %v emergency %v", a.GetRevision(), a.GetHave(), a.GetOk(), a.GetEmergency()))
		}
	}
	return strings.Join(all, ", ")
}

// TestTheCloudSetsTheMode: newer revisions for this site count, others are answered with why not; the mode outlives a restart, and
// ends by itself.
func TestTheCloudSetsTheMode(t *testing.T) {
	k, c, dir := &kitchen{open: true}, newCloud(t), t.TempDir()
	field := k.serve(t)
	run := func() *running {
		s := site(t, dir, field)
		s.Cloud.URL = c.url
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
		s.CommandKey, _ = key.Public().(ed25519.PublicKey)
		return start(t, app.Config{Site: s})
	}
	want := ""
	heard := func(more string) {
		t.Helper()
		want = strings.TrimPrefix(want+", "+more, ", ")
		eventually(t, want, func() bool { return strings.HasPrefix(c.modes(), want) })
	}
	g := run()
	eventually(t, "a session", func() bool { return strings.Contains(c.events(), "valve-1 online true") })
	c.desire(&wire.Desired{Revision: 3, Site: "test", Emergency: true, LeftMs: 3_600_000})
	heard("mode true, 3 of 3 ok true emergency true")
	c.desire(&wire.Desired{Revision: 2, Site: "test"})
	heard("2 of 3 ok false emergency true")
	c.desire(&wire.Desired{Revision: 4, Site: "other"})
	heard("4 of 3 ok false emergency true")
	c.desire(&wire.Desired{Revision: 4, Site: "test", Emergency: true})
	heard("4 of 3 ok false emergency true")
	c.desire(&wire.Desired{Revision: 3, Site: "test", Emergency: true, LeftMs: 3_600_000})
	heard("3 of 3 ok true emergency true")
	g.stop()

	run()
	eventually(t, "the second session", func() bool { return strings.Contains(c.events(), "boot 2 clean") })
	c.desire(&wire.Desired{Revision: 4, Site: "test", Emergency: true, LeftMs: 1500})
	heard("4 of 4 ok true emergency true")
	heard("mode false")
	c.desire(&wire.Desired{Revision: 4, Site: "test", Emergency: true, LeftMs: 1500})
	heard("4 of 4 ok true emergency false")
}
