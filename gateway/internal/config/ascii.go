package config

import (
	"strings"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/ascii"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// checkASCII reads what the lines of a reader look like: its points carry it to the driver.
func (c *profileCheck) checkASCII() {
	p := c.profile
	switch {
	case p.ASCII == nil && p.Protocol == protocolASCII:
		c.add("$.ascii", c.say("缺 ascii", "ascii is missing"), c.say("读卡器发来的一行是什么样", "what a line of the reader looks like"))
	case p.ASCII == nil:
	case p.Protocol != protocolASCII:
		c.add("$.ascii", c.say("%s 没有 ascii", "%s has no ascii", p.Protocol), c.say("删去此行", "remove the line"))
	default:
		text, err := ascii.Format(*p.ASCII).Text()
		if err != nil {
			key, _, _ := strings.Cut(err.Error(), ":")
			c.add("$.ascii."+key, c.say("不可用：%v", "not usable: %v", err), "")
		}
		p.format = text
	}
}

// ascii reads a place of a reader that speaks unasked.
func (c *profileCheck) ascii(path string, raw rawPoint, r *device.Register) {
	if raw.Type != "" {
		c.add(path+".type", c.say("ascii 点位没有 type", "a point of ascii has no type"), c.say("删去此行", "remove the line"))
	}
	if r.Space, r.Type = raw.At, c.profile.format; !contains(ascii.Spaces(), raw.At) {
		c.add(path+".at", c.say("at %q 无效", "at %q is not usable", raw.At), c.oneOf(ascii.Spaces()))
	} else if err := ascii.CheckPoint(device.Point{Name: raw.Name, Register: *r, Writable: raw.Write}); err != nil && r.Type != "" {
		c.add(path+".write", c.say("不可用：%v", "not usable: %v", err), "")
	}
}

// readerAddress is that of the only reader on a line, with the site's key of cards.
func (l *loader) readerAddress(path string, raw rawDevice) string {
	l.noAddress(path, raw, protocolASCII)
	return osdp.Address{CardKey: l.cardKey}.Text()
}
