package osdp_test

import (
	"context"

	"github.com/linshao/linshao/drivers/serial/line"
)

// nowhere is a wire without an end.
type nowhere struct{}

func (nowhere) Exchange(context.Context, line.Request, line.Scanner) ([]byte, error) {
	return nil, line.ErrClosed
}

func (nowhere) Close() error { return nil }
