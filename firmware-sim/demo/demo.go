// Package demo plays the whole product on loopback: a simulated compound, its gateway, a second gateway that will be
// switched off, and the cloud with its page. `make demo` shows it to a person; the end-to-end tests drive it.
// It starts the programs as anyone would and speaks to them over their own interfaces.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/street"
)

// Options of a demo.
type Options struct {
	Repository string // root of the repository, for configs/demo
	Bin        string // where the four programs are
	Dir        string // for configurations, logs and data; made when missing
	Start      time.Time
	Port       int    // of the page; 0 for any. The next free one is taken when it is in use
	Street     int    // light compounds beside the two full ones
	Seed       uint64 // of the street
}

// A Demo is a running product.
type Demo struct {
	URL     string // of the page
	Control string // of the simulator's faults
	Status  string // of the first gateway's own page
	Plug    *Plug

	dir, bin string
	start0   time.Time
	sim      *process
	cloud    *process
	street   *process // nil: without

	mu       sync.Mutex // a key may start a gateway while the demo ends
	gateways map[string]*process
	stopped  bool
}

// spread is how far apart the street's connections are begun, so that the first minute is that of the two compounds.
const spread = 35 * time.Millisecond

// Gateway names of the demo.
const (
	First  = "gateway"  // of the compound that everything happens in
	Second = "gateway2" // of the compound whose gateway is switched off
)

// FirstID is what the cloud knows the first gateway by (configs/demo/gateway.yaml).
const FirstID = "gw-0142"

// field is what the simulator tells of itself once it is ready.
type field struct {
	Control   string            `json:"control"`
	Endpoints map[string]string `json:"endpoints"` // channel or camera → address
}

// Start starts the simulator, the cloud and the gateways, in this order, and returns when all of them answer.
func Start(ctx context.Context, o Options) (*Demo, error) {
	d := &Demo{dir: o.Dir, bin: o.Bin, start0: o.Start, gateways: map[string]*process{}}
	err := d.bring(ctx, o)
	if err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return d, nil
}

func (d *Demo) bring(ctx context.Context, o Options) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("make folder of the demo: %w", err)
	}
	configs := filepath.Join(o.Repository, "configs", "demo")
	f, err := d.startField(ctx, filepath.Join(configs, "scenario.yaml"))
	if err != nil {
		return err
	}
	ports, err := freePorts(o.Port)
	if err != nil {
		return err
	}
	if d.Plug, err = newPlug(ports.mqtt); err != nil {
		return err
	}
	if err := d.render(configs, f, ports); err != nil {
		return err
	}
	d.URL, d.Control, d.Status = "http://"+ports.http, f.Control, "http://"+ports.status
	if err := d.organise(ctx, o); err != nil {
		return err
	}
	if err := d.trust(ctx); err != nil {
		return err
	}
	if d.cloud, err = d.start("cloud", "cloud", "run", "--config", "cloud.yaml", "--demo", "--demo-gateway", FirstID+"="+d.Status); err != nil {
		return err
	}
	if err := d.await(ctx, d.cloud, d.URL+"/healthz"); err != nil {
		return err
	}
	if err := errors.Join(d.duty(ctx), d.people(ctx)); err != nil {
		return err
	}
	for _, name := range []string{First, Second} {
		if err := d.StartGateway(name); err != nil {
			return err
		}
	}
	if o.Street > 0 {
		if d.street, err = d.start("street", "firmware-sim", "street", "--broker", ports.mqtt, "--cloud", d.URL, "--sites", fmt.Sprint(o.Street), "--seed", fmt.Sprint(o.Seed), "--spread", (time.Duration(o.Street) * spread).String()); err != nil {
			return err
		}
	}
	return d.await(ctx, d.gateway(First), d.Status+"/healthz")
}

// organise brings the street's tree into the cloud, as an operator would before it runs.
func (d *Demo) organise(ctx context.Context, o Options) error {
	files := []string{"org.yaml"}
	tree, err := os.ReadFile(filepath.Join(o.Repository, "configs", "demo", "org.yaml"))
	if err != nil {
		return fmt.Errorf("read demo organisation: %w", err)
	}
	texts := [][]byte{roundsSoon(tree, time.Now())}
	if o.Street > 0 {
		more, err := street.Organisation(o.Seed, o.Street)
		if err != nil {
			return err
		}
		files, texts = append(files, "street.csv"), append(texts, more)
	}
	for i, name := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), texts[i], 0o600); err != nil {
			return fmt.Errorf("write demo organisation: %w", err)
		}
		if err := d.once(ctx, "cloud", "org", "import", name, "--config", "cloud.yaml"); err != nil {
			return err
		}
	}
	plan, err := filepath.Abs(filepath.Join(o.Repository, "configs", "demo", "plan.yaml"))
	if err != nil {
		return fmt.Errorf("find the demo's plan: %w", err)
	}
	if err := d.once(ctx, "cloud", "org", "plan", "import", plan, "--config", "cloud.yaml"); err != nil {
		return err
	}
	if o.Street == 0 {
		return nil
	}
	outline, err := street.Outline(o.Seed, o.Street)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "street.geojson"), outline, 0o600); err != nil {
		return fmt.Errorf("write demo outline: %w", err)
	}
	return d.once(ctx, "cloud", "org", "outline", "street.geojson", "--config", "cloud.yaml")
}

