package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

const good = `site: {id: jinxiu, name: 锦绣花园, timezone: Asia/Shanghai}
gateway: gw-0142
profiles: profiles
cloud:
  url: mqtt://127.0.0.1:1883
status: {listen: 127.0.0.1:8080}
zones: [{id: k1802, name: 厨房}]
channels:
  - id: tcp-1
    driver: modbus-tcp
    address: 127.0.0.1:502
    devices:
      - id: A-03
        name: A-03 桩
        profile: station
        address: "3"
        zone: k1802
      - {id: valve-1, profile: io-valve, address: "9", poll: 1s}
      - {id: siren-1, profile: io-siren, address: "9"}
  - id: rs485-1
    driver: dlt645
    address: ttyS1
    baud: 2400
    parity: even
    devices:
      - id: m-1
        profile: meter
        address: "000000012345"
  - id: cams
    driver: rtsp
    devices:
      - {id: cam-1, profile: cam, address: rtsp://10.0.0.1/s, password_file: cam.password}
rules: one
`

// theRule is all that good has of rules: they are not what is looked at, and loading the shipped ones takes longer than all the rest.
const theRule = "rules:\n  - {id: R1, kind: valve, expr: open == 1, mode: notify-only, severity: C, title: {zh: 阀, en: valve}, message: {zh: 开, en: open}}\n"

