package rules

// A phase is where a charge stands: session.phase as a number.
type phase uint8

const (
	noPhase   phase = iota // nothing charges
	starting               // something may have begun, and nobody knows yet
	inrushing              // the charger switches on
	rising                 // constant current: power rises with the voltage
	tapering               // after the knee
	tailing                // the last watts
	full                   // only the charger's own float
	twoLoads               // a second load has joined or left: neither knee nor energy is that of one battery
	oddShape               // not the shape of a charge
)

// phaseNames are for people, in the order of the phases.
func phaseNames() []Text {
	return []Text{
		{"未充电", "not charging"}, {"刚开始", "just begun"}, {"启动冲击", "inrush"}, {"恒流上升", "constant current, rising"}, {"功率下降", "tapering"},
		{"小电流尾段", "tail"}, {"已充满", "full"}, {"同插座两个负载", "two loads on one socket"}, {"曲线不像充电", "not the shape of a charge"},
	}
}

func (s *session) phase(now int64) phase {
	switch {
	case !s.Active && s.Begin != 0 && s.Paused == 0:
		return starting
	case !s.Active:
		return noPhase
	case s.odd(now):
		return oddShape
	case s.Two:
		return twoLoads
	case s.Peak == 0:
		return inrushing
	case s.Knee && s.Power < floatPower, s.TailSince != 0 && now-s.TailSince >= fullHold:
		return full
	case s.TailSince != 0:
		return tailing
	case s.Knee:
		return tapering
	}
	return rising
}

// uncertain says that the curve is not that of one charger: what was learned, and what follows from a battery's size, does
// not apply to it. Fixed limits do.
func (s *session) uncertain(now int64) bool { return s.Two || s.odd(now) }
