package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/simonvetter/modbus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/freeport"
)

// TestMain lets the test binary be the program: what a user types is what is tested.
func TestMain(m *testing.M) {
	if os.Getenv("LINSHAO_TEST_PROGRAM") == "1" {
		os.Exit(run(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// gateway runs the program and answers its exit code and what it printed.
func gateway(t *testing.T, dir, lang string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := program(t, dir, lang, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func program(t *testing.T, dir, lang string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LINSHAO_TEST_PROGRAM=1", "LC_ALL=", "LC_MESSAGES=", "LANG="+lang)
	return cmd
}

const small = `site: {id: test, name: 测试}
gateway: gw-test
profiles: profiles
status: {listen: "127.0.0.1:0"}
zones: [{id: k, name: 厨房}]
channels:
  - id: tcp
    driver: modbus-tcp
    address: ADDRESS
    timeout: 300ms
    devices:
      - {id: gas-1, profile: gas, address: "1", zone: k, place: 厨房}
      - {id: valve-1, profile: valve, address: "2", zone: k}
`

func site(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "profiles"), os.DirFS("app/testdata/profiles")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "site.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCheckConfig(t *testing.T) {
	good := strings.Replace(small, "ADDRESS", "127.0.0.1:502", 1)
	code, out, _ := gateway(t, site(t, good), "zh_CN.UTF-8", "check", "config", "site.yaml")
	if code != exitOK || !strings.Contains(out, "检查了 1 个总线 / 2 台设备 / ") || !strings.Contains(out, "0 个错误") {
		t.Errorf("%d\n%s", code, out)
	}
	if want := "site.yaml  警告  规则 R16：gas-1 告警时没有设备可启动警报器：所在区域没有声光警报器\n"; !strings.HasPrefix(out, want) {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	bad := strings.NewReplacer("driver: modbus-tcp", "driver: modbus-tpc", `place: 厨房`, `plaec: 厨房`).Replace(good)
	code, out, _ = gateway(t, site(t, bad), "zh_CN.UTF-8", "check", "config", "site.yaml")
	want := `site.yaml:12:65  错误  没有 "plaec" 这个键 — 是不是 "place"？
   12 │       - {id: gas-1, profile: gas, address: "1", zone: k, plaec: 厨房}
      │                                                          ^^^^^^
site.yaml:8:13  错误  没有驱动 "modbus-tpc" — 是不是 modbus-tcp？
    8 │     driver: modbus-tpc
      │             ^^^^^^^^^^
`
	want = strings.Replace(want, "12:65", "12:58", 1)
	if code != exitFinding || !strings.HasPrefix(out, want) || !strings.HasSuffix(out, "2 个错误，0 个警告\n") {
		t.Errorf("%d, got\n%s\nwant\n%s", code, out, want)
	}
	code, out, _ = gateway(t, site(t, bad), "C", "check", "config", "--json", "site.yaml")
	var problems []struct{ Line int }
	if err := json.Unmarshal([]byte(out), &problems); err != nil || code != exitFinding || len(problems) != 2 {
		t.Errorf("%d %v\n%s", code, err, out)
	}
	if code, out, _ := gateway(t, t.TempDir(), "en", "check", "config", "none.yaml"); code != exitFinding || !strings.Contains(out, "none.yaml  error  cannot be read: no such file or directory") {
		t.Errorf("%d %s", code, out)
	}
}

// kitchen answers 62 %LEL and an open valve.
type kitchen struct{}

func (kitchen) HandleHoldingRegisters(r *modbus.HoldingRegistersRequest) ([]uint16, error) {
	return []uint16{0, 62}[r.Addr : r.Addr+r.Quantity], nil
}
func (kitchen) HandleCoils(*modbus.CoilsRequest) ([]bool, error) { return []bool{true}, nil }
func (kitchen) HandleDiscreteInputs(*modbus.DiscreteInputsRequest) ([]bool, error) {
	return nil, modbus.ErrIllegalFunction
}
func (kitchen) HandleInputRegisters(*modbus.InputRegistersRequest) ([]uint16, error) {
	return nil, modbus.ErrIllegalFunction
}

func TestRead(t *testing.T) {
	addr := freeport.Address(t)
	dir := site(t, strings.Replace(small, "ADDRESS", addr, 1))
	if code, _, errs := gateway(t, dir, "en", "read", "gas-1", "--config", "site.yaml"); code != exitDevice || !strings.Contains(errs, "open channel tcp") {
		t.Errorf("without a device: %d %s", code, errs)
	}
	server, err := modbus.NewServer(&modbus.ServerConfiguration{URL: "tcp://" + addr}, kitchen{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	code, out, errs := gateway(t, dir, "zh_CN.UTF-8", "read", "gas-1", "--config", "site.yaml")
	if code != exitOK || !strings.Contains(out, "点位    值      单位  质量  时间\n") || !strings.Contains(out, "status  0 正常        好  ") || !strings.Contains(out, "level   62      %LEL  好    ") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	code, out, _ = gateway(t, dir, "en", "read", "valve-1", "--json", "--config", "site.yaml")
	var points []struct {
		Point, Quality string
		Value          *float64
	}
	if err := json.Unmarshal([]byte(out), &points); err != nil || code != exitOK || len(points) != 1 || *points[0].Value != 1 || points[0].Quality != "good" {
		t.Errorf("%d %v\n%s", code, err, out)
	}
	if code, _, errs := gateway(t, dir, "en", "read", "gas-9", "--config", "site.yaml"); code != exitDevice || !strings.Contains(errs, "did you mean gas-1?") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestRulesTest(t *testing.T) {
	code, out, errs := gateway(t, ".", "en", "rules", "test", "../configs/rules")
	if code != exitOK || !strings.Contains(out, " passed, 0 failed") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	if code, _, _ := gateway(t, t.TempDir(), "en", "rules", "test", "."); code != exitUsage {
		t.Errorf("a folder without tests: %d", code)
	}
}

func TestMistakesInRulesAreToldInTheUsersLanguage(t *testing.T) {
	dir := t.TempDir()
	text := `rules:
  - id: X1
    title: {zh: 标题, en: title}
    kind: gas
    params: {limit: 25 W}
    expr: level >= limit or statu == 2
    unless: [X1]
    severity: A
    mode: arned
    message: {zh: "{place}", en: "{place}"}
    actions: [{of: zone, kind: valve, point: open, value: 1}]
`
	for name, text := range map[string]string{"x.yaml": text, "x_test.yaml": "tests: []\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, _ := gateway(t, dir, "en", "--lang", "zh", "rules", "test", ".")
	for _, want := range []string{
		`x.yaml:6:17  错误  以 %LEL 计的数不能与以 W 计的数比较`, `x.yaml:6:29  错误  不认识 "statu" — 是不是 "status"？`, `x.yaml:7:14  错误  规则不能让位给自己`,
		`x.yaml:9:11  错误  mode 不能是 "arned" — 是不是 "armed"？`, `错误  规则不允许把 valve.open 写成 1 — 燃气阀只能到现场手动打开`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("missing %s", want)
		}
	}
	if code != exitFinding {
		t.Errorf("%d", code)
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestRunRefusesAndStops(t *testing.T) {
	real := site(t, strings.Replace(small, "ADDRESS", "192.168.1.20:502", 1))
	if code, _, errs := gateway(t, real, "en", "run", "--config", "site.yaml", "--demo-clock", "1795000000000"); code != exitRefused || !strings.Contains(errs, "not on loopback") {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, _ := gateway(t, real, "en", "run"); code != exitUsage {
		t.Errorf("run without a site: %d", code)
	}
	cmd := program(t, site(t, strings.Replace(small, "ADDRESS", freeport.Address(t), 1)), "en", "run", "--config", "site.yaml")
	log := &watch{until: "gateway runs", seen: make(chan struct{})}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-log.seen
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// watch tells when a program has printed a word.
type watch struct {
	until string
	text  []byte
	seen  chan struct{}
	done  bool
}

func (w *watch) Write(b []byte) (int, error) {
	w.text = append(w.text, b...)
	if !w.done && bytes.Contains(w.text, []byte(w.until)) {
		w.done = true
		close(w.seen)
	}
	return len(b), nil
}

func TestVersion(t *testing.T) {
	if code, out, _ := gateway(t, ".", "en", "version"); code != exitOK || !strings.HasPrefix(out, "gateway ") {
		t.Errorf("%d %s", code, out)
	}
}
