package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// stormResult is what a storm did. Delays are from the alert's way to the broker until a receiver has its message.
type stormResult struct {
	Alerts     int   `json:"alerts"`
	Seconds    int   `json:"seconds"`
	Sites      int   `json:"sites"`
	Incidents  int   `json:"incidents"`
	Hooks      int   `json:"webhook_messages"`
	Robots     []int `json:"robot_messages"`
	RobotMost  int   `json:"robot_most_per_minute"`
	ClassA     int   `json:"class_a_alerts"`
	ClassAP99  int64 `json:"class_a_p99_ms"`
	ClassAMax  int64 `json:"class_a_max_ms"`
	AckP99     int64 `json:"ack_p99_ms"`
	Lost       int   `json:"lost"`
	Doubled    int   `json:"doubled"`
	Unsigned   int   `json:"unsigned"`
	OverLimits int   `json:"over_limit"`
}

// TestStorm is a street on which everything happens at once: 20 alerts of several causes and classes at each site, by MQTT, to
// robots that keep count of their limit and a system that checks signatures. make prove ONLY=storm sends 2,000 in a minute.
func TestStorm(t *testing.T) {
	alerts := 100
	runs, _ := strconv.Atoi(os.Getenv("LINSHAO_PROOF_RUNS"))
	if runs > 0 {
		alerts = runs
	}
	results := map[string]any{"name": "storm"}
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		r := newStorm(t, place, alerts/perSite).run()
		results[place.Name] = r
		if r.Lost != 0 || r.Doubled != 0 || r.Unsigned != 0 || r.OverLimits != 0 || r.RobotMost > wecomLimit {
			t.Errorf("%+v", r)
		}
		if goal := int64(2000); runs > 0 && r.ClassAMax > goal {
			t.Errorf("class A took %d ms", r.ClassAMax)
		}
	})
	line, err := json.Marshal(results)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("proof: " + string(line))
}

const (
	perSite    = 20
	robots     = 5
	wecomLimit = 20
	stormRate  = 2000.0 / 60 // alerts a second
)

type storm struct {
	t     *testing.T
	sites int
	base  string
	mqtt  []paho.Client // one for each gateway
	acks  []chan *wire.Ack

	mu       sync.Mutex
	sent     map[string]time.Time // "site device" of class A
	delays   []int64
	acked    []int64
	opened   map[string]bool // incidents that the system was told of
	events   map[string]int
	robots   [robots][]time.Time
	unsigned int
	over     int
}

func newStorm(t *testing.T, place *dbtest.Place, sites int) *storm {
	s := &storm{t: t, sites: sites, sent: map[string]time.Time{}, opened: map[string]bool{}, events: map[string]int{}}
	dir := dbtest.Dir(t)
	secret := "0123456789abcdef0123456789abcdef"
	if err := os.WriteFile(filepath.Join(dir, "hook.key"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.hook(w, r, []byte(secret)) }))
	t.Cleanup(hook.Close)
	text := "data: data\nhttp: {listen: 127.0.0.1:0}\nmqtt: {listen: 127.0.0.1:0}\nmerge: {quiet: 3s}\n" + place.YAML(t, dir) +
		"notify:\n  - {id: system, kind: webhook, url: '" + hook.URL + "', secret_file: hook.key, severities: [A, B, C], allow_private: true}\n"
	for i := range robots {
		robot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.robot(w, i) }))
		t.Cleanup(robot.Close)
		var of []string
		for n := i; n < sites; n += robots {
			of = append(of, siteName(n))
		}
		text += fmt.Sprintf("  - {id: robot-%d, kind: wecom, url: '%s/send?key=k%d', sites: [%s], allow_private: true}\n", i, robot.URL, i, strings.Join(of, ", "))
	}
	file := filepath.Join(dir, "cloud.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start(file)
	return s
}

func siteName(n int) string { return fmt.Sprintf("site-%03d", n) }

func gatewayName(n int) string { return fmt.Sprintf("gw-%03d", n) }

