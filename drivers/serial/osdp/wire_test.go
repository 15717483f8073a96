package osdp_test

import (
	"context"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// nowhere is a wire without an end.
type nowhere struct{}

func (nowhere) Exchange(context.Context, line.Request, line.Scanner) ([]byte, error) {
	return nil, line.ErrClosed
}

func (nowhere) Close() error { return nil }

// straight is a wire on which nothing ever happens.
type straight struct{ *pd }

func (w *straight) Exchange(_ context.Context, req line.Request, s line.Scanner) ([]byte, error) {
	if a, err := s.Scan(w.hear(req.Frame[1:]), true); a != nil || err != nil {
		return a, err
	}
	return nil, &line.Fault{Reason: device.Timeout, Detail: "no answer"}
}

func (*straight) Close() error { return nil }
