package wire

// columnsVersion is the first number of Readings.columns.
const columnsVersion = 1

// How residuals are written.
const (
	lowBits  = 6
	mostLow  = 62
	allZero  = 63 // in the place of the low bits: every residual is zero, and none is written
	kindBits = 2
)

// What a number is expected to be.
const (
	predictLast   = 0 // the one before
	predictSmooth = 1 // a moving mean of those before: sensors with noise
	predictLine   = 2 // as far from the one before as that was from its own: counters
	predictors    = 3
	predictorBits = 2
	smoothShift   = 2
)

// A predictor says what the next number of a series should be. Sums wrap.
type predictor struct {
	kind                int
	last, slope, smooth int64
}

func (p *predictor) next() int64 {
	switch p.kind {
	case predictSmooth:
		return p.smooth
	case predictLine:
		return p.last + p.slope
	}
	return p.last
}

func (p *predictor) saw(m int64) {
	p.slope = m - p.last
	p.smooth += (m - p.smooth) >> smoothShift
	p.last = m
}