func (s *storm) start(file string) {
	cfg, err := app.Load(file)
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := app.New(s.t.Context(), cfg, app.Options{Demo: true, Version: "test", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	s.base = "http://" + a.HTTP() + "/api/v1"
	s.t.Cleanup(func() {
		for _, c := range s.mqtt {
			c.Disconnect(0)
		}
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
		if err := a.Close(); err != nil {
			s.t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	for n := range s.sites {
		acks := make(chan *wire.Ack, 200)
		c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + a.MQTT()).SetClientID(gatewayName(n)).SetAutoReconnect(false))
		s.acks, s.mqtt = append(s.acks, acks), append(s.mqtt, c)
		s.wait(c.Connect())
		s.wait(c.Subscribe(wire.Topic(gatewayName(n), wire.DownAck), 0, func(_ paho.Client, m paho.Message) {
			var a wire.Ack
			if err := proto.Unmarshal(m.Payload(), &a); err != nil {
				s.t.Error(err)
			}
			acks <- &a
		}))
	}
}

func (s *storm) wait(t paho.Token) {
	s.t.Helper()
	if !t.WaitTimeout(20*time.Second) || t.Error() != nil {
		s.t.Errorf("mqtt: %v", t.Error())
	}
}

// hook is the other system.
func (s *storm) hook(w http.ResponseWriter, r *http.Request, secret []byte) {
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	var m struct {
		Event    string `json:"event"`
		Kind     string `json:"kind"`
		Incident struct {
			ID, Site, Device, Severity string
			Alerts                     int `json:"alertCount"`
		} `json:"incident"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if json.Unmarshal(body, &m) != nil || r.Header.Get("X-Signature") != notify.Sign(secret, r.Header.Get("X-Timestamp"), r.Header.Get("X-Nonce"), body) {
		s.unsigned++
		w.WriteHeader(http.StatusForbidden)
		return
	}
	s.events[m.Event]++
	s.opened[m.Incident.ID] = true
	if m.Incident.Severity != "A" {
		return
	}
	key := m.Incident.Site
	if began, ok := s.sent[key]; ok {
		s.delays = append(s.delays, at.Sub(began).Milliseconds())
		delete(s.sent, key)
	}
}

// robot is a WeCom robot that counts.
func (s *storm) robot(w http.ResponseWriter, i int) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.robots[i] = append(s.robots[i], now)
	if n := within60(s.robots[i], now); n > wecomLimit {
		s.over++
		fmt.Fprint(w, `{"errcode":45009,"errmsg":"api freq out of limit"}`)
		return
	}
	fmt.Fprint(w, `{"errcode":0,"errmsg":"ok"}`)
}

// within60 counts the messages of the minute before a moment.
func within60(times []time.Time, now time.Time) (n int) {
	for _, at := range times {
		if !at.After(now) && now.Sub(at) < time.Minute {
			n++
		}
	}
	return n
}

func (s *storm) run() stormResult {
	var ready, gone sync.WaitGroup
	begin := make(chan time.Time)
	total := time.Duration(float64(s.sites*perSite) / stormRate * float64(time.Second))
	for n := range s.sites {
		ready.Add(1)
		gone.Go(func() { s.site(n, &ready, begin, total) })
	}
	ready.Wait()
	start := time.Now()
	for range s.sites {
		begin <- start
	}
	gone.Wait()
	return s.result(total)
}

// site plays one gateway.
func (s *storm) site(n int, ready *sync.WaitGroup, begin <-chan time.Time, total time.Duration) {
	seq := uint64(0)
	send := func(e *wire.Event) {
		seq++
		b, err := proto.Marshal(e)
		if err != nil {
			s.t.Error(err)
			return
		}
		s.publish(n, wire.UpEvents, &wire.Batch{Session: 7, Stream: 1, Epoch: 11, First: seq, Records: []*wire.Record{{Type: wire.TypeEvent, WallMs: time.Now().UnixMilli(), Payload: b, Crc: wire.Checksum(b)}}})
		s.acknowledged(n, seq)
	}
	s.publish(n, wire.UpHello, &wire.Hello{Gateway: gatewayName(n), Session: 7, Version: "v", Streams: []*wire.StreamState{{Stream: 1, Epoch: 11, Next: 1}}})
	s.acknowledged(n, 0)
	inv := &wire.Inventory{Site: siteName(n), Name: "小区" + siteName(n), ConfigHash: "1"}
	for i := range perSite {
		inv.Devices = append(inv.Devices, &wire.Device{Id: fmt.Sprintf("d-%d", i), Name: fmt.Sprintf("设备%d", i), Kind: "socket", Model: "m", Channel: "rs485-1", Zone: "k1"})
	}
	send(&wire.Event{Kind: &wire.Event_Inventory{Inventory: inv}})
	ready.Done()
	start := <-begin
	for i := range perSite {
		due := start.Add(total * time.Duration(i*s.sites+n) / time.Duration(s.sites*perSite))
		<-time.After(time.Until(due))
		e := stormAlert(i)
		began := time.Now()
		if e.Severity == rules.SeverityA && i == 0 {
			s.mu.Lock()
			s.sent[siteName(n)] = began
			s.mu.Unlock()
		}
		send(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(e)}})
		s.mu.Lock()
		s.acked = append(s.acked, time.Since(began).Milliseconds())
		s.mu.Unlock()
	}
}

// stormAlert is the i-th of a site: a gas leak that three detectors see, an overcharge, a dead line, and sockets of all kinds.
func stormAlert(i int) rules.AlertEvent {
	now := time.Now()
	e := rules.AlertEvent{Rule: "R05", Severity: rules.SeverityB, Subject: fmt.Sprintf("d-%d", i), State: rules.Firing, Since: now, At: now,
		Title: rules.Text{ZH: "充电异常", EN: "Charging"}, Message: rules.Text{ZH: "功率回升", EN: "rises"}}
	switch {
	case i == 0:
		e.Rule, e.Severity, e.Zone, e.Title = "R16", rules.SeverityA, "k1", rules.Text{ZH: "燃气高报", EN: "Gas"}
	case i < 3:
		e.Rule, e.Zone, e.Title = "R15", "k1", rules.Text{ZH: "燃气低报", EN: "Some gas"}
	case i == 3:
		e.Rule, e.Severity, e.Title = "R03", rules.SeverityA, rules.Text{ZH: "过度充电", EN: "Overcharge"}
	case i < 10:
		e.Rule, e.Title, e.Evidence = "R19", rules.Text{ZH: "失联", EN: "Lost"}, []rules.Evidence{{Name: "level", Quality: device.Bad, Reason: device.Timeout}}
	case i%2 == 0:
		e.Rule, e.Severity, e.Title = "R14", rules.SeverityC, rules.Text{ZH: "电压越限", EN: "Voltage"}
	}
	e.Alert = fmt.Sprintf("%s/%s/%d", e.Rule, e.Subject, now.UnixNano())
	return e
}

func (s *storm) publish(n int, leaf string, m proto.Message) {
	b, err := proto.Marshal(m)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.wait(s.mqtt[n].Publish(wire.Topic(gatewayName(n), leaf), 1, false, b))
}

func (s *storm) acknowledged(n int, seq uint64) {
	limit := time.After(30 * time.Second)
	for {
		select {
		case a := <-s.acks[n]:
			if a.Cum >= seq {
				return
			}
		case <-limit:
			s.t.Errorf("%s: %d is not acknowledged", gatewayName(n), seq)
			return
		}
	}
}

// result waits until the system knows of every incident, and asks the cloud what there is.
func (s *storm) result(total time.Duration) stormResult {
	r := stormResult{Alerts: s.sites * perSite, Sites: s.sites, Seconds: int(total.Seconds())}
	limit := time.Now().Add(30 * time.Second)
	var ids map[string]bool
	held := 0
	for tick := time.NewTicker(200 * time.Millisecond); ; <-tick.C {
		ids, held = s.incidents()
		s.mu.Lock()
		missing := 0
		for id := range ids {
			if !s.opened[id] {
				missing++
			}
		}
		missing += len(s.sent)
		s.mu.Unlock()
		if r.Lost = missing + r.Alerts - held; r.Lost == 0 || time.Now().After(limit) {
			tick.Stop()
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Incidents, r.Hooks, r.Unsigned, r.OverLimits, r.ClassA = len(ids), len(s.events), s.unsigned, s.over, len(s.delays)
	for _, n := range s.events {
		r.Doubled += n - 1
	}
	for _, times := range s.robots {
		r.Robots = append(r.Robots, len(times))
		for _, at := range times {
			r.RobotMost = max(r.RobotMost, within60(times, at))
		}
	}
	r.ClassAP99, r.ClassAMax = percentile(s.delays)
	r.AckP99, _ = percentile(s.acked)
	return r
}
