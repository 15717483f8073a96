package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/configs"
)

// Merge says which alerts become one incident.
type Merge struct {
	Device    string            `yaml:"device"`
	Zone      string            `yaml:"zone"`
	Bus       string            `yaml:"bus"`
	Gateway   string            `yaml:"gateway"`
	Flood     string            `yaml:"flood"`
	FloodOver int               `yaml:"flood_over"`
	Quiet     string            `yaml:"quiet"`
	Dangers   map[string]string `yaml:"dangers"`

	merging incident.Merging
}

// mostWindow bounds the windows: what is further apart has another cause.
const mostWindow = 24 * time.Hour

func (c *checker) merge() {
	m := &c.cfg.Merge
	for _, w := range []struct {
		key, text, otherwise string
		to                   *time.Duration
	}{
		{"device", m.Device, "10m", &m.merging.Device}, {"zone", m.Zone, "5m", &m.merging.Zone}, {"bus", m.Bus, "2m", &m.merging.Bus},
		{"gateway", m.Gateway, "2m", &m.merging.Gateway}, {"flood", m.Flood, "10m", &m.merging.Flood}, {"quiet", m.Quiet, "30s", &m.merging.Quiet},
	} {
		if w.text == "" {
			w.text = w.otherwise
		}
		var err error
		if *w.to, err = time.ParseDuration(w.text); err != nil || *w.to < 0 || *w.to > mostWindow {
			c.wrong("$.merge."+w.key, fmt.Sprintf("%q is no time up to %v", w.text, mostWindow), "such as "+w.otherwise+"; 0s: never")
		}
	}
	if m.FloodOver == 0 {
		m.FloodOver = 10
	}
	if m.FloodOver < 2 || m.FloodOver > 1000 {
		c.wrong("$.merge.flood_over", fmt.Sprintf("%d alerts are no limit of a flood", m.FloodOver), "2 to 1000")
	}
	for rule, danger := range m.Dangers {
		if known := incident.Dangers(); !slices.Contains(known, danger) {
			hint := strings.Join(known, ", ")
			if near := configs.Nearest(danger, known); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			c.wrong("$.merge.dangers", fmt.Sprintf("rule %s cannot be about %q", rule, danger), hint)
		}
	}
	m.merging.FloodOver, m.merging.Dangers = m.FloodOver, m.Dangers
}
