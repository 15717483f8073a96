package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/look"
	"github.com/linshao/linshao/cloud/wire"
)

// TestALookEndsWithTheRole: over HTTP and a broker a person of the desk sees what a camera sends, and nothing more a few seconds after
// the role was taken away; who may only see is refused, and the audit has all of it.
func TestALookEndsWithTheRole(t *testing.T) {
	dir := dbtest.Dir(t)
	s := open(t, dbtest.SQLite(t), dir, false)
	cfg, err := app.Load(filepath.Join(dir, "cloud.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	downs := s.camera(cfg)
	chen, viewer, admin := s.as(cfg, "陈敏", "street"), s.as(cfg, "看看", "viewer"), s.as(cfg, "管理", "admin")
	const path = "/gateways/" + gw + "/cameras/cam-1/look"
	if code := viewer.ask("POST", path, `{"reason":"好奇"}`, nil); code != 403 {
		t.Errorf("a viewer: %d", code)
	}
	if code := chen.ask("POST", path, `{"reason":" "}`, nil); code != 422 {
		t.Errorf("no reason: %d", code)
	}
	var l look.Look
	if code := chen.ask("POST", path, `{"reason":"看有没有烟"}`, &l); code != 200 || l.Name != "车棚" || l.Seconds != 60 {
		t.Fatal(code, l)
	}
	if code := admin.ask("GET", path+"/"+l.ID, "", nil); code != 403 {
		t.Errorf("the administrator: %d", code)
	}
	said := make(chan string, 1)
	go func() {
		defer close(said)
		response, err := chen.http.Get(chen.base + path + "/" + l.ID)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "video/mp4" || response.Header.Get("Cache-Control") != "private, no-store" {
			t.Error(response.Status, response.Header)
		}
		begin := make([]byte, 9)
		if _, err := io.ReadFull(response.Body, begin); err != nil {
			t.Error(err)
		}
		said <- string(begin)
		rest, _ := io.ReadAll(response.Body)
		if len(rest) > 0 {
			t.Errorf("%q comes after that", rest)
		}
	}()
	for n, data := range []string{"begin", "more"} {
		ask := heard(t, downs, l.ID)
		s.publish(wire.UpLook, &wire.Glimpse{Session: ask.GetSession(), Look: l.ID, Number: uint32(n) + 1, Data: []byte(data), Begins: n == 0, Last: true})
	}
	if got := <-said; got != "beginmore" {
		t.Error(got)
	}
	began := time.Now()
	if code := admin.ask("PATCH", "/users/陈敏", `{"grants":[{"role":"viewer"}]}`, nil); code >= 300 {
		t.Fatal(code)
	}
	for !heard(t, downs, l.ID).GetOver() {
	}
	<-said
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it ended after %v", took)
	}
	if code := chen.ask("POST", path, `{"reason":"再看一次"}`, nil); code != 403 {
		t.Errorf("without the role: %d", code)
	}
	var list struct{ Entries []json.RawMessage }
	admin.ask("GET", "/audit?limit=20", "", &list)
	all := ""
	for _, e := range list.Entries {
		all += string(e)
	}
	for _, want := range []string{"camera.look", "看有没有烟", "camera.end", `"why":"withdrawn"`} {
		if !strings.Contains(all, want) {
			t.Errorf("the audit does not have %s: %s", want, all)
		}
	}
}

// camera tells of a gateway's session and its camera, and answers what comes down about looks.
func (s *street) camera(cfg app.Config) <-chan *wire.Look {
	s.t.Helper()
	pem, err := app.CommandKey(s.t.Context(), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := wire.DecodeKey(pem)
	if err != nil {
		s.t.Fatal(err)
	}
	downs := make(chan *wire.Look, 100)
	s.wait(s.mqtt.Subscribe(wire.Topic(gw, wire.DownCommand), 0, func(_ paho.Client, m paho.Message) {
		if d, err := wire.Open(key, gw, m.Payload()); err != nil || m.Retained() {
			s.t.Error(err, m.Retained())
		} else if d.GetLook() != nil {
			downs <- proto.CloneOf(d.GetLook())
		}
	}))
	s.publish(wire.UpHello, &wire.Hello{Gateway: gw, Session: 8, Boot: 3, MonoMs: 60_000, Streams: []*wire.StreamState{{Stream: 1, Epoch: 11, Oldest: 1, Next: s.seq[1] + 1}}})
	s.ack()
	s.say(8, &wire.Event{Kind: &wire.Event_Inventory{Inventory: &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", ConfigHash: "b", Devices: []*wire.Device{{Id: "cam-1", Name: "车棚", Kind: "camera"}}}}})
	return downs
}

// heard is the next word of a look.
func heard(t *testing.T, downs <-chan *wire.Look, id string) *wire.Look {
	t.Helper()
	select {
	case l := <-downs:
		if l.GetId() != id || l.GetSession() != 8 || l.GetBoot() != 3 || l.GetUntilMs() < 60_000 || l.GetUntilMs() > 60_000+70_000 || l.GetWho() != "陈敏" {
			t.Error(l)
		}
		return l
	case <-time.After(10 * time.Second):
		t.Fatal("the gateway hears nothing")
		return nil
	}
}
