package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A meter is exchanged while the gateway is off; the second register is its number.
func TestAnExchangedMeterIsTold(t *testing.T) {
	k, dir := &kitchen{}, t.TempDir()
	address := k.serve(t)
	if err := os.Mkdir(filepath.Join(dir, "profiles"), 0o700); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"profiles/numbered.yaml": `model: numbered
title: {zh: 电表, en: Meter}
kind: meter
protocol: modbus
source: test
poll: 100ms
identity: {at: holding 1}
points: [{name: status, at: holding 0}]
`, "site.yaml": fmt.Sprintf(`site: {id: test, name: 测试, timezone: Asia/Shanghai}
gateway: gw-test
data: data
profiles: profiles
status: {listen: "127.0.0.1:0"}
channels:
  - {id: tcp, driver: modbus-tcp, address: %s, devices: [{id: m-1, name: 1号表, profile: numbered, address: "1"}]}
`, address)}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	site, problems := config.Load(filepath.Join(dir, "site.yaml"), config.English)
	if site == nil {
		t.Fatal(problems)
	}
	for _, number := range []uint16{123, 456, 456} {
		k.set(number)
		g := start(t, app.Config{Site: site})
		known := filepath.Join(dir, "data", "identities.state")
		eventually(t, "the number is known", func() bool {
			_, err := os.Stat(known)
			reads, _, _ := k.state()
			return err == nil && reads > 6
		})
		g.stop()
		k.mu.Lock()
		k.reads = 0
		k.mu.Unlock()
	}
	told := events(t, dir)
	told = slices.DeleteFunc(told, func(w string) bool { return w[:min(6, len(w))] != "device" })
	if want := "device_swapped m-1: 1号表：表号 123 → 456，电量计数重新开始"; len(told) != 1 || told[0] != want {
		t.Errorf("told %q, want once %q", told, want)
	}
}
