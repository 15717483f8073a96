package line

import "time"

// Silence shows to tests how long the line rests between two frames.
func (p *Port) Silence() time.Duration { return p.timing.silence }