// write puts a site and its neighbours into a folder.
func write(t testing.TB, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "profiles"), os.DirFS("testdata/profiles")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "site.yaml")
	if err := os.Mkdir(filepath.Join(dir, "one"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"site.yaml": text, "cam.password": "admin:s3cret@x\n", "one/rule.yaml": theRule} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestASiteIsResolved(t *testing.T) {
	site, problems := config.Load(write(t, good), config.English)
	if len(problems) > 0 || site == nil {
		t.Fatalf("problems:\n%v", problems)
	}
	devices := site.Devices()
	if len(devices) != 6 {
		t.Fatalf("%d devices", len(devices))
	}
	two := devices[1]
	if two.ID != "A-03.2" || two.Name != "A-03 桩 插座 2" || two.Poll != 5*time.Second || two.Channel != "tcp-1" || two.Zone != "k1802" {
		t.Errorf("second port: %+v", two)
	}
	where := map[string]uint32{}
	for _, p := range two.Points {
		where[p.Name] = p.Register.Addr
		if p.Device != "A-03.2" || p.Address != "3" {
			t.Errorf("point %+v", p)
		}
	}
	if want := fmt.Sprint(map[string]uint32{"power": 19, "temperature": 22, "relay": 1, "serial": 100}); fmt.Sprint(where) != want {
		t.Errorf("registers of the second port: %v, want %s", where, want)
	}
	if relay := two.Points[2]; !relay.Allows(1) || relay.Labels[1] != "接通" || relay.Register.Type != "bool" {
		t.Errorf("relay %+v", relay)
	}
	if temperature := two.Points[1]; temperature.Special[0x7FFF] != device.SensorFault {
		t.Errorf("temperature %+v", temperature)
	}
	if m := site.Channels[1]; m.Pause != 20*time.Millisecond || m.Serial.Parity != device.ParityEven || !filepath.IsAbs(m.Address) || m.Devices[0].Points[0].Register.Addr != 0x02030000 {
		t.Errorf("meter's channel %+v", m)
	}
	if cam := site.Channels[2].Devices[0].Points[0]; cam.Address != "rtsp://admin:s3cret%40x@10.0.0.1/s" {
		t.Errorf("camera's address %s", cam.Address)
	}
	if inv := site.Inventory; len(inv.Devices) != 8 || len(inv.Models) != 7 || len(inv.ConfigHash) != 16 || inv.Devices[2].PollMs != 5000 {
		t.Errorf("inventory %v", inv)
	}
	again, _ := config.Load(write(t, good+"# a remark\n"), config.English)
	if again.Inventory.ConfigHash == site.Inventory.ConfigHash {
		t.Error("another text, the same hash")
	}
}

// On a shared line a device has its own settings, or those its protocol is delivered with.
func TestASharedLine(t *testing.T) {
	text := strings.Replace(good, "driver: dlt645\n    address: ttyS1\n    baud: 2400\n    parity: even", "driver: serial\n    address: ttyS1", 1)
	text = strings.Replace(text, "      - id: m-1", "      - {id: u-1, profile: io-valve, address: \"9\"}\n      - {id: u-2, profile: io-valve, address: \"10\", baud: 19200}\n      - id: m-1", 1)
	site, problems := config.Load(write(t, text), config.English)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for i, want := range []string{"modbus", "modbus 19200 none", "dlt645 2400 even"} {
		p := site.Channels[1].Devices[i].Points[0]
		got := p.Protocol
		if p.Serial != nil {
			got += fmt.Sprintf(" %d %s", p.Serial.Baud, p.Serial.Parity)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", p.Device, got, want)
		}
	}
	if p := site.Channels[0].Devices[0].Points[0]; p.Protocol != "" || p.Serial != nil {
		t.Errorf("a channel of one protocol: %+v", p)
	}
}

func TestDeadbands(t *testing.T) {
	text := strings.Replace(good, "        zone: k1802\n", "        zone: k1802\n        points: {power: {deadband: 5, report: 2m}, relay: {deadband: 0}}\n", 1)
	text = strings.Replace(text, `address: "000000012345"`, `address: "000000012345"`+"\n        points: {power: {deadband: off}}", 1)
	file := write(t, text)
	for name, add := range map[string][2]string{"station.yaml": {"{name: power,", "{name: power, deadband: 1%, report: 1h,"}, "meter.yaml": {"{name: power,", "{name: power, deadband: 0.1,"}} {
		path := filepath.Join(filepath.Dir(file), "profiles", name)
		profile, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(profile), add[0], add[1], 1)
		if changed == string(profile) {
			t.Fatalf("%s has no %q", name, add[0])
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	site, problems := config.Load(file, config.English)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := map[device.Key]config.Reporting{
		{Device: "A-03.1", Point: "power"}: {Band: 5, Silence: 2 * time.Minute},
		{Device: "A-03.2", Point: "power"}: {Band: 5, Silence: 2 * time.Minute},
		{Device: "A-03.1", Point: "relay"}: {Silence: 10 * time.Minute},
		{Device: "A-03.2", Point: "relay"}: {Silence: 10 * time.Minute},
	}
	if fmt.Sprint(site.Reporting) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", site.Reporting, want)
	}
	for _, m := range site.Inventory.GetModels() {
		for _, p := range m.GetPoints() {
			want := map[string]uint32{"power": 120_000, "relay": 600_000}[p.GetName()]
			if m.GetName() != "station" {
				want = 0
			}
			if p.GetName() == "health" { // the gateway's own, told when it changes
				want = 660_000
			}
			if p.GetReportMs() != want {
				t.Errorf("%s.%s reports every %d ms", m.GetName(), p.GetName(), p.GetReportMs())
			}
		}
	}
}

// bad is a mistake: what is replaced in the good site, by what, and all that must be told.
type bad struct{ old, new, want string }

func mistakes() []bad {
	return []bad{
		{"gateway: gw-0142", "gatway: gw-0142", `site.yaml:2:1: unknown key "gatway" (did you mean "gateway"?)`},
		{"gw-0142", "GW_1", `site.yaml:2:10: gateway id "GW_1" is not usable (use 2 to 64 of a-z, 0-9 and -, starting with a letter or digit)`},
		{"id: jinxiu,", "id: 锦绣,", `site.yaml:1:12: site id "锦绣" is not usable (use 1 to 64 of a-z, 0-9 and -)`},
		{"Asia/Shanghai", "Asia/Shangai", `site.yaml:1:42: there is no time zone "Asia/Shangai" (such as Asia/Shanghai)`},
		{"profiles: profiles", "profiles: profile", `site.yaml:3:11: there is no folder profile (leave it empty for the shipped one)`},
		{"mqtt://127.0.0.1:1883", "http://x", `site.yaml:5:8: broker address is not usable (mqtts://host:8883)`},
		{"mqtt://127.0.0.1:1883", "mqtt://u:p@127.0.0.1", `site.yaml:5:8: no user or password in the address (log in by certificate: cert and key)`},
		{"mqtt://127.0.0.1:1883", "mqtt://10.0.0.1", `site.yaml:5:8: plain mqtt would leave this machine (mqtts://10.0.0.1:8883)`},
		{"mqtt://127.0.0.1:1883", "mqtts://x\n  cert: c.pem", `site.yaml:5:3: cert and key go together|site.yaml:6:9: there is no file `},
		{"status:", "sparkplug: {url: mqtt://10.0.0.1, group: a/b}\nstatus:",
			`site.yaml:6:18: plain mqtt would leave this machine (mqtts://10.0.0.1:8883)|site.yaml:6:42: group "a/b" is not usable (use 1 to 64 characters without / + # and spaces)`},
		{"listen: 127.0.0.1:8080", "listen: localhost", `site.yaml:6:18: "localhost" is no host:port (127.0.0.1:8080)`},
		{"listen: 127.0.0.1:8080", "password_file: no.password", `site.yaml:6:25: no.password cannot be read: no such file or directory`},
		{"status:", "outbox: {telemetry_quota: 512MegaB, events_quota: 1KiB, sync: 1}\nstatus:",
			`site.yaml:6:27: "512MegaB" is no size (write 512MiB or 2GiB)|site.yaml:6:51: 1KiB is too small (at least 1048576 bytes)|site.yaml:6:63: "1" is no duration (write 300ms, 5s or 6h)`},
		{"status:", "outbox: {linger: 500ms}\nstatus:", `site.yaml:6:18: 500ms is out of range (1s to 5m0s)`},
		{"        zone: k1802\n", "        points: {pwer: {deadband: 1}, power: {deadband: 1 W}, relay: {report: 5m}, serial: {deadband: 1, report: 0s}}\n",
			`site.yaml:17:57: deadband "1 W" is not usable (write 0.5 in the point's unit, or 2%)|site.yaml:17:25: profile station has no point "pwer" (did you mean power?)|` +
				`site.yaml:17:79: report does nothing without deadband (add deadband, or remove the line)|site.yaml:17:114: "0s" is no usable duration (longest silence, 1s to 24h, such as 10m)`},
		{"zones: [{id: k1802, name: 厨房}]", "zones: [{id: k1802}, {id: k1802}]", `site.yaml:7:27: zone k1802 is there twice`},
		{"driver: modbus-tcp", "driver: modbus-tpc", `site.yaml:10:13: there is no driver "modbus-tpc" (did you mean modbus-tcp?)`},
		{"address: 127.0.0.1:502", "address: 127.0.0.1", `site.yaml:11:14: "127.0.0.1" is no host:port (192.168.1.20:502)`},
		{"address: 127.0.0.1:502", "address: 127.0.0.1:502\n    baud: 9600", `site.yaml:12:11: modbus-tcp is no serial line (remove the line)`},
		{"baud: 2400", "baud: 2401", `site.yaml:23:11: baud 2401 is not usable (common are 2400, 4800, 9600, 19200 and 115200)`},
		{"baud: 2400", "baud: fast", `site.yaml:23:11: wants a whole number`},
		{"parity: even", "parity: Even", `site.yaml:24:13: parity "Even" is not usable (did you mean even?)`},
		{"parity: even", "stop_bits: 3", `site.yaml:24:16: stop_bits 3 is not usable (1`},
		{"address: ttyS1", "address: tcp://10.0.0.9", `site.yaml:22:14: "tcp://10.0.0.9" is no tcp://host:port (tcp://192.168.1.20:8899)`},
		{`address: "000000012345"`, "address: \"000000012345\"\n        baud: 9600", `site.yaml:29:15: devices of channel rs485-1 use its settings (set them on the channel, or use driver: serial)`},
		{"driver: dlt645\n    address: ttyS1\n    baud: 2400", "driver: serial\n    address: tcp://10.0.0.9:1\n    baud: 4800",
			`site.yaml:26:9: device m-1 speaks 2400 even, and the line behind the converter 4800 even: it cannot be switched (give it a converter of its own`},
		{"parity: even", "timeout: 5m\n    pause: -1s", `site.yaml:24:14: 5m is out of range (1ms to 1m0s)|site.yaml:25:12: -1s is out of range (0s to 10s)`},
		{"id: rs485-1", "id: tcp-1", `site.yaml:20:9: channel tcp-1 is there twice (first in line 9) (an id is unique in a site)`},
		{"id: m-1", "id: A-03", `site.yaml:26:13: device A-03 is there twice (first in line 13) (an id is unique in a site)`},
		{"id: m-1", "id: m.1", `site.yaml:26:13: device id "m.1" is not usable (use 1 to 40 letters, digits and -)`},
		{"id: m-1", "id: gateway", `site.yaml:26:13: device id "gateway" is not usable (gateway is the gateway itself)`},
		{"id: m-1", "id: site", `site.yaml:26:13: device id "site" is not usable (site is the site itself)`},
		{"id: m-1", "id: rs485-1", `site.yaml:20:9: channel rs485-1 has the id of a device (line 26) (an id is unique in a site)`},
		{"profile: meter", "profile: meters", `site.yaml:27:18: there is no profile "meters" (did you mean meter?)`},
		{"profile: meter", "profile: station", `site.yaml:27:18: profile station speaks modbus, which driver dlt645 does not (move the device to another channel, or change its driver)`},
		{`"000000012345"`, `000000012345`, `site.yaml:28:18: meter number "5349" has not 12 digits (write it in quotes: "000000012345")`},
		{`address: "000000012345"`, "address: \"000000012345\"\n        password_file: cam.password", `site.yaml:29:24: cam.password must hold operator:password, 8 digits each (2 for the password's level) (00000007:02123456)`},
		{`address: "3"`, `address: "248"`, `site.yaml:16:18: Modbus unit "248" is not usable (1–247)`},
		{`address: "3"`, `address: "9"`, `site.yaml:18:51: address 9 twice on channel tcp-1: A-03 (line 16) and valve-1|site.yaml:19:51: address 9 twice on channel tcp-1: A-03 (line 16) and siren-1`},
		{"zone: k1802", "zone: k1803", `site.yaml:17:15: there is no zone "k1803" (did you mean k1802?)`},
		{"poll: 1s}", "poll: fast}", `site.yaml:18:62: "fast" is no duration (write 300ms, 5s or 6h)`},
		{"rtsp://10.0.0.1/s", "rtsp://u:geheim@10.0.0.1/s", `site.yaml:32:44: no user or password in the address (use password_file)`},
		{"rtsp://10.0.0.1/s", "rtsp://u:%geheim@10.0.0.1/s", `site.yaml:32:44: camera address is not usable (rtsp://192.168.1.64/stream1)`},
		{"mqtt://127.0.0.1:1883", "mqtts://u:geheim@cloud.example", `site.yaml:5:8: no user or password in the address (log in by certificate: cert and key)`},
		{"cam.password}", "cam.password}\n      - {id: cam-2, profile: cam, address: rtsp://10.0.0.1/s, password_file: cam.password}",
			`site.yaml:33:44: address rtsp://***@10.0.0.1/s twice on channel cams: cam-1 (line 32) and cam-2`},
		{"profile: cam, address: rtsp://10.0.0.1/s", "profil: cam, address: rtsp://u:geheim@10.0.0.1/s", `site.yaml:32:21: unknown key "profil" (did you mean "profile"?)`},
		{"driver: rtsp\n", "driver: rtsp\n    address: x\n", `site.yaml:31:14: a channel of rtsp has no address of its own (the address stands with each device)`},
		{"driver: dlt645", "driver: plugin", `site.yaml:23:11: plugin is no serial line (remove the line)|site.yaml:22:14: a plug-in is named by its path, not looked for in PATH (./ttyS1)|site.yaml:27:18: profile meter speaks dlt645, which driver plugin does not (move the device to another channel, or change its driver)`},
		{"channels:", "overrides: {R99: {mode: armed}}\nchannels:", `site.yaml:8:19: R99: there is no such rule`},
		{"site: {", "site: &a {", `site.yaml:1:7: YAML anchors, aliases and tags are not used here (write the value out)`},
	}
}

func TestEveryMistakeHasItsMessage(t *testing.T) {
	for _, c := range mistakes() {
		t.Run(c.new, func(t *testing.T) {
			file := write(t, strings.Replace(good, c.old, c.new, 1))
			site, problems := config.Load(file, config.English)
			if site != nil && problems.Fatal() != nil {
				t.Error("a site was answered beside fatal problems")
			}
			got := strings.Split(strings.ReplaceAll(problems.Error(), filepath.Dir(file)+"/", ""), "\n")
			want := strings.Split(c.want, "|site")
			for i := range want[1:] {
				want[i+1] = "site" + want[i+1]
			}
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
					t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
				}
			}
			for _, p := range problems {
				if strings.Contains(p.Source+p.Message, "geheim") {
					t.Error("a password was printed:", p)
				}
			}
		})
	}
}

