package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// The load of the edge figures: what a street's largest compound could have, and the load that Telegraf was measured under.
const (
	edgeDevices = 500
	edgePoints  = 20
	edgeWarm    = 20 * time.Second
	edgeMeasure = 60 * time.Second
)

// edge runs one gateway against simulated Modbus TCP devices, with rules and log on, and measures it.
func edge(_ context.Context, bin, dir string) (_ []figure, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, tail(dir, "gateway"))
		}
	}()
	far, err := newFarEnd(1000)
	if err != nil {
		return nil, err
	}
	defer far.server.Close()
	ready := filepath.Join(dir, "ready.json")
	sim, err := run(bin, dir, "firmware-sim", "bench", "--devices", fmt.Sprint(edgeDevices), "--registers", fmt.Sprint(edgePoints), "--ready", ready)
	if err != nil {
		return nil, err
	}
	defer end(sim)
	var field struct{ Devices []simulated }
	if err := await(func() error {
		text, err := os.ReadFile(ready)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &field)
	}); err != nil {
		return nil, err
	}
	floor, err := bareCPU(ready)
	if err != nil {
		return nil, err
	}
	if err := writeSite(dir, far.addr, field.Devices); err != nil {
		return nil, err
	}
	gateway, err := run(bin, dir, "gateway", "run", "--config", "gateway.yaml")
	if err != nil {
		return nil, err
	}
	defer end(gateway)
	time.Sleep(edgeWarm)
	figures, err := measureEdge(gateway.Process.Pid, far)
	if err != nil {
		return nil, err
	}
	return append(figures, figure{"edge_cpu_vs_bare_sockets", figures[0].Value / floor, "ratio", "lower", 2,
		fmt.Sprintf("the gateway against a program that sends the same requests and drops the answers: %.2f s per million points, in the same run", floor)}), nil
}

func measureEdge(pid int, far *farEnd) ([]figure, error) {
	before, err := cpu(pid)
	if err != nil {
		return nil, err
	}
	far.measure()
	highest := 0.0
	for began := time.Now(); time.Since(began) < edgeMeasure; time.Sleep(time.Second) {
		now, err := process.Resident(pid)
		if err != nil {
			return nil, err
		}
		highest = max(highest, now)
	}
	after, err := cpu(pid)
	if err != nil {
		return nil, err
	}
	far.mu.Lock()
	defer far.mu.Unlock()
	if want := edgeDevices * edgePoints * int(edgeMeasure/time.Second); far.readings < want*95/100 {
		return nil, fmt.Errorf("only %d of %d readings arrived: the figures would flatter", far.readings, want)
	}
	slices.Sort(far.latency)
	load := fmt.Sprintf("%d Modbus TCP devices x %d points at 1 s, rules and log on; %d readings in %v", edgeDevices, edgePoints, far.readings, edgeMeasure)
	return []figure{
		{"edge_cpu_s_per_mpoint", (after - before).Seconds() / float64(far.readings) * 1e6, "s", "lower", 4, load + "; Telegraf under this load: 10.1"},
		{"edge_rss_mib", highest, "MiB", "lower", 60, load + "; Telegraf under this load: 67"},
		{"edge_read_to_mqtt_ms_p99", float64(far.latency[len(far.latency)*99/100].Milliseconds()), "ms", "lower", 1500, "from the device's answer to the broker; somebody looks, so readings wait up to 1 s for their record"},
		{"edge_bytes_per_point", float64(far.bytes) / float64(far.readings), "B", "lower", 12, "MQTT payload of telemetry while somebody looks: a record every second, values that change at every read"},
	}, nil
}

// simulated is one device of the simulator's ready file.
type simulated struct {
	ID, Address string
	Unit        int
}

// points of the benchmark's device: those that rules look at, and as many others.
var edgeNames = []string{"power", "current", "voltage", "energy", "temperature", "relay", "plugged"}

// writeSite writes a site of one channel per device, on our simulator, and the profile they share.
func writeSite(dir, broker string, devices []simulated) error {
	var profile, site bytes.Buffer
	profile.WriteString("model: bench\ntitle: {zh: 测速, en: Bench}\nkind: socket\nprotocol: modbus\nsource: firmware-sim bench\npoll: 1s\npoints:\n")
	for i := range edgePoints {
		name := fmt.Sprintf("extra_%d", i)
		if i < len(edgeNames) {
			name = edgeNames[i]
		}
		fmt.Fprintf(&profile, "  - {name: %s, unit: %q, at: holding %d, type: u16}\n", name, unitOf(name), i)
	}
	fmt.Fprintf(&site, "site: {id: bench, name: 测速, timezone: Asia/Shanghai}\ngateway: gw-bench\ndata: data\nprofiles: profiles\ncloud: {url: \"mqtt://%s\"}\nchannels:\n", broker)
	for i, d := range devices {
		fmt.Fprintf(&site, "  - {id: ch-%d, driver: modbus-tcp, address: %q, timeout: 900ms, devices: [{id: %s, name: d, profile: bench, address: \"%d\", place: x}]}\n", i, d.Address, d.ID, d.Unit)
	}
	if err := os.MkdirAll(filepath.Join(dir, "profiles"), 0o700); err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "profiles", "bench.yaml"), profile.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), site.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	return nil
}

func unitOf(name string) string {
	return map[string]string{"power": "W", "current": "A", "voltage": "V", "energy": "kWh", "temperature": "°C"}[name]
}

func run(bin, dir, program string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(bin, program), args...)
	cmd.Dir = dir
	log, err := os.Create(filepath.Join(dir, program+".log"))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return cmd, nil
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait() // a program that was told to end says so in its exit status
}

func await(try func() error) error {
	var err error
	for range 100 {
		if err = try(); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// tail is the end of a program's log, for a figure that could not be had.
func tail(dir, program string) string {
	text, err := os.ReadFile(filepath.Join(dir, program+".log"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text[max(0, len(text)-1500):]))
}
