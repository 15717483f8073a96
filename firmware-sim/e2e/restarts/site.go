package restarts

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

const profile = `model: meter
title: {zh: 插座, en: Socket}
kind: socket
protocol: modbus
source: firmware-sim/e2e/restarts
poll: 1s
points:
  - {name: count, at: holding 0, type: u16}
  - {name: power, unit: W, at: holding 1, type: u16, min: 0, max: 5000}
  - name: relay
    at: holding 2
    type: u16
    labels: {0: {zh: 断开, en: open}, 1: {zh: 接通, en: closed}}
    write: [0, 1]
`

const ruleFile = `rules:
  - id: WATCH
    title: {zh: 功率过大, en: Too much power}
    kind: socket
    params: {most: 300 W, severe: 3000 W}
    expr: power > most and power < severe
    for: 3s
    severity: B
    mode: notify-only
    message: {zh: "{place} {power}", en: "{place} {power}"}
  - id: SEVERE
    title: {zh: 功率危险, en: Dangerous power}
    kind: socket
    params: {severe: 3000 W}
    expr: power > severe
    severity: A
    mode: armed
    message: {zh: "{place} {power} {actions}", en: "{place} {power} {actions}"}
    card: [{zh: 看一看, en: Look}]
    actions:
      - {of: self, kind: socket, point: relay, value: 0, do: {zh: 断电, en: switch off}}
`

// programs are the broker, the cloud and the gateway.
type programs struct {
	o       Options
	broker  string // "mosquitto" or "embedded"
	mqtt    string // its address
	page    string // the cloud's
	status  string // the gateway's
	site    string // text of gateway.yaml
	began   time.Time
	gateway *process.Process
	others  []*process.Process
}

func startPrograms(ctx context.Context, o Options, field string) (*programs, error) {
	p := &programs{o: o, began: time.Now()}
	for _, to := range []*string{&p.mqtt, &p.page, &p.status} {
		port, err := freeport.Find()
		if err != nil {
			return nil, err
		}
		*to = fmt.Sprintf("127.0.0.1:%d", port)
	}
	for _, step := range []func(context.Context) error{p.startBroker, p.startCloud, func(context.Context) error { return p.writeSite(field) }, p.startGateway} {
		if err := step(ctx); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// startBroker starts mosquitto where it is installed; elsewhere the cloud's own broker is used.
func (p *programs) startBroker(ctx context.Context) error {
	broker, name, err := process.Broker(ctx, p.o.Dir, p.mqtt)
	if broker != nil {
		p.others = append(p.others, broker)
	}
	p.broker = name
	return err
}

func (p *programs) startCloud(ctx context.Context) error {
	mqtt := "{listen: " + p.mqtt + "}"
	if p.broker == "mosquitto" {
		mqtt = "{url: \"mqtt://" + p.mqtt + "\"}"
	}
	if err := p.write("cloud.yaml", fmt.Sprintf("data: cloud-data\nhttp: {listen: %s}\nmqtt: %s\nseries: {kind: sqlite}\n", p.page, mqtt)); err != nil {
		return err
	}
	cloud, err := process.Start(p.o.Dir, "cloud", p.program("cloud"), "run", "--config", "cloud.yaml", "--demo")
	if err != nil {
		return err
	}
	p.others = append(p.others, cloud)
	return process.Until(ctx, 20*time.Second, func() error { return process.Answers("http://" + p.page + "/healthz") })
}

func (p *programs) writeSite(field string) error {
	var site strings.Builder
	fmt.Fprintf(&site, `site: {id: proof, name: 证明, timezone: Asia/Shanghai}
gateway: gw-proof
data: data
profiles: profiles
rules: rules
cloud: {url: "mqtt://%s"}
status: {listen: %q}
outputs:
  - {kind: socket, point: relay, safe: {value: 0, on: [failure]}, lockout: 10m}
channels:
  - id: rs485
    driver: modbus-rtu
    address: rs485
    devices:
      - {id: %s, profile: meter, address: "1", place: x}
  - id: lan
    driver: modbus-tcp
    address: %q
    timeout: 2s
    devices:
`, p.mqtt, p.status, firstSerial, field)
	for i := range meters {
		fmt.Fprintf(&site, "      - {id: m%02d, profile: meter, address: \"%d\", place: x}\n", i+1, i+1)
	}
	p.site = site.String()
	return errors.Join(p.write("gateway.yaml", p.site), p.write("profiles/meter.yaml", profile), p.write("rules/proof.yaml", ruleFile))
}

func (p *programs) startGateway(ctx context.Context) (err error) {
	if p.gateway, err = process.Start(p.o.Dir, "gateway", p.program("gateway"), "run", "--config", "gateway.yaml"); err != nil {
		return err
	}
	if err := process.Until(ctx, 20*time.Second, func() error { return process.Answers("http://" + p.status + "/healthz") }); err != nil {
		return fmt.Errorf("start gateway: %w: gateway.log says why", err)
	}
	return nil
}

func (p *programs) close() {
	if p.gateway != nil {
		p.gateway.Kill()
	}
	for i := len(p.others) - 1; i >= 0; i-- {
		_ = p.others[i].Stop() // the result is known already
	}
}

func (p *programs) program(name string) string { return filepath.Join(p.o.Bin, name) }

func (p *programs) write(name, text string) error { return process.Write(p.o.Dir, name, text) }