func TestAllMistakesAtOnceAndInChinese(t *testing.T) {
	text := strings.NewReplacer("parity: even", "parity: Even", "baud: 2400", "buad: 2400", `address: "3"`, `address: "9"`, "profile: cam", "profile: cmm").Replace(good)
	_, problems := config.Load(write(t, text), config.Chinese)
	want := []string{`没有 "buad" 这个键`, `总线 tcp-1 上地址 9 重复：A-03 (第 16 行) 与 valve-1`, `校验 "Even" 无效`, `没有型号 "cmm"`}
	for _, w := range want {
		if !strings.Contains(problems.Error(), w) {
			t.Errorf("not told: %s", w)
		}
	}
	if t.Failed() {
		t.Log(problems)
	}
}

func TestAPasswordFileThatOthersCanReadIsRefused(t *testing.T) {
	file := write(t, good)
	secret := filepath.Join(filepath.Dir(file), "cam.password")
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	_, problems := config.Load(file, config.English)
	if len(problems) != 1 || problems[0].Message != "cam.password has mode 0644: others can read it" || problems[0].Hint != "chmod 600 cam.password" {
		t.Fatal(problems)
	}
}

func TestMistakesOfAProfile(t *testing.T) {
	head := "model: m\ntitle: {zh: 表, en: m}\nkind: meter\nprotocol: modbus\nsource: test\n"
	point := head + "points:\n  - {name: power, at: holding 1%s}\n"
	cases := []struct{ name, text, want string }{
		{"source", strings.Replace(head, "source: test\n", "", 1) + "points: [{name: a, at: coil 0}]\n", "m.yaml:1:1: source is missing (where does the register map come from? No source, no profile)"},
		{"model", strings.Replace(head, "model: m", "model: n", 1) + "points: [{name: a, at: coil 0}]\n", `m.yaml:1:8: model is "n" but the file is named "m" (make them the same)`},
		{"kind", strings.Replace(head, "kind: meter", "kind: metre", 1) + "points: [{name: a, at: coil 0}]\n", `m.yaml:3:7: there is no kind "metre" (did you mean meter?)`},
		{"at", head + "points: [{name: a, at: holdng 1}]\n", `m.yaml:6:24: there is no space "holdng" (did you mean holding?)`},
		{"at form", head + "points: [{name: a, at: 40001}]\n", `m.yaml:6:24: at "40001" is not usable (such as "input 0x0003" (0-based))`},
		{"type", fmt.Sprintf(point, ", type: u23"), `m.yaml:7:40: there is no type "u23" (use u16 | i16`},
		{"swap", fmt.Sprintf(point, ", swap: true"), `m.yaml:7:40: swap is for types of 32 and 64 bits`},
		{"special of 64 bits", fmt.Sprintf(point, ", type: i64, special: {0x7FFFFFFFFFFFFFFF: sensor_fault}"), `m.yaml:7:55: special value 9223372036854775807 is beyond 2^53 and cannot be told exactly (let max or min keep it out)`},
		{"beyond, 64 bits", head + "points: [{name: a, at: holding 65533, type: u64}]\n", `m.yaml:6:24: address 65533 goes beyond 65535`},
		{"scale", fmt.Sprintf(point, ", scale: 0"), `m.yaml:7:41: scale cannot be 0`},
		{"special", fmt.Sprintf(point, ", special: {0xFFFF: brokn}"), `m.yaml:7:44: special value 65535: "brokn" is not usable`},
		{"range", fmt.Sprintf(point, ", min: 5, max: 1"), `m.yaml:7:39: min 5 is above max 1`},
		{"write", head + "points: [{name: a, at: input 1, write: [0]}]\n", `m.yaml:6:40: input is read-only (use coil or holding)`},
		{"write value", head + "points: [{name: a, at: coil 1, write: [0, 7]}]\n", `m.yaml:6:39: 7 is no value of a switch (0 | 1)`},
		{"hole", head + "holes: [[0, 9]]\npoints: [{name: a, at: holding 9}]\n", `m.yaml:7:24: address 9 lies in the hole 0–9`},
		{"twice", head + "points: [{name: a, at: coil 1}, {name: a, at: coil 2}]\n", `m.yaml:6:40: point a is there twice`},
		{"beyond", head + "ports: 2\nport_stride: 16\npoints: [{name: a, at: holding 65530}]\n", `m.yaml:8:24: address 65530 goes beyond 65535`},
		{"stride", head + "ports: 2\npoints: [{name: a, at: holding 1}]\n", `m.yaml:6:8: a device with ports needs port_stride (registers from one port to the next)`},
		{"map without is", fmt.Sprintf(point, ", map: [{bit: 1}]"), `m.yaml:7:41: is is missing ({bit: 5, is: 3} | `},
		{"map of two", fmt.Sprintf(point, ", map: [{bit: 1, raw: 2, is: 1}]"), `m.yaml:7:41: a line has one of bit, raw, from with to`},
		{"bit", fmt.Sprintf(point, ", type: lo8, map: [{bit: 8, is: 1}]"), `m.yaml:7:57: there is no bit 8 (0 is the lowest of 8)`},
		{"map range", fmt.Sprintf(point, ", map: [{from: 8, to: 1, is: 1}]"), `m.yaml:7:47: from 8 is above to 1`},
		{"map never reached", fmt.Sprintf(point, ", map: [{is: 0}, {bit: 8, is: 1}]"), `m.yaml:7:50: a line above takes all of this one`},
		{"map and scale", fmt.Sprintf(point, ", scale: 0.1, map: [{is: 0}]"), `m.yaml:7:51: a point with a map has no unit`},
		{"map of a plug-in", strings.Replace(head, "modbus", "own", 1) + "points: [{name: a, at: x, map: [{is: 0}]}]\n", `m.yaml:6:32: protocol own has no map`},
		{"status of a detector", strings.Replace(head, "kind: meter", "kind: gas", 1) + "points: [{name: status, at: holding 1, map: [{is: 4}]}]\n", `m.yaml:6:47: 4 is no status of kind gas`},
		{"health", head + "points: [{name: health, at: coil 1}]\n", `m.yaml:6:17: point name health is the gateway's own (choose another name)`},
		{"identifier", strings.Replace(head, "modbus", "dlt645", 1) + "points: [{name: a, at: 02 03 00, type: XX}]\n", `m.yaml:6:24: data identifier "02 03 00" is not usable`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			problems := config.CheckProfile("m.yaml", []byte(c.text), config.English)
			if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), c.want) {
				t.Fatalf("got\n%v\nwant\n%s", problems, c.want)
			}
		})
	}
}

// Every shipped profile and site must load.
func TestShippedFiles(t *testing.T) {
	profiles, err := filepath.Glob("../../../configs/profiles/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range profiles {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if problems := config.CheckProfile(file, data, config.English); len(problems) > 0 {
			t.Errorf("%v", problems)
		}
	}
	for _, file := range []string{"gateway.yaml", "demo/gateway.yaml", "demo/gateway2.yaml", "demo/bus-gateway.yaml"} {
		_, problems := config.Load("../../../configs/"+file, config.English)
		if problems.Fatal() != nil {
			t.Errorf("%v", problems.Fatal())
		}
	}
}

func FuzzProfile(f *testing.F) {
	data, err := os.ReadFile("testdata/profiles/station.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = config.CheckProfile("station.yaml", data, config.Chinese).Error()
	})
}

func FuzzSite(f *testing.F) {
	f.Add(good)
	for _, c := range mistakes() {
		f.Add(strings.Replace(good, c.old, c.new, 1))
	}
	file := write(f, good)
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		site, problems := config.Load(file, config.English)
		if (site == nil) != (problems.Fatal() != nil) {
			t.Fatalf("site %v beside %v", site, problems)
		}
	})
}
