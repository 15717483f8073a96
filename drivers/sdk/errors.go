package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/linshao/linshao/drivers/device"
)

// ErrCrashed is wrapped by every error whose cause is that the driver's process ended, hung or could not be started.
var ErrCrashed error = crashed{}

type crashed struct{}

func (crashed) Error() string { return "driver process ended" }

// Reason is what readings say while there is no process.
func (crashed) Reason() device.Reason { return device.DriverCrashed }

// A RetryError is an Open that was not tried, because the driver's process ended too often.
type RetryError struct {
	Name        string    // of the executable
	Until       time.Time // when an Open will start the process again
	Crashes     int       // in the last ten minutes
	Quarantined bool      // five crashes in ten minutes: tried again every ten minutes only
	Last        error     // why it ended last
}

func (e *RetryError) Error() string {
	s := fmt.Sprintf("driver %s ended (%d in ten minutes), next try in %s at %s",
		e.Name, e.Crashes, time.Until(e.Until).Round(time.Second), e.Until.Format(time.TimeOnly))
	if e.Quarantined {
		s = fmt.Sprintf("driver %s is in quarantine because it keeps ending, next try in %s at %s",
			e.Name, time.Until(e.Until).Round(time.Second), e.Until.Format(time.TimeOnly))
	}
	return fmt.Sprintf("%s; last: %v", s, e.Last)
}

// RetryAt is Until, for callers that do not know this package.
func (e *RetryError) RetryAt() time.Time { return e.Until }

// Unwrap gives the last crash, which wraps ErrCrashed.
func (e *RetryError) Unwrap() error { return e.Last }

// toStatus carries a driver's error over the wire: errors.ErrUnsupported, device.ErrNoPicture and the end of the gateway's own context as a
// code, all others as their text.
func toStatus(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	case errors.Is(err, errors.ErrUnsupported):
		return status.Error(codes.Unimplemented, err.Error())
	case errors.Is(err, device.ErrNoPicture):
		return status.Error(codes.NotFound, err.Error())
	}
	return status.Error(codes.Unknown, err.Error())
}

// A remoteError is an error that the driver itself returned, on our side of the wire.
type remoteError struct {
	text string
	is   error // errors.ErrUnsupported, device.ErrNoPicture or nil
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }

// fromStatus is the inverse of toStatus; ok is false when err does not come from the driver but from the transport.
func fromStatus(err error) (_ error, ok bool) {
	st := status.Convert(err)
	switch st.Code() {
	case codes.Unimplemented:
		return &remoteError{st.Message(), errors.ErrUnsupported}, true
	case codes.NotFound:
		return &remoteError{st.Message(), device.ErrNoPicture}, true
	case codes.Unknown, codes.FailedPrecondition:
		return &remoteError{st.Message(), nil}, true
	}
	return err, false
}
