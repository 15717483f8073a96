package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/simonvetter/modbus"

	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/gateway/internal/control"
)

// leak is a kitchen whose level is set by the test; every unit of it answers.
type leak struct {
	kitchen
	level chan uint16
}

func (l leak) HandleHoldingRegisters(r *modbus.HoldingRegistersRequest) ([]uint16, error) {
	level := <-l.level
	l.level <- level
	return []uint16{0, level}[r.Addr : r.Addr+r.Quantity], nil
}

// A device is claimed while the gateway runs: its readings arrive, those of the others go on, nothing is told twice.
func TestClaimBesideTheRunningGateway(t *testing.T) {
	addr := freeport.Address(t)
	field := leak{level: make(chan uint16, 1)}
	field.level <- 0
	server, err := modbus.NewServer(&modbus.ServerConfiguration{URL: "tcp://" + addr}, field)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	dir := site(t, strings.Replace(small, "ADDRESS", addr, 1))
	data, err := os.MkdirTemp("", "claim") // short: a socket's path has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	file := filepath.Join(dir, "site.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append([]byte("data: "+data+"\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"claim", "--config", "site.yaml", "--bus", "tcp", "--profile", "valve"}
	if code, out, errs := gateway(t, dir, "zh_CN.UTF-8", append(args, "--addr", "3")...); code != exitOK || !strings.Contains(out, "已认领  valve-2  valve 2  tcp") && !strings.Contains(out, "已认领  valve-2") || !strings.Contains(out, "网关没有运行，启动时采用") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}

	cmd := program(t, dir, "en", "run", "--config", "site.yaml")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	waitFor(t, "the gateway answers", func() bool { return control.Ask(t.Context(), data, "GET", "/site", nil) == nil })

	code, out, errs := gateway(t, dir, "en", append(args, "--addr", "4", "--json")...)
	var done struct {
		Devices []string
		Gateway string
		PauseMs int64 `json:"pause_ms"`
	}
	if err := json.Unmarshal([]byte(out), &done); err != nil || code != exitOK || done.Gateway != "restarted" || done.Devices[0] != "valve-3" {
		t.Fatalf("%d %v\n%s%s\n%s", code, err, out, errs, log.String())
	}
	t.Logf("the pause was %d ms", done.PauseMs)
	waitFor(t, "the new valve's readings are kept", func() bool {
		code, out, _ := gateway(t, dir, "en", "history", "--config", "site.yaml", "--device", "valve-3")
		return code == exitOK && strings.Contains(out, "1")
	})

	<-field.level
	field.level <- 62 // gas: the gateway is needed
	waitFor(t, "a claim is written and not taken up", func() bool {
		code, out, _ := gateway(t, dir, "en", "unclaim", "valve-3", "--config", "site.yaml")
		if code == exitOK {
			code, _, _ = gateway(t, dir, "en", append(args, "--addr", "4", "--id", "valve-3")...)
		}
		return code == exitRefused && (strings.Contains(out, "severity A") || out != "")
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, log.String())
	}
	if strings.Count(log.String(), "state=firing") > 2 {
		t.Errorf("an alert was told twice:\n%s", log.String())
	}
}

// waitFor waits for a condition of other processes.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never happened: %s", what)
		}
	}
}

func TestClaimTellsItsMistakes(t *testing.T) {
	dir := site(t, strings.Replace(small, "ADDRESS", "127.0.0.1:502", 1))
	if code, _, errs := gateway(t, dir, "en", "claim", "--config", "site.yaml", "--bus", "tcp"); code != exitUsage || !strings.Contains(errs, "--bus --addr --profile") {
		t.Errorf("%d %s", code, errs)
	}
	if code, out, errs := gateway(t, dir, "zh_CN.UTF-8", "claim", "--config", "site.yaml", "--bus", "tcp", "--addr", "2", "--profile", "valve"); code != exitFinding ||
		!strings.Contains(errs, "地址 2 已是 valve-1（site.yaml）") || !strings.Contains(errs, "gateway claim --config site.yaml --replace valve-1 --addr 2 --profile valve") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	if code, out, _ := gateway(t, dir, "zh_CN.UTF-8", "claim", "--config", "site.yaml", "--bus", "tcp", "--addr", "9", "--profile", "vlave"); code != exitFinding ||
		!strings.Contains(out, "gateway claim  错误  没有型号 \"vlave\"") || !strings.Contains(out, "没有写入任何文件") {
		t.Errorf("a file that was never written is named: %d %s", code, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "new.yaml"), []byte("channel: tcp\ndevices:\n  - {profile: vlave, address: \"9\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := gateway(t, dir, "en", "claim", "new.yaml", "--config", "site.yaml"); code != exitFinding || !strings.Contains(out, `there is no profile "vlave" — did you mean valve?`) {
		t.Errorf("%d %s", code, out)
	}
	if code, _, errs := gateway(t, dir, "en", "unclaim", "valve-l", "--config", "site.yaml"); code != exitFinding || !strings.Contains(errs, "did you mean valve-1?") {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, errs := gateway(t, dir, "en", "unclaim", "valve-1", "--config", "site.yaml"); code != exitFinding || !strings.Contains(errs, "edit it by hand") {
		t.Errorf("%d %s", code, errs)
	}
}
