package kill9

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
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
	gateway *program
	sim     *program
	others  []*program // broker and cloud
	began   time.Time
}

func open(ctx context.Context, o Options) (*chain, error) {
	c := &chain{o: o, began: time.Now(), units: map[string]int{}}
	for _, to := range []*string{&c.mqtt, &c.page, &c.status} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		*to = l.Addr().String()
		l.Close()
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
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
	}
	if _, err := os.Stat(path); err != nil {
		c.broker = "embedded"
		return nil
	}
	c.broker = "mosquitto"
	_, port, _ := net.SplitHostPort(c.mqtt)
	if err := write(c.o.Dir, "mosquitto.conf", fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\n", port)); err != nil {
		return err
	}
	if err := c.start("mosquitto", path, "-c", "mosquitto.conf"); err != nil {
		return err
	}
	return until(ctx, 10*time.Second, func() error {
		conn, err := net.Dial("tcp", c.mqtt)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

func (c *chain) startField(ctx context.Context) error {
	ready := filepath.Join(c.o.Dir, "ready.json")
	var err error
	if c.sim, err = spawn(c.o.Dir, "sim", c.program("firmware-sim"), "bench", "--devices", fmt.Sprint(devices), "--registers", fmt.Sprint(registers),
		"--ready", ready, "--journal", c.journal()); err != nil {
		return err
	}
	var field struct {
		Devices []struct {
			ID, Address string
			Unit        int
		}
	}
	if err := until(ctx, 10*time.Second, func() error {
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
	if err := os.MkdirAll(filepath.Join(c.o.Dir, "profiles"), 0o700); err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	if err := write(filepath.Join(c.o.Dir, "profiles"), "counters.yaml", profile.String()); err != nil {
		return err
	}
	return write(c.o.Dir, "gateway.yaml", site.String())
}

func (c *chain) startCloud(ctx context.Context) error {
	mqtt := "{listen: " + c.mqtt + "}"
	if c.broker == "mosquitto" {
		mqtt = "{url: \"mqtt://" + c.mqtt + "\"}"
	}
	if err := write(c.o.Dir, "cloud.yaml", fmt.Sprintf("data: cloud-data\nhttp: {listen: %s}\nmqtt: %s\nseries: {kind: sqlite}\n", c.page, mqtt)); err != nil {
		return err
	}
	if err := c.start("cloud", c.program("cloud"), "run", "--config", "cloud.yaml", "--demo"); err != nil {
		return err
	}
	return until(ctx, 20*time.Second, func() error { return answers("http://" + c.page + "/healthz") })
}

func (c *chain) startGateway(ctx context.Context) error {
	p, err := spawn(c.o.Dir, "gateway", c.program("gateway"), "run", "--config", "gateway.yaml")
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
	return p.stop()
}

// drained waits until the cloud has all that the gateway had kept from before, judged by the gateway's own backlog.
func (c *chain) drained(ctx context.Context) error {
	if err := until(ctx, 20*time.Second, func() error { return answers("http://" + c.status + "/healthz") }); err != nil {
		return fmt.Errorf("gateway after the last kill: %w", err)
	}
	pause(ctx, 3*time.Second) // new readings, so that the newest part of the log is in play too
	return nil
}

// stopField ends the simulator, which completes its journal.
func (c *chain) stopField() error {
	p := c.sim
	c.sim = nil
	return p.stop()
}

func (c *chain) close() {
	for _, p := range []*program{c.gateway, c.sim} {
		if p != nil {
			p.kill()
		}
	}
	for i := len(c.others) - 1; i >= 0; i-- {
		_ = c.others[i].stop() // the proof's result is printed already
	}
}

func (c *chain) start(name, path string, args ...string) error {
	p, err := spawn(c.o.Dir, name, path, args...)
	if err == nil {
		c.others = append(c.others, p)
	}
	return err
}

func (c *chain) program(name string) string { return filepath.Join(c.o.Bin, name) }
func (c *chain) journal() string            { return filepath.Join(c.o.Dir, "journal.jsonl") }

func answers(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// A program is a running process of the chain.
type program struct{ cmd *exec.Cmd }

func spawn(dir, name, path string, args ...string) (*program, error) {
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &program{cmd}, nil
}

// kill is kill -9; false means that the program had ended by itself before.
func (p *program) kill() bool {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // how it ended is in ProcessState
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}

func (p *program) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return p.cmd.Wait()
}