// trust gives the first gateway the key with which the cloud signs what it asks for, as an enrolment would.
func (d *Demo) trust(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "cloud"), "command-key", "--config", "cloud.yaml")
	cmd.Dir = d.dir
	key, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("ask for the command key: %w", err)
	}
	text, err := os.ReadFile(d.File("gateway.yaml"))
	if err == nil {
		err = os.WriteFile(d.File("command.pem"), key, 0o600)
	}
	if err == nil {
		err = os.WriteFile(d.File("gateway.yaml"), append(text, "trust: {command_key: command.pem}\n"...), 0o600)
	}
	if err != nil {
		return fmt.Errorf("give the gateway the command key: %w", err)
	}
	return nil
}

func (d *Demo) startField(ctx context.Context, scenario string) (field, error) {
	var f field
	absolute, err := filepath.Abs(scenario)
	if err != nil {
		return f, fmt.Errorf("find scenario: %w", err)
	}
	ready := filepath.Join(d.dir, "ready.json")
	if d.sim, err = d.start("sim", "firmware-sim", "play", absolute, "--dir", d.dir, "--ready", ready,
		"--t0", fmt.Sprint(d.start0.UnixMilli()), "--control", "127.0.0.1:0"); err != nil {
		return f, err
	}
	err = d.poll(ctx, d.sim, func() error {
		text, err := os.ReadFile(ready)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &f)
	})
	return f, err
}

// StartGateway starts one of the two gateways; what it knew is in its data folder.
func (d *Demo) StartGateway(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return errors.New("the demo is stopping")
	}
	p, err := d.start(name, "gateway", "run", "--config", name+".yaml", "--demo-clock", fmt.Sprint(d.start0.UnixMilli()))
	if err != nil {
		return err
	}
	d.gateways[name] = p
	return nil
}

// File is the path of a file in the demo's folder, such as gateway-data/evidence.pub.
func (d *Demo) File(name string) string { return filepath.Join(d.dir, name) }

// StopGateway stops a gateway as systemd would.
func (d *Demo) StopGateway(name string) error { return d.gateway(name).stop() }

// Running says whether a gateway runs.
func (d *Demo) Running(name string) bool { return d.gateway(name).running() }

func (d *Demo) gateway(name string) *process {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gateways[name]
}

// Stop ends everything, last started first.
func (d *Demo) Stop() error {
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	var errs []error
	for _, name := range []string{Second, First} {
		if p := d.gateway(name); p != nil {
			errs = append(errs, p.stop())
		}
	}
	for _, p := range []*process{d.street, d.cloud, d.sim} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	if d.Plug != nil {
		errs = append(errs, d.Plug.close())
	}
	return errors.Join(errs...)
}

// await waits until a program answers at a URL.
func (d *Demo) await(ctx context.Context, p *process, url string) error {
	return d.poll(ctx, p, func() error {
		response, err := http.Get(url)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	})
}

// poll tries until try succeeds, the program ends, or half a minute is over.
func (d *Demo) poll(ctx context.Context, p *process, try func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("%s ended (%v); the end of its log:\n%s", p.name, p.err, d.logTail(p.name))
		case <-limit.C:
			return fmt.Errorf("%s is not ready after 30 s: %w; the end of its log:\n%s", p.name, err, d.logTail(p.name))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Demo) logTail(name string) string {
	const most = 2000
	text, err := os.ReadFile(filepath.Join(d.dir, name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// addresses are the loopback addresses that the demo chose.
type addresses struct{ http, mqtt, status, status2 string }

func freePorts(preferred int) (addresses, error) {
	var a addresses
	for i, to := range []*string{&a.http, &a.mqtt, &a.status, &a.status2} {
		l, err := freePort(preferred, i == 0)
		if err != nil {
			return a, err
		}
		defer l.Close() // when all are chosen: the same port must not be found twice
		*to = l.Addr().String()
	}
	return a, nil
}

// freePort listens where nobody else does just now: at the preferred port or one of the 20 above it, else at any.
func freePort(preferred int, wanted bool) (net.Listener, error) {
	tries := []int{0}
	if wanted && preferred > 0 {
		tries = nil
		for port := preferred; port < preferred+20; port++ {
			tries = append(tries, port)
		}
		tries = append(tries, 0)
	}
	var err error
	for _, port := range tries {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("find a free port: %w", err)
}
