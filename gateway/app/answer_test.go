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

// asks asks the gateway something, and answers what it says, or why it says nothing.
func (c *cloud) asks(id, device string, ask *wire.Ask) (answer *wire.Answer, why string) {
	c.t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	c.mu.Lock()
	look := &wire.Look{Id: id, Session: c.session, Boot: 1, UntilMs: 55_000, Device: device, Who: "陈敏", Ask: ask}
	c.mu.Unlock()
	send := func() {
		b, err := wire.Sign(key, &wire.Down{Gateway: "gw-test", Kind: &wire.Down_Look{Look: look}})
		if err != nil {
			c.t.Fatal(err)
		}
		c.send(b)
	}
	send()
	var data []byte
	eventually(c.t, "the gateway answers "+id, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for len(c.glimpses) > 0 {
			g := c.glimpses[0]
			c.glimpses = c.glimpses[1:]
			if g.GetLook() != id {
				continue
			}
			data = append(data, g.GetData()...)
			if why = g.GetWhy(); g.GetLast() || g.GetOver() {
				return true
			}
		}
		return false
	})
	look.Over = true
	send()
	answer = &wire.Answer{}
	if err := proto.Unmarshal(data, answer); err != nil {
		c.t.Fatal(err)
	}
	return answer, why
}

// TestAPersonAsksFromAfar: the last frames of a device, and a trial read in its line's turn that says what the display's number would
// need; nobody pauses a line for it, and nothing is written.
func TestAPersonAsksFromAfar(t *testing.T) {
	k, c := &kitchen{open: true, level: 5}, newCloud(t)
	s := site(t, t.TempDir(), k.serve(t))
	s.Cloud.URL = c.url
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	s.CommandKey, _ = key.Public().(ed25519.PublicKey)
	start(t, app.Config{Site: s})
	eventually(t, "the detector is read", func() bool { return strings.Contains(c.events(), "gas-1 online true") })

	a, _ := c.asks("a1", "gas-1", &wire.Ask{About: &wire.Ask_Frames{Frames: &wire.AskFrames{}}})
	if f := a.GetFrames(); a.GetRefused() != nil || len(f) == 0 || !bytes.HasPrefix(f[0].GetOut()[6:], []byte{1, 3}) || f[0].GetReason() != 0 || f[0].GetTookUs() == 0 || len(f[0].GetIn()) < 9 {
		t.Fatal(a)
	}
	a, _ = c.asks("a2", "gas-1", &wire.Ask{About: &wire.Ask_Trial{Trial: &wire.AskTrial{Shown: []*wire.Shown{{Point: "level", Value: 50}}}}})
	found := false
	for _, p := range a.GetTrial().GetPoints() {
		if p.GetPoint() != "level" {
			continue
		}
		found = true
		if p.GetValue() != 5 || p.GetRaw() != "0x0005" || p.GetQuality() != 2 || p.GetShows() != "scale" || !strings.Contains(p.GetWhy().GetZh(), "比例应为") || p.GetTookUs() == 0 {
			t.Error(p)
		}
	}
	if !found {
		t.Fatal(a)
	}
	if a, _ = c.asks("a3", "nobody", &wire.Ask{About: &wire.Ask_Trial{Trial: &wire.AskTrial{}}}); !strings.Contains(a.GetRefused().GetZh(), "nobody") {
		t.Error(a)
	}
	if _, why := c.asks("a4", "gas-1", &wire.Ask{}); why != "unknown" {
		t.Errorf("a question that it does not know: %q", why)
	}
	if _, writes, _ := k.state(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
	if strings.Contains(c.events(), "gas-1 online false") {
		t.Error("the line was paused")
	}
}
