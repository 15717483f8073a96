package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
)

// fragile is a driver that a device with the address "crash" kills.
type fragile struct{}

func (fragile) Open(context.Context, device.Channel) (device.Conn, error) { return fragile{}, nil }

func (fragile) Read(_ context.Context, points []device.Point) ([]device.Reading, error) {
	if points[0].Address == "crash" {
		os.Exit(3)
	}
	rs := make([]device.Reading, len(points))
	for i, p := range points {
		rs[i] = device.Judge(p, 21, time.Now())
	}
	return rs, nil
}

func (fragile) Write(context.Context, device.Point, float64) error { return nil }
func (fragile) Close() error                                       { return nil }

func TestADriverThatCrashesTakesOnlyItsOwnChannelWithIt(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{
		"driver":              fmt.Sprintf("#!/bin/sh\nLINSHAO_TEST_DRIVER=1 exec '%s'\n", self),
		"profiles/probe.yaml": "model: probe\ntitle: {zh: 温度, en: Probe}\nkind: sensor\nprotocol: probe\nsource: test\npoll: 100ms\npoints:\n  - {name: temperature, unit: °C}\n",
		"site.yaml": `site: {id: test, name: 测试}
gateway: gw-test
data: data
profiles: profiles
status: {listen: "127.0.0.1:0"}
channels:
  - {id: bad, driver: plugin, address: ./driver, timeout: 50s, devices: [{id: p-bad, profile: probe, address: crash}]}
  - {id: well, driver: plugin, address: ./driver, timeout: 50s, devices: [{id: p-well, profile: probe, address: "1"}]}
`}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, problems := config.Load(filepath.Join(dir, "site.yaml"), config.English)
	if s == nil {
		t.Fatal(problems)
	}
	g := start(t, app.Config{Site: s})
	eventually(t, "the driver has crashed and been started again twice", func() bool {
		_, text := g.get(t, "/metrics", "")
		return strings.Contains(text, `linshao_channel_up{channel="bad"} 0`) && strings.Contains(text, `linshao_channel_up{channel="well"} 1`) &&
			count(text, `linshao_channel_requests_total{channel="bad"}`) >= 2
	})
	g.stop()
	got := strings.Join(events(t, dir), ", ")
	if !strings.Contains(got, "p-bad offline driver_crashed") || !strings.Contains(got, "p-well online true") || strings.Contains(got, "p-well offline") {
		t.Errorf("events: %s", got)
	}
}

// count is the value of a metric; 0 when it is not there.
func count(metrics, name string) (v float64) {
	_, rest, ok := strings.Cut(metrics, name+" ")
	if _, err := fmt.Sscan(rest, &v); !ok || err != nil {
		return 0
	}
	return v
}
