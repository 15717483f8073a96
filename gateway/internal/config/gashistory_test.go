package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/gateway/internal/config"
)

const gasLogs = `site: {id: jinxiu, name: 锦绣花园}
gateway: gw-0142
zones: [{id: k, name: 厨房}]
channels:
  - id: log
    driver: gb15322
    address: ttyS1
    devices:
      - {id: log-1, profile: gb15322-gas-history, zone: k, labels: {detector: gas-1}}
  - id: bus
    driver: serial
    address: ttyS2
    devices:
      - {id: gas-1, profile: fga1000, address: "1", zone: k}
      - {id: log-2, profile: gb15322-gas-history, labels: {detector: gas-1}}
`

func TestLogsOfGasDetectors(t *testing.T) {
	site, problems := config.Load(writeDoors(t, gasLogs), config.English)
	if len(problems) > 0 && problems.Fatal() != nil {
		t.Fatal(problems)
	}
	c, bus := site.Channels[0], site.Channels[1]
	if c.Serial != gashistory.Settings() || c.Timeout != time.Second || len(c.Own) != 1 || c.Own[0].Key() != (device.Key{Device: "log-1", Point: "missed_alarms"}) {
		t.Errorf("channel %+v, own %+v", c.Channel, c.Own)
	}
	for _, p := range append(c.Devices[0].Points, bus.Devices[1].Points...) {
		if err := gashistory.CheckPoint(p); err != nil {
			t.Errorf("the driver is given %v", err)
		}
	}
	if p := bus.Devices[1].Points[0]; p.Protocol != "gb15322" || p.Serial == nil || *p.Serial != gashistory.Settings() || p.Address == "" {
		t.Errorf("on a shared line: %+v", p)
	}
	if all := site.Devices(); len(all[0].Points) != len(c.Devices[0].Points)+1 || all[0].Kind != config.LogKind {
		t.Errorf("as others see it: %+v", all[0])
	}
}

func TestMistakesWithLogsOfGasDetectors(t *testing.T) {
	for _, c := range []bad{
		{"gb15322-gas-history, zone: k, ", `gb15322-gas-history, address: "1", zone: k, `, `site.yaml:9:60: gb15322 has no addresses: one device of it on a line (remove the line)`},
		{"{detector: gas-1}}\n  - id: bus", "{detector: gas-2}}\n  - id: bus", `site.yaml:9:79: there is no gas detector "gas-2" (did you mean gas-1?)`},
		{"{detector: gas-1}}\n  - id: bus", "{detector: log-2}}\n  - id: bus", `site.yaml:9:79: there is no gas detector "log-2"`},
		{"  - id: bus\n", "      - {id: log-3, profile: gb15322-gas-history, zone: k}\n  - id: bus\n", `site.yaml:10:10: address only twice on channel log: log-1 (line 9) and log-3`},
		{"log-2, profile: gb15322-gas-history, labels: {detector: gas-1}", "log-2, profile: gb15322-gas-history", `site.yaml:15:10: log-2 does not say which detector's log it is: nothing can be compared with it (labels: {detector: the detector's id})`},
	} {
		file := writeDoors(t, strings.Replace(gasLogs, c.old, c.new, 1))
		_, problems := config.Load(file, config.English)
		got := strings.ReplaceAll(problems.Error(), filepath.Dir(file)+"/", "")
		if !strings.Contains(got, c.want) {
			t.Errorf("%s\n  got  %s\n  want %s", c.new, got, c.want)
		}
	}
	for at, want := range map[string]time.Duration{"": 3 * time.Hour, "off": -1, "23:30": 23*time.Hour + 30*time.Minute} {
		site, problems := config.Load(writeDoors(t, gasLogs+"audit: {at: \""+at+"\"}\n"), config.English)
		if site == nil || site.Audit != want {
			t.Errorf("audit at %q: %v %v", at, site, problems)
		}
	}
	if _, problems := config.Load(writeDoors(t, gasLogs+"audit: {at: \"25:00\"}\n"), config.English); !strings.Contains(problems.Error(), `site.yaml:16:13: "25:00" is no time of day (write 03:00, or off)`) {
		t.Errorf("a time that is none: %v", problems)
	}
	for point, want := range map[string]string{
		"{name: a, at: count smoke}":         `m.yaml:7:19: at "count smoke" is not usable`,
		"{name: a, at: expired, write: [0]}": `not usable: point a: a detector's log cannot be written`,
	} {
		text := "model: m\ntitle: {zh: 记录, en: Log}\nkind: gas_log\nprotocol: gb15322\nsource: test\npoints:\n  - " + point + "\n"
		if problems := config.CheckProfile("m.yaml", []byte(text), config.English); len(problems) == 0 || !strings.Contains(problems[0].Error(), want) {
			t.Errorf("%s: %v", point, problems)
		}
	}
}
