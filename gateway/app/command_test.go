package app_test

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/app"
)

// told are the outcomes of a command that the cloud has heard of, in their order, with the reasons of those that came to nothing.
func (c *cloud) told(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, r := range c.got[wire.StreamEvents] {
		var e wire.Event
		if err := proto.Unmarshal(r.GetPayload(), &e); err != nil {
			c.t.Error(err)
		}
		if a := e.GetAction(); a.GetCommand() == id {
			word := a.GetOutcome()
			if word == "refused" {
				word += ": " + a.GetReason()
			}
			all = append(all, word)
		}
	}
	return strings.Join(all, ", ")
}

// order is a command for the valve in the present session, signed by the key of a seed.
func (c *cloud) order(id string, seed byte, value float64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	b, err := wire.Sign(key, &wire.Down{Gateway: "gw-test", Kind: &wire.Down_Command{Command: &wire.Command{Id: id, Session: c.session, Boot: 1, UntilMs: 55_000, TtlMs: 60_000,
		Issuer: "陈敏", Approver: "李伟", Reason: "漏气", Action: &wire.Action{Device: "valve-1", Point: "open", Value: value}}}})
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

func (c *cloud) send(payload []byte) {
	c.t.Helper()
	if err := c.broker.Publish(wire.Topic("gw-test", wire.DownCommand), payload, false, 0); err != nil {
		c.t.Fatal(err)
	}
}

// TestTheCloudShutsTheValve by a command that comes three times: it is written once. Nobody opens it, two people neither; and a
// word that the cloud's key did not sign moves nothing.
func TestTheCloudShutsTheValve(t *testing.T) {
	k, c := &kitchen{open: true}, newCloud(t)
	s := site(t, t.TempDir(), k.serve(t))
	s.Cloud.URL = c.url
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	s.CommandKey, _ = key.Public().(ed25519.PublicKey)
	for _, d := range s.Inventory.GetDevices() {
		if d.GetId() == "valve-1" && (len(d.GetOutputs()) != 1 || d.GetOutputs()[0].Safe == nil || d.GetOutputs()[0].GetSafe() != 0) {
			t.Errorf("the cloud is told of the outputs %v", d.GetOutputs())
		}
	}
	start(t, app.Config{Site: s})
	eventually(t, "the valve is read", func() bool { return strings.Contains(c.events(), "valve-1 online true") })

	c.send(c.order("forged", 2, 0))
	eventually(t, "it is told that the word is not the cloud's", func() bool { return strings.HasPrefix(c.told("forged"), "refused: the signature") })
	if _, writes, open := k.state(); writes != 0 || !open {
		t.Fatal("a forged command moved the valve")
	}
	shut := c.order("shut", 1, 0)
	for range 3 {
		c.send(shut)
	}
	eventually(t, "the valve is shut and the cloud knows", func() bool { return strings.HasPrefix(c.told("shut"), "intent, confirmed") })
	c.send(c.order("open", 1, 1))
	eventually(t, "it is not opened", func() bool {
		return c.told("open") == "refused: a gas valve is never opened remotely"
	})
	if _, writes, open := k.state(); writes != 1 || open {
		t.Errorf("%d writes, open %v", writes, open)
	}
}
