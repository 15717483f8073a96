package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// The load: all registers of a device come in one answer, and no register is read more often than its counter counts.
const (
	gateways  = 3
	devices   = 45 // 15 of each gateway
	registers = 125
	clouds    = 2
)

// A part is one program of the chain that may be killed.
type part struct {
	name  string
	start func(ctx context.Context) (*process.Process, error)
	now   *process.Process
	kills []time.Time
}

func (p *part) up(ctx context.Context) (err error) {
	p.now, err = p.start(ctx)
	return err
}

// restart kills the part and starts it again after a while.
func (p *part) restart(ctx context.Context, after time.Duration) error {
	if !p.now.Kill() {
		return errors.New("it had ended by itself before")
	}
	p.kills = append(p.kills, time.Now())
	process.Pause(ctx, after)
	return p.up(ctx)
}

// A site is the whole chain.
type site struct {
	o        Options
	ports    map[string]int
	sim      *process.Process
	control  string          // the simulator's port for faults
	silent   map[string]bool // devices that do not answer now
	parts    []*part         // in the order in which they start
	gateways []*part
	device   map[string]int // device id → index of its gateway
}

func open(ctx context.Context, o Options) (*site, error) {
	s := &site{o: o, ports: map[string]int{}, device: map[string]int{}, silent: map[string]bool{}}
	for _, name := range []string{"mosquitto", "postgres", "victoria", "cloud-1", "cloud-2", "gw-1", "gw-2", "gw-3"} {
		port, err := freeport.Find()
		if err != nil {
			return nil, err
		}
		s.ports[name] = port
	}
	s.add("postgres", func(ctx context.Context) (*process.Process, error) {
		return process.Postgres(ctx, o.Dir, s.ports["postgres"])
	})
	s.add("victoria", func(ctx context.Context) (*process.Process, error) {
		return process.Victoria(ctx, o.Dir, s.ports["victoria"])
	})
	s.add("mosquitto", func(ctx context.Context) (*process.Process, error) {
		return process.Mosquitto(ctx, o.Dir, s.ports["mosquitto"])
	})
	for i := range clouds {
		name := fmt.Sprintf("cloud-%d", i+1)
		s.add(name, func(context.Context) (*process.Process, error) {
			return process.Start(o.Dir, name, filepath.Join(o.Bin, "cloud"), "run", "--config", name+".yaml")
		})
	}
	for i := range gateways {
		name := fmt.Sprintf("gw-%d", i+1)
		s.gateways = append(s.gateways, s.add(name, func(context.Context) (*process.Process, error) {
			return process.Start(o.Dir, name, filepath.Join(o.Bin, "gateway"), "run", "--config", name+".yaml")
		}))
	}
	if err := s.up(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) add(name string, start func(context.Context) (*process.Process, error)) *part {
	p := &part{name: name, start: start}
	s.parts = append(s.parts, p)
	return p
}

func (s *site) up(ctx context.Context) error {
	if err := s.field(ctx); err != nil {
		return err
	}
	for i := range clouds {
		if err := s.writeCloud(fmt.Sprintf("cloud-%d", i+1)); err != nil {
			return err
		}
	}
	for _, p := range s.parts {
		if err := p.up(ctx); err != nil {
			return err
		}
		if strings.HasPrefix(p.name, "cloud-") { // one after the other, so that one of them makes the tables
			if err := process.Until(ctx, 30*time.Second, func() error { return process.Answers(s.url(p.name) + "/healthz") }); err != nil {
				return fmt.Errorf("start %s: %w", p.name, err)
			}
		}
	}
	return nil
}

// field starts the simulator and writes the gateways' sites on it.
func (s *site) field(ctx context.Context) (err error) {
	ready := filepath.Join(s.o.Dir, "ready.json")
	if s.sim, err = process.Start(s.o.Dir, "sim", filepath.Join(s.o.Bin, "firmware-sim"), "bench", "--devices", fmt.Sprint(devices),
		"--registers", fmt.Sprint(registers), "--per-port", "5", "--ready", ready, "--journal", s.journal()); err != nil {
		return err
	}
	var field struct {
		Control string
		Devices []simulated
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
	s.control = field.Control
	var profile strings.Builder
	profile.WriteString("model: counters\ntitle: {zh: 计数, en: Counters}\nkind: sensor\nprotocol: modbus\nsource: firmware-sim bench\npoll: 200ms\npoints:\n")
	for i := range registers {
		fmt.Fprintf(&profile, "  - {name: c%d, at: holding %d, type: u16}\n", i, i)
	}
	if err := process.Write(s.o.Dir, "profiles/counters.yaml", profile.String()); err != nil {
		return err
	}
	for i := range gateways {
		if err := s.writeGateway(i, field.Devices[i*devices/gateways:(i+1)*devices/gateways]); err != nil {
			return err
		}
	}
	return nil
}

// simulated is one device of the simulator's ready file.
type simulated struct {
	ID, Address string
	Unit        int
}

func (s *site) writeGateway(i int, of []simulated) error {
	name := fmt.Sprintf("gw-%d", i+1)
	var b strings.Builder
	fmt.Fprintf(&b, "site: {id: site-%d, name: 证明%d, timezone: Asia/Shanghai}\ngateway: %s\ndata: %s-data\nprofiles: profiles\n"+
		"cloud: {url: \"mqtt://127.0.0.1:%d\"}\nstatus: {listen: \"127.0.0.1:%d\"}\nchannels:\n", i+1, i+1, name, name, s.ports["mosquitto"], s.ports[name])
	port := ""
	for _, d := range of {
		s.device[d.ID] = i
		if d.Address != port {
			port = d.Address
			fmt.Fprintf(&b, "  - id: lan-%s\n    driver: modbus-tcp\n    address: %q\n    timeout: 500ms\n    devices:\n", port[strings.LastIndex(port, ":")+1:], port)
		}
		fmt.Fprintf(&b, "      - {id: %s, name: %s, profile: counters, address: \"%d\", place: x, poll: 200ms}\n", d.ID, d.ID, d.Unit)
	}
	return process.Write(s.o.Dir, name+".yaml", b.String())
}

func (s *site) writeCloud(name string) error {
	return process.Write(s.o.Dir, name+".yaml", fmt.Sprintf("data: %s-data\nhttp: {listen: \"127.0.0.1:%d\"}\nmqtt: {url: \"mqtt://127.0.0.1:%d\"}\n"+
		"sql: %s\nsql_password_file: pg-password\nseries: {kind: victoriametrics, url: \"http://127.0.0.1:%d\"}\n",
		name, s.ports[name], s.ports["mosquitto"], s.dsn(), s.ports["victoria"]))
}

func (s *site) dsn() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.ports["postgres"])
}

func (s *site) url(name string) string { return fmt.Sprintf("http://127.0.0.1:%d", s.ports[name]) }
func (s *site) journal() string        { return filepath.Join(s.o.Dir, "journal.jsonl") }

// close kills what still runs: the result does not depend on it any more.
func (s *site) close() {
	for _, p := range s.parts {
		if p.now != nil {
			p.now.Kill()
		}
	}
	if s.sim != nil {
		s.sim.Kill()
	}
}
