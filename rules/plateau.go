package rules

// A plateau knows since when power has been within 5 % of the peak. The peak may rise slowly meanwhile, as it does in a
// healthy charge, so the past is judged by the peak of now: it keeps the lowest power since each of a few moments. The
// lows rise from step to step by at least 1 %, and none is below 95 % of the peak, so a handful of steps is enough.
type plateau struct {
	Steps [8]step `json:"steps"`
	N     int     `json:"n"`
}

type step struct {
	At  int64   `json:"at"`  // ms
	Low float64 `json:"low"` // W: the lowest power since At
}

const (
	flatBand = 0.95
	stepSize = 1.01
)

func (p *plateau) put(t int64, power, peak float64) {
	at := t
	for p.N > 0 && p.Steps[p.N-1].Low >= power {
		p.N--
		at = p.Steps[p.N].At
	}
	if p.N == 0 || power > p.Steps[p.N-1].Low*stepSize && p.N < len(p.Steps) {
		p.Steps[p.N] = step{at, power}
		p.N++
	}
	drop := 0
	for drop < p.N && p.Steps[drop].Low < flatBand*peak {
		drop++
	}
	copy(p.Steps[:], p.Steps[drop:p.N])
	p.N -= drop
}

// since is when the plateau began, in ms; 0 when power is off the peak.
func (p *plateau) since() int64 {
	if p.N == 0 {
		return 0
	}
	return p.Steps[0].At
}
