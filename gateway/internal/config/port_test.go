package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/config"
)

func TestThePortThatChangesItsNumberHasALastingName(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"by-path", "by-id"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, port := range []string{"ttyUSB0", "ttyUSB1", "ttyUSB2"} {
		if err := os.WriteFile(filepath.Join(dir, port), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, port := range map[string]string{"by-id/usb-FTDI_A1": "ttyUSB0", "by-id/usb-FTDI_A2": "ttyUSB1", "by-path/usb-0:1.2": "ttyUSB1"} {
		if err := os.Symlink(filepath.Join("..", port), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for port, want := range map[string]string{"ttyUSB0": "by-id/usb-FTDI_A1", "ttyUSB1": "by-path/usb-0:1.2", "ttyUSB2": "", "ttyUSB3": ""} {
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if got := config.LastingName(dir, filepath.Join(dir, port)); got != want {
			t.Errorf("%s: got %q, want %q", port, got, want)
		}
	}
}

func TestAPortByItsNumberIsWarnedOf(t *testing.T) {
	for port, warned := range map[string]bool{"/dev/ttyUSB7": true, "/dev/ttyACM0": true, "/dev/ttyS1": false, "/dev/serial/by-path/usb-0:1.2": false, "tcp://192.168.1.20:8899": false} {
		dir := t.TempDir()
		file := filepath.Join(dir, "site.yaml")
		text := `site: {id: s, name: 小区, timezone: Asia/Shanghai}
gateway: gw
channels: [{id: rs485-1, driver: modbus-rtu, address: "` + port + `"}]
`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, problems := config.Load(file, config.Chinese)
		told := false
		for _, p := range problems {
			told = told || p.Warning && strings.Contains(p.Message, "编号") && strings.Contains(p.Hint, "/dev/serial/by-path/")
		}
		if s == nil || told != warned {
			t.Errorf("%s: %v", port, problems)
		}
	}
}
