package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/ascii"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/drivers/serial/osdp"
	"github.com/linshao/linshao/gateway/internal/passwords"
)

// occupant is a device that has an address on a channel.
type occupant struct {
	id, path string
	profile  *profile
	address  string // with its secrets
}

func (l *loader) checkDevices(path string, c *Channel, raws []rawDevice, ids map[string]string, known bool) {
	ln, _ := lineOf(c.Driver)
	taken := map[string][]occupant{}
	for i, raw := range raws {
		path := index(path+".devices", i)
		if raw.Replaced {
			continue
		}
		if l.checkID(path+".id", raw.ID, l.say("设备", "device"), ids) {
			ids[raw.ID] = path + ".id"
		}
		p := l.profile(path, raw.Profile)
		if p == nil || !known {
			continue
		}
		if !fits(ln, c.Driver, p.Protocol) {
			l.add(path+".profile", l.say("型号 %s 用协议 %s，驱动 %s 不支持", "profile %s speaks %s, which driver %s does not", p.Model, p.Protocol, c.Driver),
				l.say("放到别的总线，或换驱动", "move the device to another channel, or change its driver"))
			continue
		}
		address := l.deviceAddress(path, raw, p)
		l.checkTaken(path, c.ID, address, occupant{raw.ID, path, p, address}, taken)
		if raw.Zone != "" {
			l.checkZone(path+".zone", raw.Zone)
		}
		if p.Protocol != protocolModbus { // whose driver keeps each device's own
			c.Pause = max(c.Pause, p.pause)
		}
		poll := l.duration(path+".poll", raw.Poll, p.poll, 100*time.Millisecond, mostPoll(p.Protocol))
		devices := l.expand(raw, p, c.ID, address, poll)
		l.ownSettings(path, raw, c, p.Protocol, devices)
		l.checkReports(path, raw, p, devices)
		if address != "" {
			l.checkPoints(path+".profile", p.Protocol, devices[0].Points)
			if own := devices[0].Identity; own != nil {
				l.checkPoints(path+".profile", p.Protocol, []device.Point{*own})
			}
			if p.Protocol == protocolOSDP || p.Protocol == protocolASCII {
				l.checkCards(path, devices[0].Points)
			}
		}
		if p.Protocol == protocolRTSP && raw.PasswordFile != "" && address != "" {
			c.Passwords = append(c.Passwords, passwords.File{Device: raw.ID, Name: l.path(raw.PasswordFile), Address: address})
		}
		c.takeOwn(devices)
		c.Devices = append(c.Devices, devices...)
	}
}

// checkPoints asks the driver itself whether it can read what the profile wants. Cameras have no such question: their
// driver is another process, and knows their points by name.
func (l *loader) checkPoints(path, protocol string, points []device.Point) {
	check := map[string]func(device.Point) error{protocolModbus: modbus.CheckPoint, protocolDLT645: serial.CheckPoint, protocolCJT188: serial.CheckCJT188, protocolOSDP: osdp.CheckPoint,
		protocolGB15322: gashistory.CheckPoint, protocolASCII: ascii.CheckPoint}[protocol]
	if check == nil {
		return
	}
	for _, p := range points {
		if err := check(p); err != nil && !own(p) {
			l.add(path, l.say("点位 %s 不能读：%v", "point %s cannot be read: %v", p.Name, err), "")
		}
	}
}

// ownSettings gives the points of a device on a shared line their protocol, and its own settings of the line where it has any.
func (l *loader) ownSettings(path string, raw rawDevice, c *Channel, protocol string, devices []device.Device) {
	if c.Driver != DriverSerial {
		if raw.Line.given() {
			l.add(path+raw.Line.key(), l.say("总线 %s 上的设备用总线的串口参数", "devices of channel %s use its settings", c.ID), l.say("写到总线上；或 driver: serial", "set them on the channel, or use driver: serial"))
		}
		return
	}
	own := c.Serial
	if s := usual(protocol); s != nil {
		own = *s
	}
	own = l.settings(path, raw.Line, own)
	if own != c.Serial && strings.HasPrefix(c.Address, remoteLine) {
		l.add(path, l.say("设备 %s 用 %d %s，转换器上的线路是 %d %s，不能来回切换", "device %s speaks %d %s, and the line behind the converter %d %s: it cannot be switched",
			raw.ID, own.Baud, own.Parity, c.Serial.Baud, c.Serial.Parity), l.say("另用一个转换器，或把设备参数改成一致", "give it a converter of its own, or set the device to the line's settings"))
	}
	for i := range devices {
		for j := range devices[i].Points {
			p := &devices[i].Points[j]
			if p.Protocol = protocol; own != c.Serial {
				p.Serial = &own
			}
		}
		if p := devices[i].Identity; p != nil {
			if p.Protocol = protocol; own != c.Serial {
				p.Serial = &own
			}
		}
	}
}

func fits(ln line, driver, protocol string) bool {
	if driver != DriverPlugin {
		return slices.Contains(ln.protocols, protocol)
	}
	return protocol != protocolRTSP && protocol != protocolASCII && !slices.Contains(lineProtocols(), protocol)
}

