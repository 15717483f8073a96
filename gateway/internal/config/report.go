package config

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// standardSilence is the longest silence of a point with a deadband.
const standardSilence = 10 * time.Minute

// parseBand reads "0.5" or "2%".
func parseBand(text string) (band float64, percent, ok bool) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	band, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	return band, percent, err == nil && band >= 0 && !math.IsInf(band, 0) && (!percent || band <= 100)
}

// readReport reads what of a point is recorded; nil: everything. bad is told which of the two keys is not usable.
func readReport(raw rawReport, bad func(key string)) *Reporting {
	if raw.Deadband == "" {
		if raw.Report != "" {
			bad("report without deadband")
		}
		return nil
	}
	r := &Reporting{Silence: standardSilence}
	var ok bool
	if r.Band, r.Percent, ok = parseBand(raw.Deadband); !ok {
		bad("deadband")
		return nil
	}
	if raw.Report == "" {
		return r
	}
	d, err := time.ParseDuration(raw.Report)
	if err != nil || d < time.Second || d > 24*time.Hour {
		bad("report")
		return nil
	}
	r.Silence = d
	return r
}

// badReport is what is told of a key that is not usable.
func (s speaker) badReport(key string, raw rawReport) (at, message, hint string) {
	switch key {
	case "deadband":
		return ".deadband", s.say("死区 %q 无效", "deadband %q is not usable", raw.Deadband), s.say("用点位的单位写 0.5，或写百分比 2%%", "write 0.5 in the point's unit, or 2%%")
	case "report":
		return ".report", s.say("%q 不是可用的时长", "%q is no usable duration", raw.Report), s.say("最长静默，1s 到 24h，如 10m", "longest silence, 1s to 24h, such as 10m")
	}
	return ".report", s.say("没有 deadband，report 没有作用", "report does nothing without deadband"), s.say("加上 deadband，或删去此行", "add deadband, or remove the line")
}

// report reads the keys of a profile's point.
func (c *profileCheck) report(path string, raw rawReport) *Reporting {
	return readReport(raw, func(key string) {
		at, message, hint := c.badReport(key, raw)
		c.add(path+at, message, hint)
	})
}

// off is how a device says that every reading of a point is recorded although the profile has a deadband.
const off = "off"

// checkReports notes which points of an entry's devices are thinned out: as the profile says, unless the entry says otherwise.
func (l *loader) checkReports(path string, raw rawDevice, p *profile, devices []device.Device) {
	own := map[string]*Reporting{}
	for name, r := range sorted(raw.Points) {
		at := path + ".points." + name
		if !p.has(name) {
			l.add(at, l.say("型号 %s 没有点位 %q", "profile %s has no point %q", p.Model, name), l.meant(name, p.names()))
			continue
		}
		if r.Deadband == off && r.Report == "" {
			own[name] = nil
			continue
		}
		own[name] = readReport(r, func(key string) {
			where, message, hint := l.badReport(key, r)
			l.add(at+where, message, hint)
		})
	}
	for _, d := range devices {
		for i, point := range d.Points {
			report, said := own[point.Name]
			if !said {
				report = p.reports[i]
			}
			if report == nil {
				continue
			}
			if l.site.Reporting == nil {
				l.site.Reporting = map[device.Key]Reporting{}
			}
			l.site.Reporting[point.Key()] = *report
		}
	}
}

func (p *profile) has(name string) bool { return contains(p.names(), name) }

func (p *profile) names() []string {
	var names []string
	for _, pt := range p.points {
		names = append(names, pt.Name)
	}
	return names
}

// silences are the longest silences of each model's points, in ms: what the cloud must not take for a failure. Where devices
// of a model differ, the longest counts for all.
func (s *Site) silences() map[[2]string]uint32 {
	out := map[[2]string]uint32{}
	for _, d := range s.Devices() {
		for _, p := range d.Points {
			if r, ok := s.Reporting[p.Key()]; ok {
				key := [2]string{d.Model, p.Name}
				out[key] = max(out[key], uint32(r.Silence.Milliseconds()))
			}
		}
	}
	return out
}
