package config

import (
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// line is what a driver expects of its channel.
type line struct {
	serial    bool
	protocols []string // of the profiles that fit; nil: any that no other driver owns
	timeout   time.Duration
	baud      int
	parity    device.Parity
	addressed bool // the channel itself has an address
}

// Names of the drivers, as they stand in gateway.yaml.
const (
	DriverModbusTCP = "modbus-tcp"
	DriverModbusRTU = "modbus-rtu"
	DriverDLT645    = "dlt645"
	DriverCJT188    = "cjt188"
	DriverOSDP      = "osdp"
	DriverGB15322   = "gb15322"
	DriverASCII     = "ascii"
	DriverSerial    = "serial"
	DriverRTSP      = "rtsp"
	DriverPlugin    = "plugin"
)

func lineOf(driver string) (line, bool) {
	switch driver {
	case DriverModbusTCP:
		return line{protocols: []string{protocolModbus}, timeout: time.Second, addressed: true}, true
	case DriverModbusRTU:
		return line{serial: true, protocols: []string{protocolModbus}, timeout: 300 * time.Millisecond, baud: 9600, parity: device.ParityNone, addressed: true}, true
	case DriverDLT645:
		return line{serial: true, protocols: []string{protocolDLT645}, timeout: time.Second, baud: 2400, parity: device.ParityEven, addressed: true}, true
	case DriverCJT188:
		return line{serial: true, protocols: []string{protocolCJT188}, timeout: time.Second, baud: 2400, parity: device.ParityEven, addressed: true}, true
	case DriverOSDP:
		return line{serial: true, protocols: []string{protocolOSDP}, timeout: osdp.Timeout, baud: 9600, parity: device.ParityNone, addressed: true}, true
	case DriverGB15322:
		s := gashistory.Settings()
		return line{serial: true, protocols: []string{protocolGB15322}, timeout: gashistory.Timeout, baud: s.Baud, parity: s.Parity, addressed: true}, true
	case DriverASCII:
		return line{serial: true, protocols: []string{protocolASCII}, timeout: 300 * time.Millisecond, baud: 9600, parity: device.ParityNone, addressed: true}, true
	case DriverSerial:
		return line{serial: true, protocols: lineProtocols(), timeout: 500 * time.Millisecond, baud: 9600, parity: device.ParityNone, addressed: true}, true
	case DriverRTSP:
		return line{protocols: []string{protocolRTSP}, timeout: 5 * time.Second}, true
	case DriverPlugin:
		return line{timeout: 5 * time.Second, addressed: true}, true
	}
	return line{}, false
}

// lineProtocols are those that can share a serial line.
func lineProtocols() []string {
	return []string{protocolModbus, protocolDLT645, protocolCJT188, protocolOSDP, protocolGB15322}
}

// usual are the settings that devices of a protocol are delivered with; nil where there is no usual one.
func usual(protocol string) *device.Serial {
	switch protocol {
	case protocolDLT645, protocolCJT188:
		return &device.Serial{Baud: 2400, Parity: device.ParityEven, StopBits: 1}
	case protocolGB15322:
		s := gashistory.Settings()
		return &s
	case protocolOSDP:
		return &device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}
	}
	return nil
}

func driverNames() []string {
	return []string{DriverModbusTCP, DriverModbusRTU, DriverDLT645, DriverCJT188, DriverOSDP, DriverGB15322, DriverASCII, DriverSerial, DriverRTSP, DriverPlugin}
}

func bauds() []int {
	return []int{300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600}
}

func (l *loader) checkChannels() {
	if len(l.raw.Channels) == 0 {
		l.warn("$.channels", l.say("没有总线，什么也不会读", "there is no channel, so nothing will be read"), "")
	}
	ids, addresses := map[string]string{}, map[string]string{}
	devices := map[string]string{} // id → path, over the whole site
	for i, raw := range l.raw.Channels {
		path := index("$.channels", i)
		if l.checkID(path+".id", raw.ID, l.say("总线", "channel"), ids) {
			ids[raw.ID] = path + ".id"
		}
		ln, known := lineOf(raw.Driver)
		if !known {
			l.add(path+".driver", l.say("没有驱动 %q", "there is no driver %q", raw.Driver), l.meant(raw.Driver, driverNames()))
		}
		c := Channel{Channel: l.channel(path, raw, ln), Turnaround: l.duration(path+".turnaround", raw.Turn, 0, time.Millisecond, 10*time.Second)}
		before := len(l.problems)
		if known {
			c.Address = l.channelAddress(path, raw, ln)
		}
		if other, twice := addresses[c.Address]; twice && c.Address != "" && ln.serial {
			l.add(path+".address", l.say("串口 %s 已被总线 %s 使用", "serial port %s is used by channel %s already", raw.Address, other), l.say("一个串口一条总线", "one channel per port"))
		}
		addresses[c.Address] = raw.ID
		l.checkDevices(path, &c, raw.Devices, devices, known)
		if l.problems[before:].Fatal() == nil {
			l.checkBudget(path, c, raw.Devices)
		}
		l.site.Channels = append(l.site.Channels, c)
	}
	l.checkChannelIDs(devices)
}

