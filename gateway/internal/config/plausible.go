package config

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// rate reads how fast a point can change. A detector's level and status have no such limit: a leak may rise as fast as it
// likes, and an alarm must not wait for a second reading.
func (c *profileCheck) rate(path string, raw rawPoint) float64 {
	switch {
	case raw.Rate == 0:
	case raw.Rate < 0 || math.IsInf(raw.Rate, 0) || math.IsNaN(raw.Rate):
		c.add(path+".rate", c.say("rate %v 无效", "rate %v is not usable", raw.Rate), c.say("每秒最多变化多少，用点位的单位", "the most it can change in a second, in the point's unit"))
		return 0
	case c.profile.Kind == "gas" || c.profile.Kind == "co":
		c.add(path+".rate", c.say("探测器的点位没有 rate", "a point of a detector has no rate"), c.say("真实泄漏可以升得很快，报警不能等", "a leak may rise fast, and its alarm must not wait"))
		return 0
	case len(raw.Map) > 0 || len(raw.Labels) > 0:
		c.add(path+".rate", c.say("状态没有 rate", "a state has no rate"), c.say("删去此行", "remove the line"))
		return 0
	}
	return raw.Rate
}

var stuckWhile = regexp.MustCompile(`^([a-z][a-z0-9_]{0,39}) *> *(\d+(?:\.\d+)?)$`)

// stuck reads how long a point may stand still.
func (c *profileCheck) stuck(path string, raw rawPoint) *device.Standstill {
	if raw.Stuck == nil {
		return nil
	}
	path += ".stuck"
	if raw.Stuck.After == "" {
		c.add(path, c.say("缺 after", "after is missing"), "stuck: {after: 10m, while: power > 20}")
		return nil
	}
	s := &device.Standstill{}
	var err error
	if s.After, err = time.ParseDuration(raw.Stuck.After); err != nil || s.After < time.Minute || s.After > 30*24*time.Hour {
		c.add(path+".after", c.say("%q 不是可用的时长", "%q is no usable duration", raw.Stuck.After), c.say("1m 到 720h", "1m to 720h"))
		return nil
	}
	if raw.Stuck.While == "" {
		return s
	}
	m := stuckWhile.FindStringSubmatch(raw.Stuck.While)
	if m == nil {
		c.add(path+".while", c.say("%q 无效", "%q is not usable", raw.Stuck.While), c.say("点位 > 数字，如 power > 20", "a point > a number, such as power > 20"))
		return nil
	}
	var names []string
	for _, p := range c.profile.Points {
		names = append(names, p.Name)
	}
	if !slices.Contains(names, m[1]) || m[1] == raw.Name {
		c.add(path+".while", c.say("没有别的点位叫 %q", "there is no other point %q", m[1]), c.meant(m[1], names))
		return nil
	}
	if s.Above, err = strconv.ParseFloat(m[2], 64); err != nil {
		return nil // the pattern takes numbers only
	}
	s.While = m[1]
	return s
}
