package commission

import (
	"context"
	"fmt"
)

// Read reads a device once, with the bytes of each value and the time that its answer took, and says what may be wrong with a value
// that the display shows otherwise. It writes nothing.
func (s *Service) Read(ctx context.Context, req ReadRequest) (ReadReport, error) {
	return ReadReport{}, fmt.Errorf("%w: later", ErrRequest)
}
