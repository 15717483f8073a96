package commission

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
)

// Limits of what can be asked.
const (
	lastUnit = 247
	lastOSDP = 126
)

// The wait for a dead address, beside the time on the wire: devices on a wire answer within 50 ms; a network adds its own.
const (
	wireTimeout    = 100 * time.Millisecond
	networkTimeout = 300 * time.Millisecond
	mostTimeout    = time.Second
)

const (
	anyMeter = "AAAAAAAAAAAA"
	anyGas   = "AAAAAAAAAAAAAA"
	anyKind  = 0xAA
)

// check resolves a request into the jobs of a scan.
func (s *Service) check(req ScanRequest) (*scan, error) {
	c, err := s.channel(req.Channel)
	if err != nil {
		return nil, err
	}
	sc := &scan{service: s, channel: c, bare: req.Bare, tcp: c.Driver == config.DriverModbusTCP, network: strings.HasPrefix(c.Address, "tcp://")}
	addresses := req.Addresses
	if addresses == nil {
		addresses = Ranges{{1, 32}}
	}
	protocols := req.Protocols
	if protocols == nil {
		protocols = spoken(c.Driver)
	}
	for _, p := range protocols {
		switch {
		case !slices.Contains([]string{protocolModbus, protocolDLT645, protocolCJT188, protocolOSDP}, p):
			return nil, fmt.Errorf("there is no protocol %q to scan: modbus, dlt645, cjt188, osdp", p)
		case sc.tcp && p != protocolModbus:
			return nil, fmt.Errorf("on a channel of %s only modbus can be scanned, not %s", c.Driver, p)
		}
	}
	if last := addresses[len(addresses)-1].Last; addresses[0].First < 0 || last > lastUnit {
		return nil, fmt.Errorf("addresses are 1–%d, not %s", lastUnit, addresses)
	}
	timeout := wireTimeout
	if sc.tcp || sc.network {
		timeout = networkTimeout
	}
	if req.TimeoutMS > 0 {
		timeout = min(time.Duration(req.TimeoutMS)*time.Millisecond, mostTimeout)
	}
	sc.timeout, sc.chosen = timeout, len(req.Settings) > 0
	settings := sc.settings(req)
	for _, set := range settings {
		jobs := jobsAt(set, settings, addresses, protocols)
		if len(jobs) > 0 {
			sc.stages = append(sc.stages, &stage{setting: set, jobs: jobs, own: sc.inUse(set)})
		}
	}
	sc.report = Report{Driver: c.Driver, Line: settingOf(c.Serial), Settings: []Outcome{}, Found: []Found{}, Plan: Plan{Channel: c.ID, Address: c.Address,
		Addresses: addresses.join("–"), Protocols: protocols, Stops: !req.All && len(req.Settings) == 0 && len(sc.stages) > 1,
		Paused: s.cfg.Lend != nil, TimeoutMS: ms(timeout)}}
	sc.report.Plan.units = addresses.Count()
	for _, st := range sc.stages {
		sc.report.Plan.Settings = append(sc.report.Plan.Settings, st.setting)
		most := len(st.jobs)
		for _, j := range st.jobs {
			if _, more := sc.otherwise(j); more && sc.asksTwice(st.setting) {
				most++
			}
		}
		sc.report.Plan.Frames += most
		sc.report.Plan.MostMS += float64(most) * ms(sc.dead(st.setting))
	}
	return sc, nil
}

// spoken are the protocols of a channel's driver.
func spoken(driver string) []string {
	switch driver {
	case config.DriverDLT645:
		return []string{protocolDLT645}
	case config.DriverCJT188:
		return []string{protocolCJT188}
	case config.DriverOSDP:
		return []string{protocolOSDP}
	case config.DriverSerial:
		return []string{protocolModbus, protocolDLT645, protocolCJT188}
	}
	return []string{protocolModbus}
}

// dead is what an address costs at which nobody is, so long as what is asked and what could be answered take on the wire.
func (sc *scan) dead(s Setting) time.Duration {
	wait := sc.timeout + sc.channel.Pause
	if s.Baud == 0 {
		return wait
	}
	bits := 9 + max(s.StopBits, 1)
	if s.Parity != device.ParityNone && s.Parity != "" {
		bits++
	}
	const chars = 8 + shortest + 4 // request, answer, silence
	return wait + time.Duration(chars*bits)*time.Second/time.Duration(s.Baud)
}

// usual are the settings that devices are delivered with, most usual first.
func usual() []Setting {
	return []Setting{{9600, device.ParityNone, 1}, {9600, device.ParityEven, 1}, {4800, device.ParityEven, 1}, {2400, device.ParityEven, 1},
		{19200, device.ParityNone, 1}, {19200, device.ParityEven, 1}}
}

// unusual are those that only a thorough scan tries.
func unusual() []Setting {
	return []Setting{{4800, device.ParityNone, 1}, {2400, device.ParityNone, 1}, {9600, device.ParityOdd, 1}, {38400, device.ParityNone, 1},
		{115200, device.ParityNone, 1}, {9600, device.ParityNone, 2}, {1200, device.ParityEven, 1}, {1200, device.ParityNone, 1},
		{57600, device.ParityNone, 1}, {38400, device.ParityEven, 1}, {115200, device.ParityEven, 1}}
}

// settings are those to be tried: those in use on the channel first.
func (sc *scan) settings(req ScanRequest) []Setting {
	if sc.tcp {
		return []Setting{{}}
	}
	if sc.network {
		return []Setting{settingOf(sc.channel.Serial)} // the converter keeps its own
	}
	if len(req.Settings) > 0 {
		return req.Settings
	}
	list := sc.configured()
	list = append(list, usual()...)
	if req.All {
		list = append(list, unusual()...)
	}
	var once []Setting
	for _, s := range list {
		if !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	return once
}

// configured are the channel's own settings and those of its devices.
func (sc *scan) configured() []Setting {
	list := []Setting{settingOf(sc.channel.Serial)}
	for _, d := range sc.channel.Devices {
		for _, p := range d.Points {
			if p.Serial != nil && !slices.Contains(list, settingOf(*p.Serial)) {
				list = append(list, settingOf(*p.Serial))
			}
		}
	}
	return list
}

// inUse says whether a device of the channel is configured with a setting, or the channel itself.
func (sc *scan) inUse(s Setting) bool { return slices.Contains(sc.configured(), s) }

// jobsAt are the questions at one setting. Meters are asked for by their standard's settings alone; the others at all.
func jobsAt(set Setting, all []Setting, addresses Ranges, protocols []string) []job {
	var jobs []job
	for _, p := range protocols {
		switch p {
		case protocolModbus:
			for _, n := range addresses.All() {
				if n > 0 {
					jobs = append(jobs, job{setting: set, protocol: p, address: strconv.Itoa(n), read: first()})
				}
			}
		case protocolOSDP:
			for _, n := range addresses.All() {
				if n <= lastOSDP && set.Parity != device.ParityEven {
					jobs = append(jobs, job{setting: set, protocol: p, address: strconv.Itoa(n)})
				}
			}
		case protocolDLT645:
			if set.Parity == device.ParityEven || len(all) == 1 {
				jobs = append(jobs, job{setting: set, protocol: p, address: anyMeter})
			}
		case protocolCJT188:
			if set.Parity == device.ParityEven || len(all) == 1 {
				jobs = append(jobs, job{setting: set, protocol: p, address: anyGas, kind: anyKind})
			}
		}
	}
	return jobs
}
