package claim_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/claim"
	"github.com/linshao/linshao/gateway/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const text = `site: {id: t, name: 测试}
gateway: gw-t
profiles: ../PROFILES
rules: one
zones: [{id: k, name: 厨房}]
outputs: [{device: valve-1, point: open, safe: {value: 0, on: [failure]}}]
channels:
  - id: rs485-1
    driver: modbus-rtu
    address: /dev/ttyS9
    devices:
      - {id: gas-1, profile: gas, address: "1", zone: k, place: 厨房, poll: 5s}
  - {id: tcp, driver: modbus-tcp, address: "127.0.0.1:502", devices: [{id: valve-1, profile: valve, address: "2", zone: k}]}
`

func newSite(t testing.TB) claim.Site {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "profiles"), os.DirFS("../../app/testdata/profiles")); err != nil {
		t.Fatal(err)
	}
	// One rule, not all: loading them takes longer than all the rest.
	rule := "rules:\n  - {id: R1, kind: valve, expr: open == 1, mode: notify-only, severity: C, title: {zh: 阀, en: valve}, message: {zh: 开, en: open}}\n"
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "one"), 0o700), os.WriteFile(filepath.Join(dir, "one/rule.yaml"), []byte(rule), 0o600)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "site.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(text, "../PROFILES", "profiles", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return claim.Site{File: file, Lang: config.Chinese}
}

func gas(id, addr string) config.Entry {
	return config.Entry{ID: id, Profile: "gas", Address: addr, Zone: "k", Poll: "5s"}
}

func frag(channel string, entries ...config.Entry) config.Fragment {
	return config.Fragment{Channel: channel, Devices: entries}
}

// ids of the devices that the gateway would run, with their addresses.
func running(t *testing.T, s claim.Site) string {
	t.Helper()
	site, problems := config.Load(s.File, config.English)
	if site == nil {
		t.Fatal(problems)
	}
	var all []string
	for _, d := range site.Devices() {
		all = append(all, d.ID+"@"+d.Channel+"/"+d.Points[0].Address)
	}
	return strings.Join(all, " ")
}

func TestClaimProposesWritesAndTakesBack(t *testing.T) {
	s := newSite(t)
	before, _ := os.ReadFile(s.File)
	r, err := s.Claim(frag("rs485-1", gas("", "2"), gas("gas-7", "7")), "")
	if err != nil {
		t.Fatal(err)
	}
	if r.IDs[0] != "gas-2" || r.Names[0] != "厨房 燃气探测器 2" || filepath.Base(r.Written) != "claimed-rs485-1-2.yaml" {
		t.Errorf("%+v", r)
	}
	if got := running(t, s); got != "gas-1@rs485-1/1 gas-2@rs485-1/2 gas-7@rs485-1/7 valve-1@tcp/2" {
		t.Error(got)
	}
	for _, c := range []struct{ entry, want string }{
		{"gas-2 9", "设备 gas-2 重复（"}, {"gas-9 300", `Modbus 地址 "300" 无效`}, {"a,b 9", "id \"a,b\" 无效"},
	} {
		id, addr, _ := strings.Cut(c.entry, " ")
		_, err := s.Claim(frag("rs485-1", gas(id, addr)), "")
		var problems configs.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.entry, err)
		}
	}
	for _, addr := range []string{"1", "7", "007"} {
		_, err := s.Claim(frag("rs485-1", gas("", addr)), "")
		var no *claim.Refused
		id := "gas-" + strings.TrimLeft(addr, "0")
		if !errors.As(err, &no) || !strings.Contains(no.Text.ZH, "已是 "+id) || !strings.Contains(no.Text.ZH, "gateway claim --replace "+id) {
			t.Errorf("address %s: %v", addr, err)
		}
	}
	if _, err := s.Claim(frag("rs485-l", gas("", "9")), "new.yaml"); err == nil || !strings.Contains(err.Error(), `new.yaml:2:10: 没有总线 "rs485-l" (是不是 rs485-1？)`) {
		t.Errorf("%v", err)
	}
	if files, _ := os.ReadDir(filepath.Dir(r.Written)); len(files) != 1 {
		t.Errorf("a refused claim has left something: %v", files)
	}
	if r, err := s.Unclaim("gas-2"); err != nil || r.Written == "" {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := s.Unclaim("gas-7"); err != nil || r.Removed == "" {
		t.Errorf("%+v %v", r, err)
	}
	if got := running(t, s); got != "gas-1@rs485-1/1 valve-1@tcp/2" {
		t.Error(got)
	}
	if after, _ := os.ReadFile(s.File); string(after) != string(before) {
		t.Error("gateway.yaml was touched")
	}
}

func TestAReplacedMeterKeepsItsId(t *testing.T) {
	s := newSite(t)
	if _, err := s.Replace("gas-1", "1", "", ""); err == nil {
		t.Error("nothing changed, and that was done")
	}
	if _, err := s.Replace("gas-1", "5", "", ""); err != nil {
		t.Fatal(err)
	}
	if got := running(t, s); got != "valve-1@tcp/2" && got != "gas-1@rs485-1/5 valve-1@tcp/2" {
		t.Error(got)
	}
	if _, err := s.Replace("gas-1", "6", "", ""); err != nil { // now it stands in a fragment
		t.Fatal(err)
	}
	if got := running(t, s); got != "gas-1@rs485-1/6 valve-1@tcp/2" {
		t.Error(got)
	}
	if _, err := s.Claim(frag("rs485-1", gas("", "5")), ""); err != nil { // the address is free again
		t.Fatal(err)
	}
	if _, err := s.Replace("gas-1", "5", "", ""); err == nil || !strings.Contains(err.Error(), "地址 5 重复") {
		t.Errorf("%v", err)
	}
	if _, err := s.Unclaim("gas-1"); err != nil { // the old one is back
		t.Fatal(err)
	}
	if got := running(t, s); !strings.HasPrefix(got, "gas-1@rs485-1/1 ") {
		t.Error(got)
	}
	if _, err := s.Replace("gas-9", "5", "", ""); err == nil || !strings.Contains(err.Error(), "did you mean gas-") {
		t.Errorf("%v", err)
	}
}

func TestWhatOthersWroteStays(t *testing.T) {
	s := newSite(t)
	if _, err := s.Unclaim("gas-1"); err == nil || !strings.Contains(err.Error(), "site.yaml, which gateway claim did not write") {
		t.Errorf("%v", err)
	}
	dir := filepath.Join(filepath.Dir(s.File), "devices.d")
	own := filepath.Join(dir, "claimed-mine.yaml")
	if err := os.WriteFile(own, []byte("channel: rs485-1\ndevices: [{id: g, profile: gas, address: \"30\"}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unclaim("g"); err == nil {
		t.Error("a file written by hand was removed")
	}
	if _, err := s.Claim(frag("tcp", config.Entry{ID: "valve-2", Profile: "valve", Address: "9"}), ""); err != nil {
		t.Fatal(err)
	}
	// What gateway.yaml needs is not taken out, and a broken fragment can be.
	if err := os.WriteFile(s.File, []byte(strings.NewReplacer("../PROFILES", "profiles", "device: valve-1", "device: valve-2").Replace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unclaim("valve-2"); err == nil || !strings.Contains(err.Error(), `没有设备 "valve-2"`) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(own, []byte("channel: nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(frag("rs485-1", gas("", "8")), ""); err == nil || !strings.Contains(err.Error(), "claimed-mine.yaml:1:10") {
		t.Errorf("a claim beside a broken fragment: %v", err)
	}
}

func TestClaimsAtOnceGetIdsOfTheirOwn(t *testing.T) {
	s := newSite(t)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if _, err := s.Claim(frag("rs485-1", gas("", []string{"11", "12", "13", "14", "15", "11"}[i])), ""); err != nil && !strings.Contains(err.Error(), "11") {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := running(t, s); strings.Count(got, "gas-") != 6 {
		t.Error(got)
	}
}
