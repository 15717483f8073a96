package app_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"io"
	"os"
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
	if why == "busy" { // the end of the question before comes after this one
		return c.asks(id+"-again", device, ask)
	}
	look.Over = true
	send()
	answer = &wire.Answer{}
	if err := proto.Unmarshal(data, answer); err != nil {
		c.t.Fatal(err)
	}
	return answer, why
}

// TestAPersonAsksFromAfar: the last frames of a device, and a trial read in its line's turn that says what the display's number would
// need; and the doctor's findings, without secrets. Nothing is written.
func TestAPersonAsksFromAfar(t *testing.T) {
	k, c := &kitchen{open: true, level: 5}, newCloud(t)
	s := site(t, t.TempDir(), k.serve(t))
	text, err := os.ReadFile(s.File)
	if err == nil { // as it stands in the file of an installer who is in a hurry
		err = os.WriteFile(s.File, append(text, "\n# password: "+secret+"\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Cloud.URL = c.url
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	s.CommandKey, _ = key.Public().(ed25519.PublicKey)
	start(t, app.Config{Site: s})
	eventually(t, "the detector is read", func() bool { return strings.Contains(c.events(), "gas-1 online true") })

	a, _ := c.asks("a1", "gas-1", &wire.Ask{About: &wire.Ask_Frames{Frames: &wire.AskFrames{}}})
	if f := a.GetFrames(); a.GetRefused() != nil || len(f) == 0 || !bytes.HasPrefix(f[0].GetOut()[6:], []byte{1, 3}) || f[0].GetReason() != 0 || f[0].GetTookUs() == 0 || len(f[0].GetIn()) < 9 {
		t.Fatal(a)
	}
	a, why := c.asks("a2", "gas-1", &wire.Ask{About: &wire.Ask_Trial{Trial: &wire.AskTrial{Shown: []*wire.Shown{{Point: "level", Value: 50}}}}})
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
		t.Fatal(a, why)
	}
	if a, _ = c.asks("a3", "nobody", &wire.Ask{About: &wire.Ask_Trial{Trial: &wire.AskTrial{}}}); !strings.Contains(a.GetRefused().GetZh(), "nobody") {
		t.Error(a)
	}
	a, _ = c.asks("a5", "gateway", &wire.Ask{About: &wire.Ask_Doctor{Doctor: &wire.AskDoctor{Lines: true, Bundle: true}}})
	c.diagnosed(a.GetDiagnosis())
	if _, why = c.asks("a4", "gas-1", &wire.Ask{}); why != "unknown" {
		t.Errorf("a question that it does not know: %q", why)
	}
	if _, writes, _ := k.state(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
}

// diagnosed looks at what the doctor has told: lines for people, the lines of the site among them, and a bundle without the secret.
func (c *cloud) diagnosed(d *wire.Diagnosis) {
	c.t.Helper()
	said := ""
	for _, f := range d.GetFindings() {
		if f.GetArea().GetZh() == "" || f.GetSaid().GetEn() == "" || f.GetLevel() == "" {
			c.t.Error(f)
		}
		said += f.GetSubject() + " " + f.GetSaid().GetEn() + "\n"
	}
	if !strings.Contains(said, "tcp") {
		c.t.Error("nothing of the line: ", said)
	}
	z, err := zip.NewReader(bytes.NewReader(d.GetBundle()), int64(len(d.GetBundle())))
	if err != nil {
		c.t.Fatal(err)
	}
	all := ""
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			c.t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || r.Close() != nil {
			c.t.Fatal(err)
		}
		all += f.Name + "\n" + string(text)
	}
	for _, want := range []string{"doctor.json", "config/site.yaml", "frames.txt", "gas-1", "metrics.txt", "password: ***"} {
		if !strings.Contains(all, want) {
			c.t.Errorf("the bundle has no %q", want)
		}
	}
	if strings.Contains(all+said, secret) {
		c.t.Error("a secret has left the gateway")
	}
}

// secret is the password of the gateway's own pages.
const secret = "korrektpferd9"
