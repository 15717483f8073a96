package line

import "time"

// Take appends to buf what came in since the last Take, and says when the last of it did: for a device that speaks unasked and is alone
// on its line. lost says that more came than the line holds (1,024 bytes): what came after those is gone, and what the next Take
// answers may begin anywhere. An error means that the line is gone.
func (p *Port) Take(buf []byte) (_ []byte, last time.Time, lost bool, err error) {
	select {
	case <-p.closed:
		return buf, time.Time{}, false, ErrClosed
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	buf = append(buf, p.rx...)
	lost = p.spilt
	p.rx, p.spilt = p.rx[:0], false
	return buf, p.lastRx, lost, p.gone
}
