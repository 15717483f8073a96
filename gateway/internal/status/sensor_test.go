package status_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

func TestThePageSaysHowFarADeviceCanBeTrusted(t *testing.T) {
	score, why := 60, []rules.Text{{ZH: "24 h 离线 40 %", EN: "offline 40 % of 24 h"}, {ZH: "时钟偏差超过 60 s", EN: "clock off by more than 60 s"}}
	known := true
	p := start(t, func(c *status.Config) {
		c.Sensor = func(string) (int, []rules.Text, bool) { return score, why, known }
	})
	page := func(lang string) string {
		_, text := p.do(t, "GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", lang) })
		return text
	}
	zh := page("zh")
	if want := `<p class="health ill"><small>可信度</small> 60 · 24 h 离线 40 % · 时钟偏差超过 60 s</p>`; !strings.Contains(zh, want) {
		t.Errorf("the page lacks %q", want)
	}
	if want := `<small>Trust</small> 60 · offline 40 % of 24 h · clock off by more than 60 s</p>`; !strings.Contains(page("en"), want) {
		t.Errorf("the page lacks %q", want)
	}
	score, why = 100, nil
	if want := `<p class="health"><small>Trust</small> 100</p>`; !strings.Contains(page("en"), want) {
		t.Errorf("the page lacks %q", want)
	}
	if known = false; strings.Contains(page("en"), `class="health`) {
		t.Error("a device of which nothing is known has a health")
	}
}
