package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Ready tells whoever started the simulator where everything is. It is written in one piece once all ports are open.
type Ready struct {
	T0        int64             `json:"t0"`                // origin of the simulated clock, Unix ms
	BeginMs   int64             `json:"begin_ms"`          // the play begins at t0 + begin_ms
	Warp      float64           `json:"warp"`              // and runs so fast until it meets real time
	Present   int64             `json:"present"`           // when it does, Unix ms
	Control   string            `json:"control"`           // "http://127.0.0.1:port"
	Endpoints map[string]string `json:"endpoints"`         // channel → "host:port" or path; camera → URL
	Devices   []BenchDevice     `json:"devices,omitempty"` // bench only
}

// BenchDevice is where one register file answers.
type BenchDevice struct {
	ID      string `json:"id"`
	Address string `json:"address"` // "host:port"
	Unit    int    `json:"unit"`
}

// write puts the file in place in one step, so that a reader never sees half of it. An empty path writes nothing.
func (r Ready) write(path string) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode ready file: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".ready-*")
	if err != nil {
		return fmt.Errorf("write ready file: %w", err)
	}
	_, err = tmp.Write(append(data, '\n'))
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("write ready file: %w", err)
	}
	return nil
}
