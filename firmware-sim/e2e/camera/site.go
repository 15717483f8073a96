package camera

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

const (
	every = time.Second            // between two reads of the two that must not notice
	often = 200 * time.Millisecond // of the others
	quiet = "quiet-0"
)

const cameraProfile = `model: camera
title: {zh: 摄像机, en: Camera}
kind: camera
protocol: rtsp
source: firmware-sim/e2e/camera
poll: 1s
points:
  - {name: connected, min: 0, max: 1}
`

const meterProfile = `model: meter
title: {zh: 电表, en: Meter}
kind: meter
protocol: modbus
source: firmware-sim/e2e/camera
poll: 1s
points:
  - {name: power, unit: W, at: holding 0, type: u16, min: 0, max: 5000}
`

// A gateway is the program, with the address of its page.
type gateway struct {
	*process.Process
	page string
}

// start starts the gateway on the field: each line of cameras is a child process of its own.
func start(ctx context.Context, o Options, f *field) (*gateway, error) {
	port, err := freeport.Find()
	if err != nil {
		return nil, err
	}
	var site strings.Builder
	fmt.Fprintf(&site, `site: {id: proof, name: 证明, timezone: Asia/Shanghai}
gateway: gw-proof
data: data
profiles: profiles
status: {listen: "127.0.0.1:%d"}
channels:
  - {id: lan, driver: modbus-tcp, address: %q, timeout: 900ms, devices: [{id: meter, profile: meter, address: "1", place: x}]}
`, port, f.lan)
	for _, group := range []struct {
		name string
		urls []string
		poll time.Duration
	}{{"quiet", []string{f.quiet}, every}, {"away", f.away, often}, {"bad", f.bad, often}} {
		fmt.Fprintf(&site, "  - id: %s\n    driver: rtsp\n    devices:\n", group.name)
		for i, id := range ids(group.name, len(group.urls)) {
			fmt.Fprintf(&site, "      - {id: %s, profile: camera, address: %q, place: x, poll: %v}\n", id, group.urls[i], group.poll)
		}
	}
	for name, text := range map[string]string{"gateway.yaml": site.String(), "profiles/camera.yaml": cameraProfile, "profiles/meter.yaml": meterProfile} {
		if err := process.Write(o.Dir, name, text); err != nil {
			return nil, err
		}
	}
	p, err := process.Start(o.Dir, "gateway", filepath.Join(o.Bin, "gateway"), "run", "--config", "gateway.yaml")
	if err != nil {
		return nil, err
	}
	g := &gateway{p, fmt.Sprintf("http://127.0.0.1:%d", port)}
	if err := process.Until(ctx, 20*time.Second, func() error { return process.Answers(g.page + "/healthz") }); err != nil {
		g.Kill()
		return nil, fmt.Errorf("start gateway: %w: gateway.log says why", err)
	}
	return g, nil
}
