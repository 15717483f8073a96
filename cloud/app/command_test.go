package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/command"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/wire"
)

// as is the same cloud for another person.
func (s *street) as(cfg app.Config, name, role string) *street {
	s.t.Helper()
	if err := app.AddUser(s.t.Context(), cfg, app.Account{Name: name, Grants: []string{role}}, password); err != nil {
		s.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	other := *s
	other.http = &http.Client{Jar: jar, Transport: s.http.Transport}
	body, err := json.Marshal(map[string]string{"name": name, "password": password})
	if err != nil {
		s.t.Fatal(err)
	}
	if code := other.ask("POST", "/login", string(body), nil); code != 200 {
		s.t.Fatalf("log in %s: %d", name, code)
	}
	return &other
}

// TestTwoPeopleMoveAnOutput over HTTP, and a gateway on the broker gets what they signed off, and answers by events.
func TestTwoPeopleMoveAnOutput(t *testing.T) {
	dir := dbtest.Dir(t)
	s := open(t, dbtest.SQLite(t), dir, false)
	cfg, err := app.Load(filepath.Join(dir, "cloud.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	pem, err := app.CommandKey(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	key, err := wire.DecodeKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	downs := make(chan *wire.Command, 100)
	s.wait(s.mqtt.Subscribe(wire.Topic(gw, wire.DownCommand), 0, func(_ paho.Client, m paho.Message) {
		d, err := wire.Open(key, gw, m.Payload())
		if err != nil || m.Retained() {
			t.Error(err, m.Retained())
		}
		downs <- d.GetCommand()
	}))
	s.publish(wire.UpHello, &wire.Hello{Gateway: gw, Session: 8, Boot: 3, MonoMs: 60_000, Streams: []*wire.StreamState{{Stream: 1, Epoch: 11, Oldest: 1, Next: s.seq[1] + 1}}})
	s.ack()
	off := 0.0
	s.say(8, &wire.Event{Kind: &wire.Event_Inventory{Inventory: &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", ConfigHash: "b", Devices: []*wire.Device{
		{Id: "socket-3", Kind: "socket", Outputs: []*wire.Output{{Point: "relay", Safe: &off, Values: []float64{0, 1}}}}, {Id: "valve-1", Kind: "valve"}}}}})

	chen, li, viewer := s.as(cfg, "陈敏", "street"), s.as(cfg, "李伟", "street"), s.as(cfg, "看看", "viewer")
	const path = "/gateways/" + gw + "/commands"
	const on = `{"device":"socket-3","point":"relay","value":1,"reason":"检修完毕，恢复供电","for":60}`
	if code := viewer.ask("POST", path, on, nil); code != 403 {
		t.Errorf("a viewer: %d", code)
	}
	var p problem
	if code := chen.ask("POST", path, `{"device":"valve-1","point":"open","value":1,"reason":"x"}`, &p); code != 409 || p.Code != "valve" {
		t.Errorf("a gas valve: %d %+v", code, p)
	}
	var c command.Command
	if code := chen.ask("POST", path, on, &c); code != 200 || c.State != command.Waiting || !c.Away {
		t.Fatalf("%d %+v", code, c)
	}
	if code := chen.ask("POST", "/commands/"+c.ID+"/approve", "", &p); code != 409 || p.Code != "same_person" || p.Message != "发起人不能自己批准，要由另一个人批准" {
		t.Errorf("%d %+v", code, p)
	}
	if code := viewer.ask("POST", "/commands/"+c.ID+"/approve", "", nil); code != 403 {
		t.Errorf("a viewer: %d", code)
	}
	if code := li.ask("POST", "/commands/"+c.ID+"/approve", "", &c); code != 200 {
		t.Fatalf("%d %+v", code, c)
	}
	var d *wire.Command
	select {
	case d = <-downs:
	case <-time.After(10 * time.Second):
		t.Fatal("the gateway got nothing")
	}
	if d.GetId() != c.ID || d.GetSession() != 8 || d.GetBoot() != 3 || d.GetIssuer() != "陈敏" || d.GetApprover() != "李伟" || d.GetAction().GetValue() != 1 ||
		d.GetHoldMs() != 60_000 || d.GetUntilMs() < 60_000+14_000 || d.GetUntilMs() > 60_000+60_000 {
		t.Error(d)
	}
	for _, outcome := range []string{"intent", "confirmed"} {
		s.say(8, &wire.Event{Kind: &wire.Event_Action{Action: &wire.ActionResult{Command: d.GetId(), Action: d.GetAction(), Outcome: outcome, Owner: "cloud", Who: d.GetIssuer(), AtMs: time.Now().UnixMilli()}}})
	}
	if code := viewer.ask("GET", "/commands/"+c.ID, "", &c); code != 200 || c.State != command.Confirmed || len(c.Steps) != 5 {
		t.Errorf("%d %+v", code, c)
	}
	var all struct{ Commands []command.Command }
	if code := viewer.ask("GET", "/commands?state=confirmed", "", &all); code != 200 || len(all.Commands) != 1 {
		t.Errorf("%d %+v", code, all)
	}
}

// say brings up one event in a session, and waits until the cloud has it.
func (s *street) say(session uint64, e *wire.Event) {
	s.t.Helper()
	b, err := proto.Marshal(e)
	if err != nil {
		s.t.Fatal(err)
	}
	s.seq[1]++
	s.publish(wire.UpEvents, &wire.Batch{Session: session, Stream: 1, Epoch: 11, First: s.seq[1], Records: []*wire.Record{
		{Type: wire.TypeEvent, Boot: 3, MonoMs: 61_000, WallMs: time.Now().UnixMilli(), Payload: b, Crc: wire.Checksum(b)}}})
	for a := s.ack(); a.Cum < s.seq[1]; a = s.ack() {
	}
}
