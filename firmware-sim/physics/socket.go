package physics

import (
	"math"
	"time"
)

// A Socket is one port of a charging station: a relay, a meter chip, a plug and a thermometer.
type Socket struct {
	seed    uint64
	at      time.Time
	curve   *Curve
	relay   bool
	charged time.Duration // how long current was allowed to flow into this battery
	on      time.Duration // since the relay closed on it
	power   float64       // W
	energy  float64       // Wh, all its life
	taken   float64       // Wh, by the battery now plugged in
	heat    float64       // °C
}

// ambient is the temperature of the shed, °C.
const ambient = 18.0

// step is the longest stretch over which power is taken as constant.
const step = 5 * time.Second

// NewSocket makes a socket with nothing plugged in, its relay closed and its counter at so many kWh.
func NewSocket(seed uint64, at time.Time, kWh float64) *Socket {
	return &Socket{seed: seed, at: at, relay: true, energy: kWh * 1000, heat: ambient}
}

// Advance lets time pass until t. Going back is ignored.
func (s *Socket) Advance(t time.Time) {
	for s.at.Before(t) {
		dt := min(t.Sub(s.at), step)
		if s.flows() {
			s.charged += dt
			s.on += dt
		}
		s.at = s.at.Add(dt)
		s.power = s.now()
		s.energy += s.power * dt.Hours()
		s.taken += s.power * dt.Hours()
		s.heat += (ambient + 0.045*s.power - s.heat) * (1 - math.Exp(-dt.Minutes()/12))
	}
}

func (s *Socket) flows() bool { return s.relay && s.curve != nil }

func (s *Socket) now() float64 {
	if !s.flows() {
		return 0
	}
	p := s.curve.Power(s.charged) * inrush(s.on)
	return max(0, p+s.curve.Hiss(s.charged)*Noise(s.seed, s.at, step))
}

// Plug puts a battery on the socket. An empty relay closes, as after a payment.
func (s *Socket) Plug(c *Curve) {
	s.curve, s.charged, s.on, s.taken, s.relay = c, 0, 0, 0, true
	s.power = s.now()
}

// Unplug takes the battery away.
func (s *Socket) Unplug() { s.curve, s.power = nil, 0 }

// SetRelay closes (true) or opens the relay.
func (s *Socket) SetRelay(on bool) {
	if on != s.relay {
		s.on = 0
	}
	s.relay = on
	s.power = s.now()
}

// Relay says whether the relay is closed.
func (s *Socket) Relay() bool { return s.relay }

// Curve is the charge under way; nil when nothing is plugged in.
func (s *Socket) Curve() *Curve { return s.curve }

// Full says whether the battery is full.
func (s *Socket) Full() bool { return s.curve != nil && s.curve.Full(s.charged) }

// Taken is what the battery now plugged in has taken, in kWh.
func (s *Socket) Taken() float64 { return s.taken / 1000 }

// Plugged says whether a battery is connected.
func (s *Socket) Plugged() bool { return s.curve != nil }

// Power is the present power in W.
func (s *Socket) Power() float64 { return s.power }

// Energy is the counter in kWh.
func (s *Socket) Energy() float64 { return s.energy / 1000 }

// Voltage is the mains voltage at the socket in V.
func (s *Socket) Voltage() float64 { return mains(s.seed, s.at) - 0.004*s.power }

// Current is the current in A, at the power factor of a charger.
func (s *Socket) Current() float64 { return s.power / (s.Voltage() * 0.95) }

// Temperature is that of the socket in °C.
func (s *Socket) Temperature() float64 { return s.heat }

// mains is the voltage of a phase: slow sags over the day and a small flicker.
func mains(seed uint64, t time.Time) float64 {
	day := math.Sin(2 * math.Pi * float64(t.Unix()%86400) / 86400)
	return 229 + 2*day + 0.6*Noise(seed^0x5A, t, 10*time.Second)
}
