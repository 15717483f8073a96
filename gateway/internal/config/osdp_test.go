package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/osdp"
	"github.com/linshao/linshao/gateway/internal/config"
)

const doors = `site: {id: jinxiu, name: 锦绣花园, card_key_file: card.key}
gateway: gw-0142
channels:
  - id: doors
    driver: osdp
    address: ttyS1
    devices:
      - {id: r-1, profile: osdp-reader, address: "0", password_file: own.key}
      - {id: d-1, profile: osdp-door, address: "0", password_file: own.key}
      - {id: r-2, profile: osdp-reader, address: "126", password_file: own.key, poll: 4s}
`

// writeDoors puts a site with OSDP devices and its keys into a folder.
func writeDoors(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"site.yaml": text, "own.key": "000102030405060708090A0b0c0d0e0f\n", "card.key": strings.Repeat("5a", 32),
		"default.key": "303132333435363738393a3b3c3d3e3f", "short.key": "00"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "site.yaml")
}

func TestDoorsAndReaders(t *testing.T) {
	site, problems := config.Load(writeDoors(t, doors), config.English)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := site.Channels[0]
	if c.Timeout != 200*time.Millisecond || c.Serial != (device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}) || len(c.Devices) != 3 {
		t.Errorf("channel %+v", c.Channel)
	}
	a, err := osdp.ParseAddress(c.Devices[2].Points[0].Address)
	if err != nil || a.Number != 126 || a.Key == nil || a.Key[15] != 15 || len(a.CardKey) != 32 || a.Install {
		t.Errorf("address %v, %v", a, err)
	}
	if c.Devices[0].Points[0].Address != c.Devices[1].Points[0].Address || c.Devices[0].Poll != 200*time.Millisecond || c.Devices[2].Poll != 4*time.Second {
		t.Error("two views of one device are read apart")
	}
	for _, d := range c.Devices {
		for _, p := range d.Points {
			if err := osdp.CheckPoint(p); err != nil {
				t.Error(err)
			}
		}
	}
	mixed := strings.Replace(doors, "driver: osdp", "driver: serial", 1) + "      - {id: m-1, profile: dlt645-2007, address: \"000000012345\"}\n"
	site, problems = config.Load(writeDoors(t, mixed), config.English)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if p := site.Channels[0].Devices[0].Points[0]; p.Protocol != "osdp" || p.Serial != nil {
		t.Errorf("on a shared line: %s %+v", p.Protocol, p.Serial)
	}
}

func TestMistakesWithDoors(t *testing.T) {
	for _, c := range []bad{
		{`"126"`, `"127"`, `site.yaml:10:50: OSDP address "127" is not usable (0–126)`},
		{", poll: 4s", ", poll: 5s", `site.yaml:10:87: 5s is out of range (100ms to 4s)`},
		{`address: "126", password_file: own.key`, `address: "126", password_file: short.key`, `site.yaml:10:72: short.key must hold 32 hexadecimal digits (openssl rand -hex 16)`},
		{`address: "126", password_file: own.key`, `address: "126", password_file: default.key`, `site.yaml:10:72: default.key holds the key that everybody knows (openssl rand -hex 16)`},
		{`address: "126", password_file: own.key`, `address: "126", password_file: default.key, install_mode: true`, `site.yaml:10:99: install mode: the key that everybody knows is accepted (remove the line when the device has its own)`},
		{`address: "126", password_file: own.key`, `address: "126"`, `site.yaml:10:10: device r-2 has no key and is spoken to in the clear (add password_file)`},
		{`osdp-door, address: "0", password_file: own.key`, `osdp-door, address: "0", password_file: own.key, install_mode: true`,
			`site.yaml:9:91: install mode: the key that everybody knows is accepted (remove the line when the device has its own)|site.yaml:9:68: r-1 and d-1 are one device and need the same key`},
		{"card_key_file: card.key", "card_key_file: short.key", `site.yaml:1:47: short.key must hold 64 hexadecimal digits (openssl rand -hex 32)`},
		{"card_key_file: card.key", "card_key_file: no.key", `site.yaml:1:47: no.key cannot be read: no such file or directory`},
		{", card_key_file: card.key", "", `site.yaml:8:28: the site has no card_key_file: cards are not told (add it to site)|site.yaml:10:28: the site has no card_key_file`},
		{"profile: osdp-door", "profile: linshao-door", `site.yaml:9:28: profile linshao-door speaks modbus, which driver osdp does not`},
	} {
		t.Run(c.new, func(t *testing.T) {
			file := writeDoors(t, strings.Replace(doors, c.old, c.new, 1))
			_, problems := config.Load(file, config.English)
			got := strings.Split(strings.ReplaceAll(problems.Error(), filepath.Dir(file)+"/", ""), "\n")
			want := strings.Split(c.want, "|")
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
					t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
				}
			}
		})
	}
	for point, want := range map[string]string{
		"{name: a, at: door 1}":                                "m.yaml:7:19: at \"door 1\" is not usable",
		"{name: a, at: output 0, type: pulse60, write: [1]}":   "m.yaml:7:35: not usable: point a: parse type \"pulse60\": pulse1 to pulse30 (switch | pulse5)",
		"{name: a, at: output 0, write: [1]}":                  "m.yaml:7:6: not usable: point a: what is written needs a type: switch or pulse5",
		"{name: a, at: output 0, type: switch, write: [0, 5]}": "m.yaml:7:35: not usable: point a: 5: not a state of it",
	} {
		text := "model: m\ntitle: {zh: 门, en: Door}\nkind: door\nprotocol: osdp\nsource: test\npoints:\n  - " + point + "\n"
		problems := config.CheckProfile("m.yaml", []byte(text), config.English)
		if len(problems) == 0 || !strings.HasPrefix(problems[0].Error(), want) {
			t.Errorf("%s: %v", point, problems)
		}
	}
}
