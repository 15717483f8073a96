package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// torn is a data folder with two logs; the end of the events log is cut in its last record.
func torn(t *testing.T) (data string) {
	t.Helper()
	events := fill(t, wire.StreamEvents, event(t, 1), event(t, 2), event(t, 3))
	data = filepath.Dir(events)
	telemetry := fill(t, wire.StreamTelemetry, readings(t))
	if err := os.Rename(telemetry, filepath.Join(data, "telemetry")); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(events, "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	info, err := os.Stat(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segments[0], info.Size()-2); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLogVerifyAndRepair(t *testing.T) {
	data := torn(t)
	events := filepath.Join(data, "events")
	before := contents(t, events)
	code, out, errs := gateway(t, t.TempDir(), "en", "log", "verify", data)
	if code != exitFinding || errs != "" {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	for _, want := range []string{"events  epoch ", "  2 records  ", "\nfile ", "a start would:\n  ", "\n  cut 0000000000000001.seg at ", "  go on with number 4\n", "damaged; ",
		"telemetry  epoch ", "\nintact\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if contents(t, events) != before {
		t.Error("the log was changed")
	}
	code, out, _ = gateway(t, t.TempDir(), "zh", "log", "verify", data)
	for _, want := range []string{"条  ", "文件 ", "网关启动时会：\n  ", "\n  把 0000000000000001.seg 从 ", "  从编号 4 继续\n", "有损坏", "完好"} {
		if code != exitFinding || !strings.Contains(out, want) {
			t.Errorf("%d: no %q in\n%s", code, want, out)
		}
	}

	running, err := outbox.Open(outbox.Config{Dir: filepath.Join(data, "telemetry"), Stream: wire.StreamTelemetry, Quota: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs = gateway(t, t.TempDir(), "en", "log", "repair", data)
	if code != exitDevice || !strings.Contains(errs, "is in use by a gateway") || !strings.Contains(out, "done:\n  ") || !strings.Contains(out, "\n  cut 0000000000000001.seg at ") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
	if code, out, errs = gateway(t, t.TempDir(), "en", "log", "verify", events); code != exitOK || !strings.Contains(out, "  go on with number 4\n") {
		t.Errorf("after the repair: %d\n%s%s", code, out, errs)
	}
	tails, err := filepath.Glob(filepath.Join(events, "quarantine", "*.tail"))
	if err != nil || len(tails) != 1 {
		t.Errorf("%v in quarantine, %v", tails, err)
	}
}

func TestLogVerifyAsJSON(t *testing.T) {
	code, out, errs := gateway(t, t.TempDir(), "en", "log", "verify", "--json", torn(t))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitFinding || len(lines) != 2 {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	type step struct{ Do string }
	var v struct {
		OK       bool
		Stream   string
		Records  uint64
		Next     uint64
		Segments []struct {
			File   string
			Damage [][2]int64
		}
		Steps []step
		Gaps  []struct{ First, Last uint64 }
	}
	if err := json.Unmarshal([]byte(lines[0]), &v); err != nil || v.OK || v.Stream != "events" || v.Records != 2 || v.Next != 4 ||
		len(v.Segments) != 1 || len(v.Segments[0].Damage) != 1 || !slices.Contains(v.Steps, step{"truncate"}) || len(v.Gaps) != 1 || v.Gaps[0].First != 3 {
		t.Errorf("%v %+v\n%s", err, v, out)
	}
	if code, _, errs = gateway(t, t.TempDir(), "zh", "log", "verify", t.TempDir()); code != exitDevice || !strings.Contains(errs, "没有日志") {
		t.Errorf("%d %s", code, errs)
	}
}
