package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sv "github.com/simonvetter/modbus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/app"
	"github.com/linshao/linshao/firmware-sim/modbus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// running runs f until the test ends, which it must do without an error and soon.
func running(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(30 * time.Second):
			t.Error("does not stop")
		}
		http.DefaultClient.CloseIdleConnections()
	})
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(what)
		}
	}
}

func startPlay(t *testing.T) app.Ready {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "ready.json")
	p, err := app.NewPlay(app.PlayConfig{
		Scenario: demo, Dir: filepath.Join(dir, "lines"), T0: time.Now().Add(-50 * time.Second), // all of the story but the leak's end is past
		Ready: file, Control: "127.0.0.1:0", Journal: filepath.Join(dir, "served.jsonl"), Lang: "zh", Out: &screen{}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	running(t, p.Run)
	var r app.Ready
	until(t, "no ready file", func() bool {
		data, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(data, &r) == nil
	})
	return r
}

func post(t *testing.T, url, body string) int {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	return r.StatusCode
}

func state(t *testing.T, r app.Ready) app.State {
	t.Helper()
	resp, err := http.Get(r.Control + "/state")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var s app.State
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// patient is a time-out for what must be answered.
const patient = 20 * time.Second

func open(t *testing.T, url string, timeout time.Duration) *sv.ModbusClient {
	t.Helper()
	c, err := sv.NewClient(&sv.ClientConfiguration{URL: url, Speed: 9600, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestPlayServesTheSite(t *testing.T) {
	r := startPlay(t)
	for _, name := range []string{"modbus-tcp", "rs485-1", "rs485-2", "cam-1"} {
		if r.Endpoints[name] == "" {
			t.Errorf("the ready file does not say where %s is", name)
		}
	}
	tcp := open(t, "tcp://"+r.Endpoints["modbus-tcp"], patient)
	_ = tcp.SetUnitId(3)
	w, err := tcp.ReadRegisters(0, 7, sv.INPUT_REGISTER)
	if err != nil || w[0] != 3 || w[3] < 2050 {
		t.Errorf("A-03.1: %v %v", w, err)
	}
	if err := tcp.WriteCoil(0, false); err != nil {
		t.Fatal(err)
	}
	if s := state(t, r).Devices["A-03.1"].Values; s["relay"] != 0 || s["power"] != 0 {
		t.Errorf("relay off: %v", s)
	}
	_ = tcp.SetUnitId(20)
	if v, err := tcp.ReadFloat32s(0, 2, sv.INPUT_REGISTER); err != nil || v[0] < 220 || v[0] > 240 {
		t.Errorf("feeder: %v %v", v, err)
	}
	rtu := open(t, "rtu://"+r.Endpoints["rs485-1"], patient)
	_ = rtu.SetUnitId(1)
	if w, err := rtu.ReadRegisters(0, 2, sv.HOLDING_REGISTER); err != nil || w[1] < 4 {
		t.Errorf("gas-1802: %v %v", w, err)
	}
	_ = tcp.SetUnitId(9)
	if err := tcp.WriteCoil(0, false); err != nil {
		t.Fatal(err)
	}
	if s := state(t, r).Devices["valve-1802"].Values; s["open"] != 0 {
		t.Errorf("valve: %v", s)
	}
}

func TestControlPort(t *testing.T) {
	r := startPlay(t)
	tcp := open(t, "tcp://"+r.Endpoints["modbus-tcp"], patient)
	_ = tcp.SetUnitId(9)
	for _, bad := range []string{`{`, `{"device":"nobody","kind":"silent","on":true}`, `{"device":"cam-1","kind":"gremlins","on":true}`, `{"devise":"cam-1"}`} {
		if code := post(t, r.Control+"/fault", bad); code != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, code)
		}
	}
	// A stuck valve confirms and stays where it is.
	if code := post(t, r.Control+"/fault", `{"device":"valve-1802","kind":"stuck","on":true}`); code != http.StatusNoContent {
		t.Fatal(code)
	}
	if err := tcp.WriteCoil(0, false); err != nil {
		t.Error(err)
	}
	if err := tcp.WriteCoil(1, true); err != nil {
		t.Error(err)
	}
	s := state(t, r).Devices
	if s["valve-1802"].Values["open"] != 1 || s["siren-1"].Values["on"] != 1 || len(s["valve-1802"].Faults) != 1 {
		t.Errorf("stuck valve %v, siren %v", s["valve-1802"], s["siren-1"])
	}
	// A silent siren silences the module it shares with the valve; a late answer is a lost one too.
	hasty := open(t, "tcp://"+r.Endpoints["modbus-tcp"], 300*time.Millisecond)
	_ = hasty.SetUnitId(9)
	for _, f := range []string{`"kind":"silent"`, `"kind":"late","delay_ms":60000`} {
		post(t, r.Control+"/fault", `{"device":"siren-1","on":true,`+f+`}`)
		if _, err := hasty.ReadCoil(1); err == nil {
			t.Errorf("%s, and answered", f)
		}
		post(t, r.Control+"/fault", `{"device":"siren-1","on":false,`+f+`}`)
	}
	if code := post(t, r.Control+"/do", `{"device":"door-1","do":"open"}`); code != http.StatusNoContent {
		t.Error(code)
	}
	if state(t, r).Devices["door-1"].Values["contact"] != 1 {
		t.Error("the door is closed")
	}
	post(t, r.Control+"/fault", `{"device":"rs485-1","kind":"cut","on":true}`)
	until(t, "the line is still there", func() bool {
		_, err := os.Lstat(r.Endpoints["rs485-1"])
		return errors.Is(err, os.ErrNotExist)
	})
	post(t, r.Control+"/fault", `{"device":"rs485-1","kind":"cut","on":false}`)
	until(t, "the line does not come back", func() bool {
		_, err := os.Stat(r.Endpoints["rs485-1"])
		return err == nil
	})
}

func TestNothingListensBeyondLoopback(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "192.0.2.1:0", "example.com:80"} {
		_, err := app.NewPlay(app.PlayConfig{Scenario: demo, Dir: t.TempDir(), T0: time.Now(), Control: addr, Out: &screen{}, Now: time.Now})
		if err == nil {
			t.Errorf("control port at %s", addr)
		}
	}
}

func TestBench(t *testing.T) {
	dir := t.TempDir()
	b, err := app.NewBench(app.BenchConfig{
		Devices: 500, Registers: 20, PerPort: 247, Ready: filepath.Join(dir, "ready.json"), Control: "127.0.0.1:0",
		Journal: filepath.Join(dir, "served.jsonl"), T0: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	running(t, b.Run)
	r := b.Ready()
	if len(r.Devices) != 500 || len(r.Endpoints) != 3 {
		t.Fatalf("%d devices on %d ports", len(r.Devices), len(r.Endpoints))
	}
	for _, d := range []app.BenchDevice{r.Devices[0], r.Devices[246], r.Devices[247], r.Devices[499]} {
		c := open(t, "tcp://"+d.Address, patient)
		_ = c.SetUnitId(byte(d.Unit))
		v, err := c.ReadRegisters(0, 20, sv.HOLDING_REGISTER)
		if err != nil || v[19] != modbus.Counter(byte(d.Unit), 19, 1) {
			t.Errorf("%s: %v %v", d.ID, v, err)
		}
	}
	until(t, "the control port is not up", func() bool {
		resp, err := http.Get(r.Control + "/state")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	})
	if code := post(t, r.Control+"/fault", `{"device":"bench-500","kind":"silent","on":true}`); code != http.StatusNoContent {
		t.Error(code)
	}
	if code := post(t, r.Control+"/do", `{"device":"bench-500","do":"open"}`); code != http.StatusBadRequest {
		t.Error(code)
	}
	if _, err := app.NewBench(app.BenchConfig{Devices: 1, Registers: 20, PerPort: 300}); err == nil {
		t.Error("300 devices behind one port")
	}
}
