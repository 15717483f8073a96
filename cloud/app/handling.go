package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// Handling is how incidents are handled: how long a step may take, what another person checks, who answers at each whistle.
type Handling struct {
	Limits   map[string]map[string]string `yaml:"limits"`
	Check    []string                     `yaml:"check"`
	Whistles map[int][]string             `yaml:"whistles"`

	limits incident.Limits
}

// handling checks the limits and fills in the defaults: a class that is named keeps those of its limits that it does not name.
func (c *checker) handling() {
	h := &c.cfg.Handling
	h.limits = incident.DefaultLimits()
	for class, steps := range h.Limits {
		if h.limits[class] == nil {
			c.wrong("$.handling.limits", fmt.Sprintf("unknown class %q", class), "A, B or C")
			continue
		}
		for step, text := range steps {
			at := "$.handling.limits." + class
			d, err := time.ParseDuration(text)
			switch {
			case !slices.Contains(incident.Due(), step):
				c.wrong(at, fmt.Sprintf("unknown step %q", step), strings.Join(incident.Due(), ", "))
			case err != nil || d < 0 || d > 365*24*time.Hour:
				c.wrong(at+"."+step, fmt.Sprintf("%q is no time limit", text), "such as 30m, 24h, or 0s for none")
			}
			h.limits[class][step] = d
		}
	}
	h.Limits = nil // all of it is in limits
	if h.Check == nil {
		h.Check = []string{"A"}
	}
	for _, class := range h.Check {
		if !slices.Contains([]string{"A", "B", "C"}, class) {
			c.wrong("$.handling.check", fmt.Sprintf("unknown class %q", class), "A, B or C")
		}
	}
	kinds := map[int][]string{2: {"街道", "镇", "乡"}, 3: {"区", "县", "市"}}
	maps.Copy(kinds, h.Whistles)
	for whistle := range kinds {
		if whistle < 1 || whistle > 3 {
			c.wrong("$.handling.whistles", fmt.Sprintf("unknown whistle %d", whistle), "1 常规, 2 联合, 3 攻坚")
		}
	}
	h.Whistles = kinds
}

// incidents is what the incidents' service needs.
func (a *App) incidents() incident.Config {
	h := a.cfg.Handling
	return incident.Config{DB: a.db, Merging: a.cfg.Merge.merging, Notifier: tellers{a.notify, a.dock}, Now: a.opt.Now, Zone: a.cfg.zone, Limits: h.limits, Check: h.Check, Whistles: h.Whistles, Holders: auth.Holders,
		Emergency: a.emergency, Quiet: a.quiet}
}
