package handover_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/handover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// compound is a site of n meters, one relay, and words that want to be markup.
func compound(t *testing.T, n int) *config.Site {
	t.Helper()
	var b strings.Builder
	b.WriteString("site: {id: t, name: \"锦绣<script>花园\"}\ngateway: gw-t\nzones: [{id: k, name: 厨房}]\nchannels:\n")
	for left, line := n, 1; left > 0; line++ {
		fmt.Fprintf(&b, "  - id: rs485-%d\n    driver: modbus-rtu\n    address: /dev/ttyS%d\n    devices:\n", line, line)
		for i := range min(left, 25) {
			fmt.Fprintf(&b, "      - {id: meter-%d-%d, name: \"%d 号表 <b>\", profile: eastron-sdm120, address: \"%d\", place: 地下车棚 %d 区, zone: k, poll: 60s}\n", line, i+1, i+1, i+1, line)
		}
		left -= min(left, 25)
	}
	b.WriteString("  - {id: tcp, driver: modbus-tcp, address: \"127.0.0.1:502\", devices: [{id: A-1, name: 桩, place: 车棚, profile: linshao-socket-2, address: \"3\"}]}\n")
	file := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	site, problems := config.Load(file, config.English)
	if site == nil {
		t.Fatal(problems)
	}
	return site
}

func known(site *config.Site) handover.Known {
	at := time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)
	k := handover.Known{At: at, Version: "v0.3.1", Readings: map[device.Key]device.Reading{}, Took: map[string]time.Duration{}, Tested: map[device.Key]time.Time{}}
	for _, d := range site.Devices() {
		k.Took[d.ID] = 31 * time.Millisecond
		for _, p := range d.Points {
			k.Readings[p.Key()] = device.Reading{Device: d.ID, Point: p.Name, Value: 230.5, Quality: device.Good, Time: at}
			if len(p.Writable) > 0 {
				k.Tested[p.Key()] = at
			}
		}
	}
	return k
}

func page(t *testing.T, s handover.Sheet) string {
	t.Helper()
	var b bytes.Buffer
	if err := handover.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestASheetWithoutProblems(t *testing.T) {
	site := compound(t, 3)
	s := handover.Make(site, known(site), config.Chinese)
	text := page(t, s)
	for _, want := range []string{"✓ 可以交付", "锦绣&lt;script&gt;花园", "1 号表 &lt;b&gt;", "9600 8N1", "占用率 ", "230.5 V", "14:30:00", "31 ms", "✓ 2026-11-22 14:30",
		site.Inventory.GetConfigHash(), site.Rules.Hash(), "物业接收（签字）", "5 / 5", "table-header-group", site.Maps["eastron-sdm120"][:20]} {
		if !strings.Contains(text, want) {
			t.Errorf("not on the sheet: %s", want)
		}
	}
	for _, never := range []string{"<script", "<b> ", "http-equiv", "src=", "不能交付", `class="bad"`} {
		if strings.Contains(text, never) {
			t.Errorf("on the sheet: %s", never)
		}
	}
	if english := page(t, handover.Make(site, known(site), config.English)); !strings.Contains(english, "Fit to be handed over") || strings.Contains(english, "交付") {
		t.Error("the English sheet is not English")
	}
}

func TestOpenProblemsForbidTheHandOver(t *testing.T) {
	site := compound(t, 2)
	k := known(site)
	for key, r := range k.Readings {
		if key.Device == "meter-1-2" {
			r.Value, r.Quality, r.Reason = math.NaN(), device.Bad, device.Timeout
			k.Readings[key] = r
		}
	}
	clear(k.Tested)
	k.Problems = []string{"告警 A 燃气 <i>"}
	s := handover.Make(site, k, config.Chinese)
	if len(s.Problems) != 4 {
		t.Errorf("%q", s.Problems)
	}
	text := page(t, s)
	for _, want := range []string{"▲ 不能交付：4 个问题未解决", "设备 meter-1-2（2 号表 &lt;b&gt;）没有一个好读数", "（继电器 · A-1.1）还没有动作测试", "告警 A 燃气 &lt;i&gt;", "无效：没有应答", "✗ 未测"} {
		if !strings.Contains(text, want) {
			t.Errorf("not on the sheet: %s", want)
		}
	}
	empty := handover.Make(site, handover.Known{At: k.At}, config.English)
	if len(empty.Problems) < 4 || !strings.Contains(page(t, empty), "no reading") {
		t.Error("a device that nobody has read passes")
	}
}

// SHEET=file keeps a sheet of 200 devices to be looked at.
func TestTwoHundredDevices(t *testing.T) {
	site := compound(t, 200)
	k := known(site)
	delete(k.Tested, device.Key{Device: "A-1.2", Point: "relay"})
	text := page(t, handover.Make(site, k, config.Chinese))
	if strings.Count(text, "<tr><td><b>") != 202 || len(text) > 1<<20 {
		t.Errorf("%d rows, %d bytes", strings.Count(text, "<tr><td><b>"), len(text))
	}
	if file := os.Getenv("SHEET"); file != "" {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
