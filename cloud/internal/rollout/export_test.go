package rollout

import "time"

// Token is what a gateway would show.
func (s *Service) Token(gateway string, until time.Time) string { return s.token(gateway, until) }
