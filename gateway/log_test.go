package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// fill writes records of a stream to a folder, as a gateway does, and answers the folder.
func fill(t *testing.T, stream uint32, records ...[]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), wire.StreamName(stream))
	log, err := outbox.Open(outbox.Config{Dir: dir, Stream: stream, Quota: 1 << 20, Boot: 7})
	if err != nil {
		t.Fatal(err)
	}
	typ := uint32(wire.TypeReadings)
	if stream == wire.StreamEvents {
		typ = wire.TypeEvent
	}
	for _, payload := range records {
		if _, err := log.Append(typ, time.UnixMilli(1795000000000), wire.ClockSynced, payload); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readings(t *testing.T) []byte {
	t.Helper()
	encoder, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1795000000123)
	payload, err := encoder.Encode([]device.Reading{
		{Device: "gas-1", Point: "level", Value: 7, Quality: device.Good, Time: at},
		{Device: "gas-1", Point: "status", Value: math.NaN(), Quality: device.Bad, Reason: device.Timeout, Time: at},
	})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func event(t *testing.T, n uint32) []byte {
	t.Helper()
	payload, err := proto.Marshal(&wire.Event{Kind: &wire.Event_Boot{Boot: &wire.Boot{Boot: n, Version: "test"}}})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// contents are the files of a folder, to see that nothing was changed.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(file + "\n" + string(data))
	}
	return all.String()
}

func TestLogInspect(t *testing.T) {
	dir := fill(t, wire.StreamEvents, event(t, 1), event(t, 2), event(t, 3))
	before := contents(t, dir)
	code, out, errs := gateway(t, t.TempDir(), "en", "log", "inspect", dir)
	if code != exitOK || !strings.HasPrefix(out, "events  epoch ") || !strings.Contains(out, "  records 1–3 (3, ") ||
		!strings.Contains(out, "acknowledged to 0\n") || strings.Contains(out, "damaged") || strings.Contains(out, "missing") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	if contents(t, dir) != before {
		t.Error("the log was changed")
	}
}

func TestLogInspectAsJSON(t *testing.T) {
	code, out, errs := gateway(t, t.TempDir(), "en", "log", "inspect", "--json", fill(t, wire.StreamTelemetry, readings(t), []byte("no readings")))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || len(lines) != 2 {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	want := `"boot":7,"wall_ms":1795000000000,"readings":[{"device":"gas-1","point":"level","value":7,"quality":"good","at":1795000000123},` +
		`{"device":"gas-1","point":"status","value":null,"quality":"bad","reason":"timeout","at":1795000000123}]}`
	if !strings.HasPrefix(lines[0], `{"seq":1,`) || !strings.HasSuffix(lines[0], want) {
		t.Errorf("got  %s\nwant …%s", lines[0], want)
	}
	var second struct {
		Seq     uint64
		Problem string
	}
	if err := json.Unmarshal([]byte(lines[1]), &second); err != nil || second.Seq != 2 || second.Problem == "" {
		t.Errorf("a payload that cannot be read: %v %s", err, lines[1])
	}
	code, out, _ = gateway(t, t.TempDir(), "en", "log", "inspect", "--json", fill(t, wire.StreamEvents, event(t, 4)))
	var line struct {
		Seq   uint64
		Event struct{ Boot struct{ Boot uint32 } }
	}
	if err := json.Unmarshal([]byte(out), &line); err != nil || code != exitOK || line.Seq != 1 || line.Event.Boot.Boot != 4 {
		t.Errorf("%d %v\n%s", code, err, out)
	}
}

func TestLogInspectFindsDamage(t *testing.T) {
	dir := fill(t, wire.StreamEvents, event(t, 1), event(t, 2), event(t, 3))
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	data, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(data), string(event(t, 2)))
	if at < 0 {
		t.Fatal("the second record is not in the segment")
	}
	data[at] ^= 0xFF
	if err := os.WriteFile(segments[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := gateway(t, t.TempDir(), "en", "log", "inspect", dir)
	if code != exitFinding || !strings.Contains(out, "missing 2–2: damaged") || !strings.Contains(out, "bytes damaged") {
		t.Errorf("%d\n%s", code, out)
	}
	code, out, _ = gateway(t, t.TempDir(), "en", "log", "inspect", "--json", dir)
	if code != exitFinding || strings.Count(out, `"seq":`) != 2 || !strings.Contains(out, `{"seq":3,`) {
		t.Errorf("%d\n%s", code, out)
	}
}

func TestLogInspectOfNothing(t *testing.T) {
	dir := t.TempDir()
	if code, out, errs := gateway(t, dir, "en", "log", "inspect", "none"); code != exitUsage || !strings.Contains(errs, "none") {
		t.Errorf("a folder that is not there: %d\n%s%s", code, out, errs)
	}
	if code, out, errs := gateway(t, dir, "en", "log", "inspect", "."); code != exitDevice || out != "" || !strings.Contains(errs, "no log in ") {
		t.Errorf("an empty folder: %d\n%s%s", code, out, errs)
	}
}
