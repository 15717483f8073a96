package names_test

import (
	"io/fs"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/names"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whoever adds a profile names its points: no installer reads "fault_code" between Chinese words.
func TestEveryPointOfAShippedProfileHasAChineseName(t *testing.T) {
	name, seen := regexp.MustCompile(`(?m)^\s+- (?:\{)?name: "?([a-z0-9_]+)`), 0
	err := fs.WalkDir(configs.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !regexp.MustCompile(`^profiles/.*\.yaml$`).MatchString(path) {
			return err
		}
		text, err := fs.ReadFile(configs.FS, path)
		for _, found := range name.FindAllSubmatch(text, -1) {
			seen++
			if point := string(found[1]); !regexp.MustCompile(`\p{Han}`).MatchString(names.Point(point, config.Chinese)) {
				t.Errorf("%s: %s has no Chinese name", path, point)
			}
		}
		return err
	})
	if err != nil || seen < 300 {
		t.Fatal(seen, err)
	}
	if got := names.Point("power_factor", config.English); got != "power factor" {
		t.Error(got)
	}
}

func TestValuesAreSaidForPeople(t *testing.T) {
	for _, c := range []struct {
		unit  string
		value float64
		want  string
	}{{"V", 230.0617, "230.1 V"}, {"A", 1.7695, "1.77 A"}, {"W", 521.5099, "521.5 W"}, {"W", 521, "521 W"}, {"s", -0.0004, "0 秒"}, {"", 0.96, "0.96"}, {"kWh", 48216.582, "48216.58 kWh"},
		{"%LEL", 62.5, "62.5 %LEL"}, {"1/s", 10.04, "10 帧/秒"}} {
		if got := names.Value(device.Point{Unit: c.unit}, c.value, config.Chinese); got != c.want {
			t.Errorf("%v %s: %q", c.value, c.unit, got)
		}
	}
	relay := device.Point{Labels: map[int64]string{1: "接通"}, LabelsEN: map[int64]string{1: "on"}}
	if got := names.Value(relay, 1, config.English); got != "on" {
		t.Error(got)
	}
	if got := names.Value(device.Point{Labels: map[int64]string{1: "接通"}}, 1, config.English); got != "接通" {
		t.Error("of a driver that knows no English:", got)
	}
	if got := names.Value(relay, 1, config.Chinese); got != "接通" {
		t.Error(got)
	}
	if got := names.Value(relay, math.Pi, config.English); got != "3.142" {
		t.Error(got)
	}
}

func TestSpansAndAges(t *testing.T) {
	for _, c := range []struct {
		d           time.Duration
		zh, en, ago string
	}{{0, "0 秒", "0 s", "now"}, {59 * time.Second, "59 秒", "59 s", "59 s ago"}, {138 * time.Second, "2 分 18 秒", "2 min 18 s", "2 min 18 s ago"},
		{5 * time.Minute, "5 分钟", "5 min", "5 min ago"}, {3 * time.Hour, "3 小时", "3 h", "3 h ago"}, {26*time.Hour + 59*time.Minute, "1 天 2 小时", "1 d 2 h", "1 d 2 h ago"}, {-time.Second, "0 秒", "0 s", "now"}} {
		if zh, en, ago := names.Span(c.d, config.Chinese), names.Span(c.d, config.English), names.Ago(c.d, config.English); zh != c.zh || en != c.en || ago != c.ago {
			t.Errorf("%v: %q %q %q", c.d, zh, en, ago)
		}
	}
	if got := names.Ago(3*time.Second, config.Chinese); got != "3 秒前" {
		t.Error(got)
	}
}
