package safety

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/firmware-sim/modbus"
)

// A site is the kitchens, the gateway that watches them, and what keeps its machine busy.
type site struct {
	o        Options
	kitchens []*kitchen
	ports    []*modbus.TCP
	status   string // address of the gateway's own page
	running  []*process.Process
}

const gasProfile = `model: quick-gas
title: {zh: 快速探测器, en: Quick detector}
kind: gas
protocol: modbus
source: firmware-sim safety proof
poll: 200ms
points:
  - {name: status, at: holding 0, type: u16, labels: {0: {zh: 正常, en: ok}, 2: {zh: 高报, en: high alarm}}}
  - {name: level, unit: "%LEL", at: holding 1, type: u16, min: 0, max: 100}
`

const valveProfile = `model: quick-valve
title: {zh: 快速阀, en: Quick valve}
kind: valve
protocol: modbus
source: firmware-sim safety proof
poll: 1s
points:
  - {name: open, at: coil 0, type: bool, labels: {0: {zh: 已关, en: closed}, 1: {zh: 开, en: open}}, write: [0]}
`

// busy are the programs that leave the gateway little of the machine: one a core that computes, and one that writes and syncs.
func busy(cores int) []string {
	var scripts []string
	for range cores {
		scripts = append(scripts, "while :; do :; done")
	}
	return append(scripts, "while :; do dd if=/dev/zero of=busy bs=1M count=32 conv=fsync 2>/dev/null; done")
}

func newSite(o Options) (*site, error) {
	s := &site{o: o}
	for range o.Kitchens {
		k := newKitchen()
		var bank modbus.Bank
		bank.Add(1, "gas", detector{k: k})
		bank.Add(2, "valve", valve{k: k})
		port, err := modbus.NewTCP(modbus.TCPConfig{Listen: "127.0.0.1:0", Bank: &bank})
		if err != nil {
			return nil, err
		}
		s.kitchens, s.ports = append(s.kitchens, k), append(s.ports, port)
	}
	return s, s.write()
}

func (s *site) write() error {
	ports := [2]int{}
	for i := range ports {
		var err error
		if ports[i], err = freeport.Find(); err != nil {
			return err
		}
	}
	s.status = fmt.Sprintf("127.0.0.1:%d", ports[0])
	var b strings.Builder
	fmt.Fprintf(&b, "site: {id: proof, name: 证明, timezone: Asia/Shanghai}\ngateway: gw-safety\ndata: data\nprofiles: profiles\n"+
		"cloud: {url: \"mqtt://127.0.0.1:%d\"}\nstatus: {listen: %s}\nzones:\n", ports[1], s.status) // nobody listens there: the uplink is down
	for i := range s.kitchens {
		fmt.Fprintf(&b, "  - {id: k%d, name: k%d}\n", i, i)
	}
	b.WriteString("channels:\n")
	for i, port := range s.ports {
		fmt.Fprintf(&b, "  - id: lan%d\n    driver: modbus-tcp\n    address: %q\n    timeout: 1s\n    devices:\n"+
			"      - {id: gas-%d, name: gas-%d, profile: quick-gas, address: \"1\", place: x, zone: k%d, poll: %v}\n"+
			"      - {id: valve-%d, name: valve-%d, profile: quick-valve, address: \"2\", place: x, zone: k%d, poll: 1s}\n", i, port.Addr(), i, i, i, s.o.Poll, i, i, i)
	}
	for name, text := range map[string]string{"profiles/quick-gas.yaml": gasProfile, "profiles/quick-valve.yaml": valveProfile, "gateway.yaml": b.String()} {
		if err := process.Write(s.o.Dir, name, text); err != nil {
			return err
		}
	}
	return nil
}

// start starts the gateway, and when it lives what keeps the machine busy.
func (s *site) start(ctx context.Context, cores int) error {
	gateway, err := process.Start(s.o.Dir, "gateway", filepath.Join(s.o.Bin, "gateway"), "run", "--config", "gateway.yaml")
	if err != nil {
		return err
	}
	s.running = append(s.running, gateway)
	if err := process.Until(ctx, 30*time.Second, func() error { return process.Answers("http://" + s.status + "/healthz") }); err != nil {
		return fmt.Errorf("start gateway: %w", err)
	}
	for i, script := range busy(cores) {
		p, err := process.Start(s.o.Dir, fmt.Sprintf("busy%d", i), "/bin/sh", "-c", script)
		if err != nil {
			return err
		}
		s.running = append(s.running, p)
	}
	return nil
}

func (s *site) stop() {
	for _, p := range s.running {
		p.Kill()
	}
}

var alertID = regexp.MustCompile(`(R1[567])/gas-(\d+)/[0-9A-Za-z.:-]+`)

// reset resets a kitchen's alerts on the gateway's page, as the person does who has opened the valve again.
func (s *site) reset(ctx context.Context, kitchen int) error {
	return process.Until(ctx, 30*time.Second, func() error {
		page, err := get("http://" + s.status + "/")
		if err != nil {
			return err
		}
		open := 0
		for _, m := range alertID.FindAllStringSubmatch(string(page), -1) {
			if m[2] == fmt.Sprint(kitchen) {
				open++
				answer, err := http.Post("http://"+s.status+"/reset?alert="+url.QueryEscape(m[0]), "", nil)
				if err != nil {
					return fmt.Errorf("reset alert: %w", err)
				}
				_ = answer.Body.Close()
			}
		}
		if open > 0 {
			return fmt.Errorf("reset alert: %d are still there", open)
		}
		return nil
	})
}

func get(address string) ([]byte, error) {
	answer, err := http.Get(address)
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}