func (l *loader) checkZone(path, zone string) {
	if _, ok := l.site.Zones[zone]; ok {
		return
	}
	var known []string
	for _, z := range l.raw.Zones {
		known = append(known, z.ID)
	}
	hint := l.meant(zone, known)
	if hint == "" {
		hint = l.say("先在 zones 里写上", "list it under zones first")
	}
	l.add(path, l.say("没有区域 %q", "there is no zone %q", zone), hint)
}

// checkTaken refuses two devices at one address, unless their profiles are parts of one thing.
func (l *loader) checkTaken(path, channel, address string, new occupant, taken map[string][]occupant) {
	if address == "" {
		return
	}
	address, _, _ = strings.Cut(address, "#") // a meter's password makes it no other meter
	for _, old := range taken[address] {
		l.checkOneKey(path, old, new)
		if old.profile == new.profile || old.profile.PartOf == "" || old.profile.PartOf != new.profile.PartOf {
			l.add(path+".address", l.say("总线 %s 上地址 %s 重复：%s (%s) 与 %s", "address %[2]s twice on channel %[1]s: %[3]s (%[4]s) and %[5]s",
				channel, address, old.id, l.lineOf(old.path+".address", path+".address"), new.id), "")
			return
		}
	}
	taken[address] = append(taken[address], new)
}

var (
	meterNumber = regexp.MustCompile(`^\d{12}$`)
	gasNumber   = regexp.MustCompile(`^\d{14}$`)
)

// deviceAddress checks the address of a device for its protocol; empty when it is not usable.
func (l *loader) deviceAddress(path string, raw rawDevice, p *profile) string {
	at, protocol := path+".address", p.Protocol
	if raw.Address == "" && !alone(protocol) {
		l.add(path+".address", l.say("设备 %s 缺 address", "device %s has no address", raw.ID), "")
		return ""
	}
	if raw.PasswordFile != "" && protocol != protocolRTSP && protocol != protocolDLT645 && protocol != protocolOSDP {
		l.add(path+".password_file", l.say("%s 设备没有密码", "a device of %s has no password", protocol), l.say("删去此行", "remove the line"))
	}
	if raw.InstallMode && protocol != protocolOSDP {
		l.add(path+".install_mode", l.say("%s 设备没有 install_mode", "a device of %s has no install_mode", protocol), l.say("删去此行", "remove the line"))
	}
	switch protocol {
	case protocolModbus:
		n, err := strconv.Atoi(raw.Address)
		if err != nil || n < 1 || n > 247 {
			l.add(at, l.say("Modbus 地址 %q 无效", "Modbus unit %q is not usable", raw.Address), "1–247")
			return ""
		}
		return strconv.Itoa(n) // 007 is the unit 7
	case protocolDLT645:
		if !meterNumber.MatchString(raw.Address) {
			l.add(at, l.say("表号 %q 不是 12 位数字", "meter number %q has not 12 digits", raw.Address), l.say(`加引号写："000000012345"`, `write it in quotes: "000000012345"`))
			return ""
		}
		return l.meterAddress(path, raw)
	case protocolCJT188:
		if !gasNumber.MatchString(raw.Address) {
			l.add(at, l.say("表号 %q 不是 14 位数字", "meter number %q has not 14 digits", raw.Address), l.say(`加引号写："33001122334455"`, `write it in quotes: "33001122334455"`))
			return ""
		}
	case protocolASCII:
		return l.readerAddress(path, raw)
	case protocolGB15322:
		return l.noAddress(path, raw, protocol)
	case protocolOSDP:
		return l.osdpAddress(path, raw)
	case protocolRTSP:
		return l.cameraAddress(path, raw, p.Stream)
	}
	return raw.Address
}

// meterAddress adds what a meter wants to hear before it moves its relay. Without it the meter is only read.
func (l *loader) meterAddress(path string, raw rawDevice) string {
	if raw.PasswordFile == "" {
		return raw.Address
	}
	operator, password := l.secret(path+".password_file", raw.PasswordFile)
	address, err := serial.WithKey(raw.Address, operator, password)
	if err != nil && operator != "" {
		l.add(path+".password_file", l.say("%s 里要有 操作员8位:密码8位(级别2位+密码6位)", "%s must hold operator:password, 8 digits each (2 for the password's level)", raw.PasswordFile), "00000007:02123456")
		return raw.Address
	}
	return address
}

// expand makes the devices of one entry: itself, or one per port.
func (l *loader) expand(raw rawDevice, p *profile, channel, address string, poll time.Duration) []device.Device {
	name := raw.Name
	if name == "" {
		name = raw.ID
	}
	d := device.Device{ID: raw.ID, Name: name, Kind: p.Kind, Model: p.Model, Place: raw.Place, Zone: raw.Zone,
		Channel: channel, Labels: raw.Labels, Poll: poll}
	if p.ports <= 1 {
		d.Points, d.Identity = p.at(d.ID, address, 0), p.own(d.ID, address)
		return []device.Device{d}
	}
	ports := make([]device.Device, p.ports)
	for n := range ports {
		port := d
		port.ID = fmt.Sprintf("%s.%d", d.ID, n+1)
		port.Name = fmt.Sprintf("%s %d", d.Name, n+1)
		if p.Kind == "socket" {
			port.Name = fmt.Sprintf("%s 插座 %d", d.Name, n+1)
		}
		port.Points = p.at(port.ID, address, uint32(n))
		if n == 0 { // one thing, one number
			port.Identity = p.own(port.ID, address)
		}
		ports[n] = port
	}
	return ports
}
