package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// past is a gateway's folder, in use, with an hour of levels: one record a minute with a reading each 20 s. The last two
// minutes are in parts, the one before that in both.
func past(t *testing.T) (dir string, began time.Time) {
	t.Helper()
	dir = site(t, strings.Replace(small, "ADDRESS", "127.0.0.1:502", 1))
	logs := map[uint32]*outbox.Log{}
	for _, stream := range []uint32{wire.StreamTelemetry, wire.StreamParts} {
		l, err := outbox.Open(outbox.Config{Dir: filepath.Join(dir, "data", wire.StreamName(stream)), Stream: stream, Quota: 1 << 20, Segment: 1000, Sync: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		logs[stream] = l
	}
	encoder, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range 60 {
		var rs []device.Reading
		made := began.Add(time.Duration(i+1) * time.Minute)
		for j := range 3 {
			at := made.Add(time.Duration(20*j-60) * time.Second)
			rs = append(rs, device.Reading{Device: "gas-1", Point: "level", Value: float64(i), Quality: device.Good, Time: at},
				device.Reading{Device: "gas-1", Point: "status", Value: math.NaN(), Quality: device.Bad, Reason: device.Timeout, Time: at},
				device.Reading{Device: "valve-1", Point: "open", Value: 1, Quality: device.Good, Time: at})
		}
		payload, err := encoder.Encode(rs)
		if err != nil {
			t.Fatal(err)
		}
		for stream, in := range map[uint32]bool{wire.StreamTelemetry: i < 58, wire.StreamParts: i >= 57} {
			if in {
				if _, err := logs[stream].Append(wire.TypeReadings, made, wire.ClockSynced, payload); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return dir, began
}

func TestHistory(t *testing.T) {
	dir, began := past(t)
	code, out, errs := gateway(t, dir, "en", "history", "--config", "site.yaml", "--device", "gas-1", "--point", "level", "--csv")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || len(lines) != 181 || lines[0] != "time,device,point,value,unit,quality,reason" {
		t.Fatalf("%d, %d lines\n%s%s", code, len(lines), out, errs)
	}
	last := time.Time{}
	for i, line := range lines[1:] {
		at, rest, _ := strings.Cut(line, ",")
		got, err := time.Parse(time.RFC3339, at)
		if err != nil || !got.After(last) || !strings.HasPrefix(rest, "gas-1,level,") || !strings.HasSuffix(rest, ",good,") {
			t.Fatalf("line %d %v\n%s", i, err, line)
		}
		last = got
	}

	from := began.Add(30*time.Minute + 10*time.Second)
	code, out, errs = gateway(t, dir, "en", "history", "--config", "site.yaml", "--device", "gas-1", "--json",
		"--from", from.Format(time.RFC3339), "--to", from.Add(time.Minute).Format(time.RFC3339))
	if code != exitOK || strings.Count(out, `"point":"level","value":30,`) != 2 || strings.Count(out, `"value":31,`) != 1 ||
		strings.Count(out, `"point":"status","value":null,"quality":"bad","reason":"timeout"`) != 3 || strings.Contains(out, "valve-1") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	code, out, _ = gateway(t, dir, "en", "history", "--config", "site.yaml", "--device", "gas-1", "--from", "5m")
	if code != exitOK || !strings.Contains(out, "  status                           —         bad timeout\n") || !strings.Contains(out, "  level ") {
		t.Errorf("%d\n%s", code, out)
	}
}

func TestHistoryOfNothing(t *testing.T) {
	dir, _ := past(t)
	for want, args := range map[string][]string{
		"valve-9/open 这段时间没有记录":    {"--device", "valve-9", "--point", "open"},
		"看不懂时间 \"yesterday\"":      {"--device", "gas-1", "--from", "yesterday"},
		"gas-1 这段时间没有记录":           {"--device", "gas-1", "--from", "30d", "--to", "2d"},
		"里没有这台设备":                  {"--device", "valve-9"},
		"gas-1 没有点位 open，它有：level": {"--device", "gas-1", "--point", "open"},
		"--from 要早于 --to":          {"--device", "gas-1", "--from", "1h", "--to", "2h"},
		"can't be used together":   {"--device", "gas-1", "--csv", "--json"},
	} {
		code, out, errs := gateway(t, dir, "zh", append([]string{"history", "--config", "site.yaml"}, args...)...)
		if code == exitOK || !strings.Contains(errs, want) {
			t.Errorf("%d, want %s\n%s%s", code, want, out, errs)
		}
	}
	empty := site(t, strings.Replace(small, "ADDRESS", "127.0.0.1:502", 1))
	if code, _, errs := gateway(t, empty, "en", "history", "--config", "site.yaml", "--device", "gas-1"); code != exitDevice || !strings.Contains(errs, "telemetry") {
		t.Errorf("%d %s", code, errs)
	}
}
