package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/simonvetter/modbus"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// kitchen is a gas detector (unit 1) and a valve (unit 2) behind one Modbus TCP server that is not ours.
type kitchen struct {
	mu          sync.Mutex
	level       uint16
	open        bool
	reads       int
	valveWrites int
	stuck       bool // the valve refuses to move
}

func (k *kitchen) HandleHoldingRegisters(r *modbus.HoldingRegistersRequest) ([]uint16, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.UnitId != 1 || r.IsWrite || r.Addr+r.Quantity > 2 {
		return nil, modbus.ErrIllegalDataAddress
	}
	k.reads++
	all := []uint16{0, k.level}
	return all[r.Addr : r.Addr+r.Quantity], nil
}

func (k *kitchen) HandleCoils(r *modbus.CoilsRequest) ([]bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.UnitId != 2 || r.Addr != 0 || r.Quantity != 1 {
		return nil, modbus.ErrIllegalDataAddress
	}
	if r.IsWrite && k.stuck {
		return nil, modbus.ErrServerDeviceFailure
	}
	if r.IsWrite {
		k.open = r.Args[0]
		k.valveWrites++
	}
	return []bool{k.open}, nil
}

func (k *kitchen) HandleDiscreteInputs(*modbus.DiscreteInputsRequest) ([]bool, error) {
	return nil, modbus.ErrIllegalFunction
}

func (k *kitchen) HandleInputRegisters(*modbus.InputRegistersRequest) ([]uint16, error) {
	return nil, modbus.ErrIllegalFunction
}

func (k *kitchen) set(level uint16) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.level = level
}

func (k *kitchen) state() (reads, writes int, open bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reads, k.valveWrites, k.open
}

func (k *kitchen) serve(t *testing.T) string {
	t.Helper()
	addr := freeport.Address(t)
	server, err := modbus.NewServer(&modbus.ServerConfiguration{URL: "tcp://" + addr, Logger: nil}, k)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return addr
}

// site writes a site with the kitchen on it and loads it.
func site(t *testing.T, dir, field string) *config.Site {
	t.Helper()
	if err := os.CopyFS(filepath.Join(dir, "profiles"), os.DirFS("testdata/profiles")); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`site: {id: test, name: 测试, timezone: Asia/Shanghai}
gateway: gw-test
data: data
profiles: profiles
status: {listen: "127.0.0.1:0"}
zones: [{id: k, name: 厨房}]
channels:
  - id: tcp
    driver: modbus-tcp
    address: %s
    timeout: 5s
    devices:
      - {id: gas-1, profile: gas, address: "1", zone: k, place: 厨房}
      - {id: valve-1, profile: valve, address: "2", zone: k}
`, field)
	file := filepath.Join(dir, "site.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, problems := config.Load(file, config.English)
	if s == nil {
		t.Fatal(problems)
	}
	return s
}

// running is a gateway in this process.
type running struct {
	*app.App
	stop func()
}

func start(t *testing.T, cfg app.Config) *running {
	t.Helper()
	cfg.Version, cfg.Log = "test", slog.New(slog.NewTextHandler(t.Output(), nil))
	a, err := app.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r := &running{App: a}
	r.stop = sync.OnceFunc(func() {
		cancel()
		began := time.Now()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the shutdown took %v", took)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// get asks the local page.
func (r *running) get(t *testing.T, path, lang string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.StatusAddr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Language", lang)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never happened: %s", what)
		}
	}
}

// events are the records of the events log, told in one word each.
func events(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, r := range records(t, dir, wire.StreamEvents) {
		all = append(all, word(t, r.Payload))
	}
	return all
}

// word tells an event in one word or two.
func word(t *testing.T, payload []byte) string {
	t.Helper()
	var e wire.Event
	if err := proto.Unmarshal(payload, &e); err != nil {
		t.Fatal(err)
	}
	switch {
	case e.GetBoot() != nil:
		return fmt.Sprintf("boot %d %s", e.GetBoot().GetBoot(), e.GetBoot().GetPreviousEnd())
	case e.GetInventory() != nil:
		return fmt.Sprintf("inventory %d", len(e.GetInventory().GetDevices()))
	case e.GetDevice() != nil && !e.GetDevice().GetOnline() && device.Reason(e.GetDevice().GetReason()) == device.DriverCrashed:
		return e.GetDevice().GetDevice() + " offline driver_crashed"
	case e.GetDevice() != nil:
		return fmt.Sprintf("%s online %v", e.GetDevice().GetDevice(), e.GetDevice().GetOnline())
	case e.GetAlert() != nil:
		return e.GetAlert().GetRule() + " " + e.GetAlert().GetState()
	case e.GetAction() != nil:
		return e.GetAction().GetAction().GetDevice() + " " + e.GetAction().GetOutcome()
	case e.GetNotice() != nil:
		return e.GetNotice().GetKind() + " " + e.GetNotice().GetDevice() + ": " + e.GetNotice().GetText().GetZh()
	case e.GetGap() != nil:
		return "gap " + e.GetGap().GetReason()
	}
	return "nothing"
}

func records(t *testing.T, dir string, stream uint32) []outbox.Record {
	t.Helper()
	log, err := outbox.Open(outbox.Config{Dir: filepath.Join(dir, "data", wire.StreamName(stream)), Stream: stream, Quota: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all []outbox.Record
	for from := uint64(1); ; {
		rs, err := log.Read(from, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(rs) == 0 {
			return all
		}
		all = append(all, rs...)
		from = rs[len(rs)-1].Seq + 1
	}
}
