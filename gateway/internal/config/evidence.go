package config

import (
	"maps"
	"slices"
	"time"
)

const kindCamera = "camera"

// checkEvidence reads which camera sees what. Every camera sees its own zone.
func (l *loader) checkEvidence() {
	raw := l.raw.Evidence
	e := &l.site.Evidence
	e.Quota = l.bytes("$.evidence.quota", raw.Quota, 512<<20, 32<<20)
	e.Keep = l.duration("$.evidence.keep", raw.Keep, 30*24*time.Hour, time.Hour, 366*24*time.Hour)
	var devices []string
	for _, d := range l.site.Devices() {
		devices = append(devices, d.ID)
		if d.Kind != kindCamera {
			continue
		}
		c := Camera{ID: d.ID, Name: d.Name}
		if d.Zone != "" {
			c.Zones = []string{d.Zone}
		}
		more := raw.Cameras[d.ID]
		c.Zones, c.Devices, c.Rules = append(c.Zones, more.Zones...), more.Devices, more.Rules
		e.Cameras = append(e.Cameras, c)
	}
	for _, id := range slices.Sorted(maps.Keys(raw.Cameras)) {
		c := raw.Cameras[id]
		path := "$.evidence.cameras." + id
		if !slices.ContainsFunc(e.Cameras, func(c Camera) bool { return c.ID == id }) {
			l.add(path, l.say("没有叫 %s 的摄像头", "there is no camera %s", id), l.say("写 channels 里一台摄像头的 id", "use the id of a camera below channels"))
		}
		for i, z := range c.Zones {
			l.checkZone(index(path+".zones", i), z)
		}
		for i, d := range c.Devices {
			if !slices.Contains(devices, d) {
				l.add(index(path+".devices", i), l.say("没有设备 %s", "there is no device %s", d), "")
			}
		}
	}
}
