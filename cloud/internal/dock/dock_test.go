package dock_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/dock"
	"github.com/linshao/linshao/cloud/internal/dock/gb26875"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

var noon = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// street is a cloud with one gateway, as far as other platforms hear of it.
type street struct {
	t    *testing.T
	db   *db.DB
	dock *dock.Service
	svc  *incident.Service
}

func open(t *testing.T, place *dbtest.Place, targets ...dock.Target) *street {
	s := &street{t: t, db: place.Open(t)}
	shanghai := time.FixedZone("CST", 8*3600)
	s.dock = dock.New(dock.Config{DB: s.db, Targets: targets, Dialer: notify.GuardedDialer, Now: time.Now, Zone: shanghai, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	s.svc = incident.New(incident.Config{DB: s.db, Notifier: s.dock, Now: time.Now, Zone: shanghai})
	s.update(func(tx *sql.Tx) error {
		if err := org.Connect(t.Context(), tx, &wire.Hello{Gateway: "gw-1", Session: 1}, noon); err != nil {
			return err
		}
		return org.Apply(t.Context(), tx, "gw-1", &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", Timezone: "Asia/Shanghai",
			Devices: []*wire.Device{{Id: "gas-1", Name: "燃气探测器", Kind: "gas", Model: "g", Place: "1802 厨房"}, {Id: "m-1", Name: "充电桩", Kind: "charger", Model: "m"}}})
	})
	return s
}

func (s *street) update(fn func(*sql.Tx) error) {
	s.t.Helper()
	if err := s.db.Update(s.t.Context(), fn); err != nil {
		s.t.Fatal(err)
	}
}

// alert lets an alert of a device begin or end.
func (s *street) alert(rule, device string, state rules.State, at time.Time) (id string) {
	s.t.Helper()
	s.update(func(tx *sql.Tx) (err error) {
		id, err = s.svc.Apply(s.t.Context(), tx, "gw-1", rules.AlertEvent{Alert: rule + "/" + device, Rule: rule, Subject: device, Severity: rules.SeverityA, State: state, Since: noon, At: at,
			Title: rules.Text{ZH: "告警", EN: "alert"}})
		return err
	})
	s.dock.Wake()
	return id
}

// run lets the service send until the test ends.
func (s *street) run() {
	ctx, stop := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.dock.Run(ctx) }() //nolint:errcheck // it answers nil
	s.t.Cleanup(func() { stop(); <-done })
}

// A platform is told what a device is, then each state in order; what it does not take is tried again, and in the end left.
func TestPlatform(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		calls, answer := make(chan string, 100), make(chan string, 100)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			if r.Header.Get("X-Token") != "t" || body["company"] != "邻哨" || len(fmt.Sprint(body["serial"])) != 27 {
				t.Errorf("%v %v", r.Header, body)
			}
			calls <- strings.TrimSpace(fmt.Sprint(r.URL.Path, " ", body["name"], body["status"], " ", body["datetime"]))
			fmt.Fprint(w, <-answer)
		}))
		defer server.Close()
		const yes = `{"success":1}`
		s := open(t, place, dock.Target{ID: "p", Kind: dock.Platform, StatusURL: server.URL + "/status", InstallURL: server.URL + "/install", Company: "邻哨",
			Headers: map[string]string{"X-Token": "t"}, AllowPrivate: true, Devices: []string{"gas"}})
		s.alert("R03", "m-1", rules.Firing, noon) // not a device for this platform
		s.alert("R16", "gas-1", rules.Firing, noon)
		s.alert("R17", "gas-1", rules.Firing, noon.Add(time.Second)) // it alarms already
		s.alert("R16", "gas-1", rules.Resolved, noon.Add(time.Minute))
		s.alert("R17", "gas-1", rules.Resolved, noon.Add(2*time.Minute))
		s.run()
		for i, want := range []struct{ call, answer string }{
			{"/install 燃气探测器<nil> <nil>", yes}, {"/status <nil> 2 2026-11-22 12:00:00", `{"success":0}`}, {"/status <nil> 2 2026-11-22 12:00:00", yes},
			{"/status <nil> 1 2026-11-22 12:02:00", "no JSON"}, {"/status <nil> 1 2026-11-22 12:02:00", yes},
		} {
			if got := <-calls; got != want.call {
				t.Errorf("call %d: %q, want %q", i, got, want.call)
			}
			answer <- want.answer
		}
		s.settled(dock.Condition{ID: "p", Kind: dock.Platform})
	})
}

