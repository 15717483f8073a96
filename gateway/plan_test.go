package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// crowdedSite has two lines: one with thirty equal meters each second, one with room.
func crowdedSite(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var b strings.Builder
	b.WriteString("site: {id: test}\ngateway: gw-test\nstatus: {listen: \"127.0.0.1:0\"}\nchannels:\n")
	b.WriteString("  - id: rs485-1\n    driver: modbus-rtu\n    address: ttyS1\n    devices:\n")
	for i := 1; i <= 30; i++ {
		fmt.Fprintf(&b, "      - {id: shed-%d, profile: eastron-sdm120, address: \"%d\", poll: 1s}\n", i, i)
	}
	b.WriteString("  - id: rs485-2\n    driver: dlt645\n    address: ttyS2\n    devices:\n")
	b.WriteString("      - {id: meter-1, profile: dlt645-2007, address: \"000000012345\", poll: 10s}\n      - {id: meter-2, profile: dlt645-2007, address: \"000000012346\", poll: 15s}\n")
	b.WriteString("  - id: cameras\n    driver: rtsp\n    devices: [{id: cam-1, profile: generic-rtsp, address: \"rtsp://10.0.0.1/s\"}]\n")
	if err := os.WriteFile(filepath.Join(dir, "site.yaml"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPlan(t *testing.T) {
	dir := crowdedSite(t)
	for lang, words := range map[string][]string{
		"zh": {"rs485-1  modbus-rtu  9600 8N1  30 台", "排不下", "→ poll ≥ ", "shed-1…shed-30 ×30", "✓ 占用", "02 01 01 00", "请求同 meter-1", "驱动说不出请求"},
		"en": {"rs485-1  modbus-rtu  9600 8N1  30 devices", "more than it carries", "→ poll of ", "asked as meter-1", "cameras  rtsp  1 device\n"},
	} {
		code, out, errs := gateway(t, dir, lang, "plan", "site.yaml")
		if code != exitFinding {
			t.Errorf("%s: exit %d, %s", lang, code, errs)
		}
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("%s: %q is not in\n%s", lang, word, out)
			}
		}
		for line := range strings.SplitSeq(out, "\n") {
			if width(line) > 80 {
				t.Errorf("%s: %d columns: %s", lang, width(line), line)
			}
		}
	}
	if code, _, errs := gateway(t, dir, "en", "plan", "site.yaml", "--channel", "rs485-2"); code != exitOK || errs != "" {
		t.Errorf("the line with room: exit %d %s", code, errs)
	}
	if code, _, errs := gateway(t, dir, "en", "plan", "site.yaml", "--channel", "rs485-9"); code != exitUsage || !strings.Contains(errs, `no channel "rs485-9"`) {
		t.Errorf("a line that is not there: exit %d %s", code, errs)
	}
}

func TestPlanAsJSON(t *testing.T) {
	code, out, errs := gateway(t, crowdedSite(t), "en", "plan", "site.yaml", "--json")
	var plans []shownPlan
	if err := json.Unmarshal([]byte(out), &plans); err != nil || code != exitFinding || len(plans) != 3 {
		t.Fatalf("exit %d, %v %s\n%s", code, err, errs, out)
	}
	full, room, cameras := plans[0], plans[1], plans[2]
	if full.Verdict != planImpossible || full.Utilisation < 1 || full.Fit == nil || full.Fit.Poll < 2000 || len(full.Units) != 30 || full.Line != "9600 8N1" {
		t.Errorf("got %+v", full)
	}
	if room.Verdict != planFits || room.Fit != nil || room.Line != "2400 8E1" || len(room.Units) != 2 || room.Units[0].Devices[0] != "meter-1" || len(room.Units[0].Requests) != 6 {
		t.Errorf("got %+v", room)
	}
	if cameras.Verdict != planUnknown || cameras.Utilisation != 0 {
		t.Errorf("got %+v", cameras)
	}
}

// What six detectors that want 200 ms between two polls ask of a line: the pauses are theirs, and the line has room.
func TestPlanOfDevicesThatRest(t *testing.T) {
	dir, file := t.TempDir(), "site.yaml"
	site := func(poll string) {
		var b strings.Builder
		b.WriteString("site: {id: test}\ngateway: gw-test\nstatus: {listen: \"127.0.0.1:0\"}\nchannels:\n  - id: rs485-1\n    driver: modbus-rtu\n    address: ttyS1\n    devices:\n")
		for i := 1; i <= 6; i++ {
			fmt.Fprintf(&b, "      - {id: gas-%d, profile: fga1000, address: \"%d\", poll: %s}\n", i, i, poll)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		poll, lang string
		code       int
		want       string
	}{
		{"1s", "en", exitOK, `rs485-1  modbus-rtu  9600 8N1  6 devices
  █████░░░░░░░░░░░░░░░  ✓ used 25 %
  one round: 248 ms
  taken: devices answer 20 ms after a request (turnaround says otherwise)
  a silent device: 321 ms each attempt; of all together at most 5 % of the line

  device/request                       each  out+in bytes  takes  share
  gas-1…gas-6 ×6                         1s           8+9  41 ms   25 %
    rests 200ms, the line is free  ≥ 238 ms
    holding 0x0000–0x0001                             8+9  41 ms

`},
		{"1s", "zh", exitOK, "    每次后停 200ms，线路空出  ≥ 238 ms\n"},
		{"200ms", "zh", exitFinding, "✗ 占用 124 %，排不下"},
		{"230ms", "zh", exitFinding, "✗ 占用 108 %，排不下"},
	} {
		site(c.poll)
		if code, out, errs := gateway(t, dir, c.lang, "plan", file); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d %s, want %q in\n%s", c.poll, code, errs, c.want, out)
		}
	}
}
