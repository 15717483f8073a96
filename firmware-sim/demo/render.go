package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// render writes the programs' configurations into the demo's folder: the files of configs/demo, whose fixed addresses
// make way for those that were free. A file that lacks one of them is a mistake in that file.
func (d *Demo) render(configs string, f field, a addresses) error {
	plug := d.Plug.Addr()
	files := map[string][][2]string{
		"cloud.yaml": {{"127.0.0.1:7080", a.http}, {"127.0.0.1:1883", a.mqtt}},
		"gateway.yaml": {
			{"127.0.0.1:1502", f.Endpoints["modbus-tcp"]}, {"demo/rs485-1", f.Endpoints["rs485-1"]}, {"demo/rs485-2", f.Endpoints["rs485-2"]},
			{"rtsp://127.0.0.1:8554/cam-1", f.Endpoints["cam-1"]}, {"127.0.0.1:1883", plug}, {"127.0.0.1:8081", a.status},
		},
		"gateway2.yaml": {{"127.0.0.1:1502", f.Endpoints["modbus-tcp"]}, {"127.0.0.1:1883", plug}, {"127.0.0.1:8082", a.status2}},
	}
	for name, changes := range files {
		text, err := os.ReadFile(filepath.Join(configs, name))
		if err != nil {
			return fmt.Errorf("read demo configuration: %w", err)
		}
		s := string(text)
		for _, change := range changes {
			if !strings.Contains(s, change[0]) {
				return fmt.Errorf("%s/%s does not name %s, which the demo replaces by a free address", configs, name, change[0])
			}
			s = strings.ReplaceAll(s, change[0], change[1])
		}
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(s), 0o600); err != nil {
			return fmt.Errorf("write demo configuration: %w", err)
		}
	}
	return nil
}