// settled waits until a target has taken or refused everything.
func (s *street) settled(want dock.Condition) {
	s.t.Helper()
	for {
		list, err := s.dock.Conditions(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		if c := list[0]; c.Waiting == 0 {
			if c.Refused != want.Refused || c.Kind != want.Kind || c.LastSent == 0 {
				s.t.Errorf("%+v", c)
			}
			return
		}
	}
}

// A fire monitoring centre hears each state over TCP, also after its line broke, and gets an answer when it asks for the guard.
func TestCentre(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := open(t, place, dock.Target{ID: "fire", Kind: dock.Centre, Address: l.Addr().String(), From: gb26875.Address{1}, To: gb26875.Address{2}, AllowPrivate: true})
		s.alert("R16", "gas-1", rules.Firing, noon)
		s.alert("R03", "m-1", rules.Firing, noon)
		s.run()
		first := accept(t, l)
		first.confirm(first.next(gb26875.DeviceState))
		if p := first.part(first.next(gb26875.PartStates)); p.State != 3 || p.Type != 12 || p.Address != 1 || p.Text != "1802 厨房燃气探测器" {
			t.Errorf("%+v", p)
		}
		first.Close() // before it is confirmed
		c := accept(t, l)
		defer c.Close()
		c.confirm(c.next(gb26875.DeviceState))
		f := c.next(gb26875.PartStates)
		if p := c.part(f); p.Address != 1 || p.State != 3 {
			t.Errorf("%+v", p)
		}
		c.confirm(f)
		f = c.next(gb26875.PartStates)
		if p := c.part(f); p.Address != 2 || p.System != 128 {
			t.Errorf("%+v", p)
		}
		c.confirm(f)
		s.alert("R16", "gas-1", rules.Resolved, noon.Add(time.Minute))
		f = c.next(gb26875.PartStates)
		if p := c.part(f); p.Address != 1 || p.State != 1 || p.At.Minute() != 1 {
			t.Errorf("%+v", p)
		}
		c.confirm(f)
		c.write(gb26875.Frame{Serial: 99, Command: gb26875.Request, Data: []byte{gb26875.DutyCheck, 1, 10}})
		if f := c.frame(); f.Command != gb26875.Confirm || f.Serial != 99 {
			t.Errorf("%+v", f)
		}
		s.update(func(tx *sql.Tx) error { return s.dock.Answer(t.Context(), tx, "fire", "李四") })
		s.dock.Wake()
		f = c.next(gb26875.Operation)
		if f.Data[2] != gb26875.AnsweredCheck {
			t.Errorf("%x", f.Data)
		}
		c.confirm(f)
		if err := s.db.Update(t.Context(), func(tx *sql.Tx) error { return s.dock.Answer(t.Context(), tx, "fire", "李四") }); !errors.Is(err, org.ErrUnknown) {
			t.Errorf("a second answer: %v", err)
		}
	})
}

// line is the centre's end.
type line struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

func accept(t *testing.T, l net.Listener) *line {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return &line{conn, t, bufio.NewReaderSize(conn, 4096)}
}

func (l *line) frame() gb26875.Frame {
	l.t.Helper()
	f, err := gb26875.Read(l.in, time.UTC)
	if err != nil {
		l.t.Fatal(err)
	}
	return f
}

func (l *line) next(unit byte) gb26875.Frame {
	l.t.Helper()
	f := l.frame()
	if f.Command != gb26875.Send || f.Data[0] != unit || f.From != (gb26875.Address{1}) || f.To != (gb26875.Address{2}) {
		l.t.Fatalf("not a unit of type %d: %+v", unit, f)
	}
	return f
}

func (l *line) part(f gb26875.Frame) gb26875.Part {
	l.t.Helper()
	parts, err := gb26875.ParseParts(f.Data, time.UTC)
	if err != nil || len(parts) != 1 {
		l.t.Fatal(parts, err)
	}
	return parts[0]
}

func (l *line) write(f gb26875.Frame) {
	l.t.Helper()
	b, err := f.Append(nil)
	if err == nil {
		_, err = l.Write(b)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) confirm(f gb26875.Frame) {
	l.t.Helper()
	l.write(gb26875.Frame{Serial: f.Serial, Command: gb26875.Confirm})
}

func TestCallbacks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		secret := []byte("sixteen bytes or more")
		s := open(t, place, dock.Target{ID: "p", Kind: dock.Inbound, Secret: secret, Sites: []string{"jinxiu"}}, dock.Target{ID: "mute", Kind: dock.Platform})
		call := func(change func(*dock.Call)) error {
			c := dock.Call{Target: "p", Timestamp: strconv.FormatInt(time.Now().UnixMilli(), 10), Nonce: "nonce-0001", Body: []byte(`{}`)}
			c.Signature = notify.Sign(secret, c.Timestamp, c.Nonce, c.Body)
			if change != nil {
				change(&c)
			}
			_, err := s.dock.Admit(t.Context(), c)
			return err
		}
		sign := func(c *dock.Call) { c.Signature = notify.Sign(secret, c.Timestamp, c.Nonce, c.Body) }
		for name, change := range map[string]func(*dock.Call){
			"another body":      func(c *dock.Call) { c.Body = []byte(`{"deed":"finish"}`) },
			"another target":    func(c *dock.Call) { c.Target = "q" },
			"one without a key": func(c *dock.Call) { c.Target = "mute"; c.Signature = notify.Sign(nil, c.Timestamp, c.Nonce, c.Body) },
			"an old one": func(c *dock.Call) {
				c.Timestamp = strconv.FormatInt(time.Now().Add(-6*time.Minute).UnixMilli(), 10)
				sign(c)
			},
			"one of tomorrow": func(c *dock.Call) {
				c.Timestamp = strconv.FormatInt(time.Now().Add(6*time.Minute).UnixMilli(), 10)
				sign(c)
			},
			"no time":       func(c *dock.Call) { c.Timestamp = "x"; sign(c) },
			"a short nonce": func(c *dock.Call) { c.Nonce = "1"; sign(c) },
			"no signature":  func(c *dock.Call) { c.Signature = "" },
		} {
			if err := call(change); !errors.Is(err, dock.ErrCall) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := call(nil); err != nil {
			t.Error(err)
		}
		if err := call(nil); !errors.Is(err, dock.ErrCall) {
			t.Errorf("the same once more: %v", err)
		}
		p := dock.Target{Kind: dock.Inbound, Sites: []string{"jinxiu"}}
		if !p.Covers("jinxiu") || p.Covers("other") {
			t.Error("it covers other sites than its own")
		}
	})
}