// checkID checks the form of an id and that it is not there yet.
func (l *loader) checkID(path, id, what string, seen map[string]string) bool {
	if !wordID.MatchString(id) || id == GatewayDevice || id == siteSubject {
		hint := l.say("1 到 40 个字母、数字、-", "use 1 to 40 letters, digits and -")
		switch id {
		case GatewayDevice:
			hint = l.say("gateway 是网关自己", "gateway is the gateway itself")
		case siteSubject:
			hint = l.say("site 是小区自己", "site is the site itself")
		}
		l.add(path, l.say("%s id %q 无效", "%s id %q is not usable", what, id), hint)
		return false
	}
	if first, twice := seen[id]; twice {
		l.add(path, l.say("%s %s 重复（%s已有）", "%s %s is there twice (first in %s)", what, id, l.lineOf(first, path)), l.say("id 在一个小区内唯一", "an id is unique in a site"))
		return false
	}
	return true
}

func (l *loader) channel(path string, raw rawChannel, ln line) device.Channel {
	c := device.Channel{ID: raw.ID, Driver: raw.Driver,
		Timeout: l.duration(path+".timeout", raw.Timeout, ln.timeout, time.Millisecond, time.Minute),
		Pause:   l.duration(path+".pause", raw.Pause, 0, 0, 10*time.Second)}
	if !ln.serial {
		if raw.Line.given() && ln.timeout != 0 {
			l.add(path+raw.Line.key(), l.say("%s 不是串口", "%s is no serial line", raw.Driver), l.say("删去此行", "remove the line"))
		}
		return c
	}
	c.Serial = l.settings(path, raw.Line, device.Serial{Baud: ln.baud, Parity: ln.parity, StopBits: 1})
	return c
}

// settings are those of a line, or of a device on it that has its own.
func (l *loader) settings(path string, raw rawSerial, s device.Serial) device.Serial {
	if raw.Baud != nil {
		if s.Baud = *raw.Baud; !slices.Contains(bauds(), *raw.Baud) {
			l.add(path+".baud", l.say("波特率 %d 不可用", "baud %d is not usable", *raw.Baud), l.say("常用 2400、4800、9600、19200、115200", "common are 2400, 4800, 9600, 19200 and 115200"))
		}
	}
	if raw.Parity != "" {
		words := []string{string(device.ParityNone), string(device.ParityEven), string(device.ParityOdd)}
		if s.Parity = device.Parity(raw.Parity); !slices.Contains(words, raw.Parity) {
			l.add(path+".parity", l.say("校验 %q 无效", "parity %q is not usable", raw.Parity), l.meant(raw.Parity, words))
		}
	}
	if raw.StopBits != nil {
		if s.StopBits = *raw.StopBits; *raw.StopBits != 1 && *raw.StopBits != 2 {
			l.add(path+".stop_bits", l.say("停止位 %d 无效", "stop_bits %d is not usable", *raw.StopBits), "1 | 2")
		}
	}
	return s
}

func (raw rawSerial) given() bool { return raw.Baud != nil || raw.Parity != "" || raw.StopBits != nil }

// key is the first of the keys that is there.
func (raw rawSerial) key() string {
	switch {
	case raw.Baud != nil:
		return ".baud"
	case raw.Parity != "":
		return ".parity"
	}
	return ".stop_bits"
}

// remoteLine begins the address of a serial line behind a converter on the network.
const remoteLine = "tcp://"

func (l *loader) channelAddress(path string, raw rawChannel, ln line) string {
	switch {
	case !ln.addressed && raw.Address != "":
		l.add(path+".address", l.say("%s 总线没有自己的地址", "a channel of %s has no address of its own", raw.Driver), l.say("地址写在设备上", "the address stands with each device"))
	case !ln.addressed:
	case raw.Address == "":
		l.add(path+".address", l.say("总线 %s 缺 address", "channel %s has no address", raw.ID), "")
	case raw.Driver == DriverModbusTCP:
		host, port, err := net.SplitHostPort(raw.Address)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
			l.add(path+".address", l.say("%q 不是 地址:端口", "%q is no host:port", raw.Address), "192.168.1.20:502")
		}
	case ln.serial && strings.HasPrefix(raw.Address, remoteLine):
		host, port, err := net.SplitHostPort(strings.TrimPrefix(raw.Address, remoteLine))
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
			l.add(path+".address", l.say("%q 不是 tcp://地址:端口", "%q is no tcp://host:port", raw.Address), "tcp://192.168.1.20:8899")
		}
	case raw.Driver == DriverPlugin && filepath.Base(raw.Address) == raw.Address:
		l.add(path+".address", l.say("插件要写出路径，不在 PATH 里找", "a plug-in is named by its path, not looked for in PATH"), "./"+raw.Address)
	default:
		if ln.serial {
			l.checkPort(path, raw.Address)
		}
		return l.path(raw.Address)
	}
	return raw.Address
}
