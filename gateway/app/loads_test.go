package app_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/bustime"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// meters is a site with two meters on a line at 2400 baud.
func meters() *config.Site {
	ch := config.Channel{Channel: device.Channel{ID: "rs485-2", Driver: config.DriverDLT645, Address: "ttyS2", Timeout: time.Second,
		Serial: device.Serial{Baud: 2400, Parity: device.ParityEven, StopBits: 1}}}
	for id, address := range map[string]string{"m-1": "000000000001", "m-2": "000000000002"} {
		ch.Devices = append(ch.Devices, device.Device{ID: id, Poll: time.Second, Points: []device.Point{
			{Device: id, Name: "voltage", Address: address, Register: device.Register{Addr: 0x02010100, Type: "XXX.X"}}}})
	}
	return &config.Site{Channels: []config.Channel{ch}}
}

// gauges are a registry's gauges by name, of the only channel.
func gauges(t *testing.T, r prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			all[f.GetName()+"/"+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	return all
}

// How busy a line is, is said of the last minute: what was before does not count any more.
func TestALineIsAsBusyAsInTheLastMinute(t *testing.T) {
	registry := prometheus.NewRegistry()
	l := app.NewLoads(meters(), registry)
	now := time.Unix(1e9, 0)
	stats := poll.Stats{Units: []poll.UnitStats{{Devices: []string{"m-1"}}, {Devices: []string{"m-2.1", "m-2.2"}}, {Devices: []string{"idle"}}}}
	spend := func(first, second time.Duration) {
		now = now.Add(config.HealthEvery)
		stats.Units[0].Busy += first
		stats.Units[1].Busy += second
		stats.Busy += first + second
		l.Note(now, stats)
	}
	l.Note(now, stats)
	if busy, eaters := l.Busy(stats); busy != 0 || eaters != nil {
		t.Errorf("at the start: %v %v", busy, eaters)
	}
	spend(9*time.Second, time.Second/2)
	if busy, _ := l.Busy(stats); math.Abs(busy-.95) > 1e-9 {
		t.Errorf("after ten seconds: %v", busy)
	}
	for range 6 {
		spend(time.Second, 3*time.Second)
	}
	busy, eaters := l.Busy(stats)
	if math.Abs(busy-.4) > 1e-9 || len(eaters) != 2 || eaters[0].Name != "m-2" || math.Abs(eaters[0].Share-.3) > 1e-9 || math.Abs(eaters[1].Share-.1) > 1e-9 {
		t.Errorf("after a minute: %v %v", busy, eaters)
	}
	got, want := gauges(t, registry), meters().Channels[0].Plan().Utilisation
	if math.Abs(got["linshao_channel_utilisation_ratio/rs485-2"]-.4) > 1e-9 || math.Abs(got["linshao_channel_plan_ratio/rs485-2"]-want) > 1e-9 || want <= 0 {
		t.Errorf("metrics: %v, planned %v", got, want)
	}
}

// People are told why a line is late: because too much is configured, or because of the devices.
func TestTheNoticeSaysWhy(t *testing.T) {
	o := poll.Overload{Over: true, Stretch: 2.37, Eaters: []poll.Eater{{Devices: []string{"A-03.1", "A-03.2"}, Share: .4}, {Devices: []string{"m-1"}, Share: .1}}}
	full := app.OverloadText(bustime.Plan{Channel: "rs485-1", Known: true, Serial: &device.Serial{Baud: 9600}, Utilisation: 2.4}, o)
	if full.ZH != "总线 rs485-1 读不过来：周期拉长到 2.4 倍；占用最多：A-03 40 %、m-1 10 %。按配置要占 240 %，见 gateway plan" ||
		!strings.HasSuffix(full.EN, "used most by A-03 40 %, m-1 10 %. As configured it needs 240 % of its time, see gateway plan") {
		t.Errorf("got %+v", full)
	}
	slow := app.OverloadText(bustime.Plan{Channel: "rs485-1", Known: true, Utilisation: .3}, o)
	if !strings.HasSuffix(slow.ZH, "按配置只占 30 %：有设备应答慢或不应答，查 gateway doctor") {
		t.Errorf("got %+v", slow)
	}
	if other := app.OverloadText(bustime.Plan{Channel: "cams"}, o); strings.Contains(other.ZH, "按配置") {
		t.Errorf("got %+v", other)
	}
}

// An overloaded line is a notice in the events log, and on the page until it keeps up again.
func TestAnOverloadedLineIsTold(t *testing.T) {
	dir := t.TempDir()
	k := &kitchen{}
	s := site(t, dir, k.serve(t))
	g := start(t, app.Config{Site: s})
	eventually(t, "the detector is read", func() bool { reads, _, _ := k.state(); return reads > 2 })
	at := g.Overloaded("tcp", poll.Overload{Over: true, Stretch: 3})
	if len(at) != 1 || !at[0].Over || !at[0].Planned || at[0].Plan <= 0 {
		t.Errorf("got %+v", at)
	}
	if _, page := g.get(t, "/", "zh-CN"); !strings.Contains(page, "读不过来，周期拉长到 3.0 倍") {
		t.Error("the page does not say so")
	}
	if _, text := g.get(t, "/metrics", ""); !strings.Contains(text, `linshao_channel_plan_ratio{channel="tcp"}`) || !strings.Contains(text, `linshao_channel_utilisation_ratio{channel="tcp"}`) ||
		!strings.Contains(text, `linshao_device_busy_seconds_total{channel="tcp",device="gas-1"}`) {
		t.Error("metrics are missing")
	}
	if at := g.Overloaded("tcp", poll.Overload{}); at[0].Over {
		t.Error("it is still shown as overloaded")
	}
	g.stop()
	if got := strings.Join(events(t, dir), ", "); !strings.Contains(got, "line_overloaded : 总线 tcp 读不过来：周期拉长到 3.0 倍。按配置只占 ") || !strings.Contains(got, "line_keeps_up : 总线 tcp 又能按周期读完") {
		t.Errorf("events: %s", got)
	}
}
