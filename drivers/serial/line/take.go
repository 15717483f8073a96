package line

import "time"

// Take appends to buf what came in since the last Take, and says when the last of it did: for a device that speaks unasked and is alone
// on its line. An error means that the line is gone.
func (p *Port) Take(buf []byte) (_ []byte, last time.Time, err error) {
	select {
	case <-p.closed:
		return buf, time.Time{}, ErrClosed
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	buf = append(buf, p.rx...)
	p.rx = p.rx[:0]
	return buf, p.lastRx, p.gone
}
