package kill9

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// The site: few devices, read often, so that every kill finds records in every state.
const (
	devices   = 4
	registers = 10
)

// A chain is simulator, broker, cloud and gateway.
type chain struct {
	o       Options
	broker  string // "mosquitto" or "embedded"
	mqtt    string // its address
	page    string // the cloud's
	status  string // the gateway's
	units   map[string]int
	gateway *process.Process
	sim     *process.Process
	others  []*process.Process // broker and cloud
	began   time.Time
}

func open(ctx context.Context, o Options) (*chain, error) {
	c := &chain{o: o, began: time.Now(), units: map[string]int{}}
	for _, to := range []*string{&c.mqtt, &c.page, &c.status} {
		port, err := freeport.Find()
		if err != nil {
			return nil, err
		}
		*to = fmt.Sprintf("127.0.0.1:%d", port)
	}
	for _, step := range []func(context.Context) error{c.startBroker, c.startField, c.startCloud} {
		if err := step(ctx); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// startBroker starts mosquitto where it is installed; elsewhere the cloud's own broker is used.
func (c *chain) startBroker(ctx context.Context) error {
	p, name, err := process.Broker(ctx, c.o.Dir, c.mqtt)
	if p != nil {
		c.others = append(c.others, p)
	}
	c.broker = name
	return err
}

func (c *chain) startField(ctx context.Context) error {
	ready := filepath.Join(c.o.Dir, "ready.json")
	var err error
	if c.sim, err = process.Start(c.o.Dir, "sim", c.program("firmware-sim"), "bench", "--devices", fmt.Sprint(devices), "--registers", fmt.Sprint(registers),
		"--ready", ready, "--journal", c.journal()); err != nil {
		return err
	}
	var field struct {
		Devices []struct {
			ID, Address string
			Unit        int
		}
	}
	if err := process.Until(ctx, 10*time.Second, func() error {
		text, err := os.ReadFile(ready)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &field)
	}); err != nil {
		return fmt.Errorf("start simulator: %w", err)
	}
	return c.writeSite(field.Devices[0].Address, func(i int) (string, int) { return field.Devices[i].ID, field.Devices[i].Unit })
}

func (c *chain) writeSite(address string, device func(int) (string, int)) error {
	var profile, site strings.Builder
	profile.WriteString("model: counters\ntitle: {zh: 计数, en: Counters}\nkind: sensor\nprotocol: modbus\nsource: firmware-sim bench\npoll: 100ms\npoints:\n")
	for i := range registers {
		fmt.Fprintf(&profile, "  - {name: c%d, at: holding %d, type: u16}\n", i, i)
	}
	fmt.Fprintf(&site, "site: {id: proof, name: 证明, timezone: Asia/Shanghai}\ngateway: gw-proof\ndata: data\nprofiles: profiles\n"+
		"cloud: {url: \"mqtt://%s\"}\nstatus: {listen: %s}\nchannels:\n  - id: lan\n    driver: modbus-tcp\n    address: %q\n    timeout: 500ms\n    devices:\n", c.mqtt, c.status, address)
	for i := range devices {
		id, unit := device(i)
		c.units[id] = unit
		fmt.Fprintf(&site, "      - {id: %s, name: %s, profile: counters, address: \"%d\", place: x, poll: 100ms}\n", id, id, unit)
	}
	if err := process.Write(c.o.Dir, "profiles/counters.yaml", profile.String()); err != nil {
		return err
	}
	return process.Write(c.o.Dir, "gateway.yaml", site.String())
}

func (c *chain) startCloud(ctx context.Context) error {
	mqtt := "{listen: " + c.mqtt + "}"
	if c.broker == "mosquitto" {
		mqtt = "{url: \"mqtt://" + c.mqtt + "\"}"
	}
	if err := process.Write(c.o.Dir, "cloud.yaml", fmt.Sprintf("data: cloud-data\nhttp: {listen: %s}\nmqtt: %s\nseries: {kind: sqlite}\n", c.page, mqtt)); err != nil {
		return err
	}
	if err := c.start("cloud", c.program("cloud"), "run", "--config", "cloud.yaml", "--demo"); err != nil {
		return err
	}
	return process.Until(ctx, 20*time.Second, func() error { return process.Answers("http://" + c.page + "/healthz") })
}

func (c *chain) startGateway(ctx context.Context) error {
	p, err := process.Start(c.o.Dir, "gateway", c.program("gateway"), "run", "--config", "gateway.yaml")
	if err != nil {
		return err
	}
	c.gateway = p
	// The kill may come at any moment after this: the process exists, nothing more is waited for.
	return ctx.Err()
}

func (c *chain) stopGateway() error {
	p := c.gateway
	c.gateway = nil
	return p.Stop()
}

// drained waits until the cloud has all that the gateway had kept from before, judged by the gateway's own backlog.
func (c *chain) drained(ctx context.Context) error {
	if err := process.Until(ctx, 20*time.Second, func() error { return process.Answers("http://" + c.status + "/healthz") }); err != nil {
		return fmt.Errorf("gateway after the last kill: %w", err)
	}
	process.Pause(ctx, 3*time.Second) // new readings, so that the newest part of the log is in play too
	return nil
}

// stopField ends the simulator, which completes its journal.
func (c *chain) stopField() error {
	p := c.sim
	c.sim = nil
	return p.Stop()
}

func (c *chain) close() {
	for _, p := range []*process.Process{c.gateway, c.sim} {
		if p != nil {
			p.Kill()
		}
	}
	for i := len(c.others) - 1; i >= 0; i-- {
		_ = c.others[i].Stop() // the proof's result is printed already
	}
}

func (c *chain) start(name, path string, args ...string) error {
	p, err := process.Start(c.o.Dir, name, path, args...)
	if err == nil {
		c.others = append(c.others, p)
	}
	return err
}

func (c *chain) program(name string) string { return filepath.Join(c.o.Bin, name) }
func (c *chain) journal() string            { return filepath.Join(c.o.Dir, "journal.jsonl") }
