package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/ascii"
	"github.com/linshao/linshao/drivers/serial/osdp"
	"github.com/linshao/linshao/gateway/internal/config"
)

const gate = `site: {id: jinxiu, name: 锦绣花园, card_key_file: card.key}
gateway: gw-0142
channels:
  - id: gate
    driver: ascii
    address: ttyS1
    devices:
      - {id: r-1, profile: generic-ascii-reader}
`

func TestAReaderOfText(t *testing.T) {
	site, problems := config.Load(writeDoors(t, gate), config.English)
	if site == nil {
		t.Fatal(problems)
	}
	c := site.Channels[0]
	if c.Serial != (device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}) || len(c.Devices[0].Points) != 4 {
		t.Errorf("channel %+v", c)
	}
	for _, p := range c.Devices[0].Points {
		a, err := osdp.ParseAddress(p.Address)
		if err != nil || len(a.CardKey) != 32 || ascii.CheckPoint(p) != nil {
			t.Errorf("%s: %v, %v", p.Name, err, ascii.CheckPoint(p))
		}
	}
}

func TestMistakesWithReadersOfText(t *testing.T) {
	for _, c := range []bad{
		{"driver: ascii", "driver: serial", `site.yaml:8:28: profile generic-ascii-reader speaks ascii, which driver serial does not`},
		{"reader}\n", "reader}\n      - {id: r-2, profile: generic-ascii-reader}\n", `site.yaml:9:10: address 0 twice on channel gate: r-1 (line 8) and r-2`},
		{"reader}", "reader, poll: 2s}", `site.yaml:8:56: 2s is out of range (100ms to 1s)`},
		{"reader}", `reader, address: "1"}`, `ascii has no addresses: one device of it on a line`},
		{", card_key_file: card.key", "", `the site has no card_key_file: cards are not told`},
	} {
		file := writeDoors(t, strings.Replace(gate, c.old, c.new, 1))
		_, problems := config.Load(file, config.English)
		if got := strings.ReplaceAll(problems.Error(), filepath.Dir(file)+"/", ""); !strings.Contains(got, c.want) {
			t.Errorf("%s\n  got  %s\n  want %s", c.new, got, c.want)
		}
	}
	const head = "model: m\ntitle: {zh: 读卡器, en: Reader}\nkind: reader\nprotocol: ascii\nsource: test\n"
	for text, want := range map[string]string{
		"points: [{name: card, at: card}]\n": "ascii is missing",
		"ascii: {frame: '(?P<card>.*)', end: \";\", value: hex}\npoints: [{name: card, at: facility}]\n":             `m.yaml:7:27: at "facility" is not usable`,
		"ascii: {frame: '(?P<card>.*)', end: \";\", value: hex}\npoints: [{name: card, at: card, write: [1]}]\n":     "hears nothing",
		"ascii: {frame: '(?P<card>.*)', end: \";\", value: hex}\npoints: [{name: card, at: card, type: u16}]\n":      "a point of ascii has no type",
		"ascii: {frame: '(?P<number>.*)', end: \";\", value: hex}\npoints: [{name: card, at: card}]\n":               "m.yaml:6:16: not usable: frame: the expression has no group",
		"ascii: {frame: '(?P<card>.*)', end: \";\", value: hex, check: crc}\npoints: [{name: card, at: card}]\n":     "not usable: check:",
		"ascii: {frame: '(?P<card>.*)', end: \";\", value: hex, facility: true}\npoints: [{name: card, at: card}]\n": "facility",
	} {
		if problems := config.CheckProfile("m.yaml", []byte(head+text), config.English); !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: %v, want %s", text, problems, want)
		}
	}
	modbus := strings.Replace(head, "ascii", "modbus", 1) + "ascii: {frame: '(?P<card>.*)', end: \";\", value: hex}\npoints: [{name: a, at: holding 0}]\n"
	if problems := config.CheckProfile("m.yaml", []byte(modbus), config.English); !strings.Contains(problems.Error(), "modbus has no ascii") {
		t.Errorf("%v", problems)
	}
}
