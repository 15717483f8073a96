package incident

import (
	"strings"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// Dangers that the shipped rules tell of. A rule that is not known is about its own danger, so that its alerts are merged
// with each other alone; the configuration may name it one of these.
const (
	dangerGas      = "gas"
	dangerCO       = "co"
	dangerCharging = "charging"
	dangerOverload = "overload"
	dangerHeat     = "heat"
	dangerLeakage  = "leakage"
	dangerRelay    = "relay"
	dangerVoltage  = "voltage"
	dangerForced   = "intrusion"
	dangerDoor     = "door"
	dangerEscape   = "escape"
	dangerTamper   = "tamper"
	dangerAction   = "action"
	dangerFlood    = "flood"

	// Of the sensors themselves: work for maintenance, never one incident with a danger.
	faultSilence = "silence" // it does not answer
	faultDefect  = "defect"  // it answers that it is out of order
	faultDue     = "due"
	faultMissed  = "missed"
	faultClock   = "clock"
)

// Dangers are the words that a rule's danger can be configured as.
func Dangers() []string {
	return []string{dangerGas, dangerCO, dangerCharging, dangerOverload, dangerHeat, dangerLeakage, dangerRelay, dangerVoltage, dangerForced, dangerDoor,
		dangerEscape, dangerTamper, dangerAction, faultSilence, faultDefect, faultDue, faultMissed, faultClock}
}

// maintenance says that people are told of a sensor, not of what it watches.
func maintenance(danger string) bool {
	switch danger {
	case faultSilence, faultDefect, faultDue, faultMissed, faultClock:
		return true
	}
	return false
}

// category is the kind of work that an alert asks for.
func category(danger string) string {
	if maintenance(danger) {
		return Maintenance
	}
	return Danger
}

// group is what a flood and people may put together: one danger, or all that is maintenance.
func group(danger string) string {
	if maintenance(danger) {
		return "maintenance"
	}
	return danger
}

// dangerOf says what an alert is about.
func (m Merging) dangerOf(e rules.AlertEvent) string {
	danger := m.ofRule(e.Rule)
	if (danger == faultDefect || danger == dangerTamper) && silent(e) {
		return faultSilence
	}
	return danger
}

func (m Merging) ofRule(rule string) string {
	if danger := m.Dangers[rule]; danger != "" {
		return danger
	}
	switch rule {
	case "R15", "R16", "R17":
		return dangerGas
	case "R18":
		return dangerCO
	case "R01", "R02", "R03", "R04", "R05", "R06", "R12":
		return dangerCharging
	case "R07", "R08":
		return dangerOverload
	case "R09":
		return dangerHeat
	case "R10":
		return dangerLeakage
	case "R11":
		return dangerRelay
	case "R14":
		return dangerVoltage
	case "R22":
		return dangerForced
	case "R23":
		return dangerDoor
	case "R24":
		return dangerEscape
	case "R25", "R25b":
		return dangerTamper
	case rules.ActionRule:
		return dangerAction
	case "R29":
		return dangerFlood
	}
	return ofSensors(rule)
}

func ofSensors(rule string) string {
	switch rule {
	case "R13", "R31", GatewaySilent:
		return faultSilence
	case "R19", "R19b", "R27":
		return faultDefect
	case "R20", "R20b":
		return faultDue
	case "R21":
		return faultMissed
	case "R28", "R28b", "R28c":
		return faultClock
	}
	return "rule " + rule
}

// silent says that an alert was raised because a device does not answer.
func silent(e rules.AlertEvent) bool {
	for _, v := range e.Evidence {
		if strings.Contains(v.Name, ".") {
			continue
		}
		if v.Name == "connected" && v.Value == 0 { // a camera
			return true
		}
		switch v.Reason {
		case device.Timeout, device.Corrupt, device.Mismatch, device.ChannelDown, device.NotRead, device.DriverCrashed:
			return v.Quality == device.Bad
		}
	}
	return false
}
