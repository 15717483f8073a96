package status_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

// shed is a socket, a valve and a siren behind a real executor and a page.
func shed(t *testing.T) (*page, func(device.Key) float64, *action.Executor) {
	t.Helper()
	labels := map[int64]string{0: "断开", 1: "接通"}
	point := func(id, name string, l map[int64]string) device.Device {
		return device.Device{ID: id, Name: "名 " + id, Place: "地下车棚", Poll: time.Second, Points: []device.Point{{Device: id, Name: name, Writable: []float64{0, 1}, Labels: l}}}
	}
	devices := []device.Device{point("A-03.1", "relay", labels), point("valve-1", "open", map[int64]string{0: "已关", 1: "开"}), point("siren-1", "on", map[int64]string{0: "静", 1: "鸣响"})}
	for i, kind := range []string{"socket", "valve", "siren"} {
		devices[i].Kind = kind
	}
	var mu sync.Mutex
	values := map[device.Key]float64{}
	get := func(k device.Key) float64 { mu.Lock(); defer mu.Unlock(); return values[k] }
	x := action.New(action.Config{Devices: devices, Record: func(*wire.ActionResult) {},
		Write: func(_ context.Context, k device.Key, v float64) error {
			mu.Lock()
			defer mu.Unlock()
			values[k] = v
			return nil
		},
		Read: func(_ context.Context, k device.Key) (device.Reading, error) {
			return device.Reading{Value: get(k), Quality: device.Good}, nil
		}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	p := start(t, func(c *status.Config) {
		c.Devices, c.Outputs, c.Move, c.Release, c.User, c.Password = devices, x.Outputs, x.Ask, x.Release, "li", "s3cret"
	})
	return p, get, x
}

// post sends a form as the logged-in person.
func (p *page) post(t *testing.T, path, lang string, form url.Values, set func(*http.Request)) (int, string) {
	t.Helper()
	return p.do(t, "POST", path+"?"+form.Encode(), func(r *http.Request) {
		r.SetBasicAuth("li", "s3cret")
		r.Header.Set("Accept-Language", lang)
		if set != nil {
			set(r)
		}
	})
}

func TestAPersonMovesAndReleasesAnOutput(t *testing.T) {
	p, get, x := shed(t)
	siren := device.Key{Device: "siren-1", Point: "on"}
	form := url.Values{"device": {"siren-1"}, "point": {"on"}, "value": {"1"}, "for": {"10m"}}
	if code, text := p.post(t, "/outputs/move", "en", form, nil); code != 200 || !strings.Contains(text, "Done: 名 siren-1 鸣响") || get(siren) != 1 {
		t.Error(code, text)
	}
	if h := x.Outputs()[2].Holder; h == nil || h.Owner != action.Manual || h.Who != "li" || time.Until(h.Until) > 10*time.Minute {
		t.Errorf("%+v", h)
	}
	for lang, want := range map[string][]string{"zh": {"占用", "现场手动", "li", "解除占用", "地下车棚"}, "en": {"Held by", "local manual", "Release the hold"}} {
		_, text := p.do(t, "GET", "/outputs", func(r *http.Request) { r.SetBasicAuth("li", "s3cret"); r.Header.Set("Accept-Language", lang) })
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s lacks %q: %s", lang, w, text)
			}
		}
		if strings.Count(text, `value="valve-1"><input type="hidden" name="point" value="open"><input type="hidden" name="value" value="1"`) > 0 {
			t.Error("there is a button that opens the gas valve")
		}
	}
	if code, text := p.post(t, "/outputs/release", "en", form, nil); code != 200 || !strings.Contains(text, "Released") || x.Outputs()[2].Holder != nil {
		t.Error(code, text)
	}
	if code, _ := p.post(t, "/outputs/release", "en", form, nil); code != 409 {
		t.Error("released twice:", code)
	}
}

func TestAwayFromSafeNeedsTheDeviceTyped(t *testing.T) {
	p, get, x := shed(t)
	relay := device.Key{Device: "A-03.1", Point: "relay"}
	form := url.Values{"device": {"A-03.1"}, "point": {"relay"}, "value": {"1"}}
	if code, text := p.post(t, "/outputs/move", "zh", form, nil); code != 409 || !strings.Contains(text, "没有执行") || get(relay) != 0 {
		t.Error(code, text)
	}
	form.Set("confirm", "A-03.1")
	if code, text := p.post(t, "/outputs/move", "zh", form, nil); code != 409 || !strings.Contains(text, "网关刚启动") { // 30 s after the start
		t.Error(code, text)
	}
	x.Do(rules.AlertEvent{Alert: "R03/A-03.1/1", State: rules.Firing, Severity: rules.SeverityA, Forbids: []rules.Action{{Device: "A-03.1", Point: "relay", Value: 1}}})
	if code, text := p.post(t, "/outputs/move", "en", form, nil); code != 409 || !strings.Contains(text, "forbidden while alert R03/A-03.1/1 fires") {
		t.Error(code, text)
	}
	valve := url.Values{"device": {"valve-1"}, "point": {"open"}, "value": {"1"}, "confirm": {"valve-1"}}
	if code, text := p.post(t, "/outputs/move", "en", valve, nil); code != 409 || !strings.Contains(text, "never opened remotely") {
		t.Error(code, text)
	}
	for _, bad := range []url.Values{{"device": {"x"}, "point": {"on"}, "value": {"1"}}, {"device": {"A-03.1"}, "point": {"relay"}, "value": {"2"}}, {"device": {"A-03.1"}, "point": {"relay"}, "value": {"NaN"}}} {
		if code, _ := p.post(t, "/outputs/move", "en", bad, nil); code != 400 {
			t.Errorf("%v: %d", bad, code)
		}
	}
}

func TestWhoMayMoveOutputs(t *testing.T) {
	p, get, _ := shed(t)
	form := url.Values{"device": {"siren-1"}, "point": {"on"}, "value": {"1"}}
	if code, _ := p.post(t, "/outputs/move", "en", form, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); code != 403 {
		t.Error("from another page:", code)
	}
	if code, _ := p.post(t, "/outputs/move", "en", form, func(r *http.Request) { r.Header.Del("Authorization") }); code != 401 {
		t.Error("without log-in:", code)
	}
	if code, _ := p.do(t, "GET", "/outputs/move?"+form.Encode(), func(r *http.Request) { r.SetBasicAuth("li", "s3cret") }); code != 405 {
		t.Error("by GET:", code)
	}
	if get(device.Key{Device: "siren-1", Point: "on"}) != 0 {
		t.Error("moved")
	}
}
