package sdk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk/driverpb"
)

// conn is our end of a channel that is open in the child.
type conn struct {
	child   *child
	id      uint64
	timeout time.Duration

	mu      sync.Mutex
	closed  bool
	calls   uint64                        // begun so far
	cancels map[uint64]context.CancelFunc // of the calls that are under way
}

func openConn(ctx context.Context, ch device.Channel, opened *conn) (device.Conn, error) {
	call, done, err := opened.begin(ctx, opened.timeout)
	if err != nil {
		return nil, err
	}
	defer done()
	reply, err := opened.child.rpc.Open(call, &driverpb.OpenRequest{Conn: opened.id, Channel: channelToWire(ch)})
	if err == nil {
		if reply.GetCamera() {
			return &cameraConn{opened}, nil
		}
		return opened, nil
	}
	_, own := fromStatus(err)
	err = opened.explain(ctx, err)
	if !own && !errors.Is(err, ErrCrashed) {
		// Our time was up, but the child may have opened it a moment later.
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		_, _ = opened.child.rpc.Close(late, &driverpb.CloseRequest{Conn: opened.id})
	}
	return nil, fmt.Errorf("open channel %s: %w", ch.ID, err)
}

// Read asks the child. Its error means, as for every Conn, that the channel must be opened anew.
func (c *conn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	call, done, err := c.begin(ctx, c.timeout)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer done()
	reply, err := c.child.rpc.Read(call, &driverpb.ReadRequest{Conn: c.id, Points: pointsToWire(points)})
	if err != nil {
		return nil, fmt.Errorf("read: %w", c.explain(ctx, err))
	}
	readings, err := readingsFromWire(points, reply.GetReadings())
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return readings, nil
}

// Write asks the child; errors.ErrUnsupported comes across. What the profile forbids does not reach it.
func (c *conn) Write(ctx context.Context, p device.Point, v float64) error {
	if err := p.CheckWrite(v); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	call, done, err := c.begin(ctx, c.timeout)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	defer done()
	_, err = c.child.rpc.Write(call, &driverpb.WriteRequest{Conn: c.id, Point: pointToWire(p), Value: v})
	if err != nil {
		return fmt.Errorf("write: %w", c.explain(ctx, err))
	}
	return nil
}

// Close interrupts a call that is under way and closes the channel in the child.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	for _, cancel := range c.cancels {
		cancel()
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := c.child.rpc.Close(ctx, &driverpb.CloseRequest{Conn: c.id})
	if err == nil || status.Code(err) == codes.Unavailable || status.Code(err) == codes.Canceled {
		return nil // with its process the channel is closed too
	}
	if own, ok := fromStatus(err); ok {
		return fmt.Errorf("close: %w", own)
	}
	c.child.doubt()
	return fmt.Errorf("close: %w", err)
}

// begin gives a call its deadline and lets Close interrupt it.
func (c *conn) begin(ctx context.Context, limit time.Duration) (_ context.Context, done func(), _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, net.ErrClosed
	}
	call, cancel := context.WithTimeout(ctx, limit)
	if c.cancels == nil {
		c.cancels = make(map[uint64]context.CancelFunc)
	}
	c.calls++
	id := c.calls
	c.cancels[id] = cancel
	return call, func() {
		c.mu.Lock()
		delete(c.cancels, id)
		c.mu.Unlock()
		cancel()
	}, nil
}

// explain turns a call's error into one that says whose fault it is: the driver's, the caller's, or the process's.
func (c *conn) explain(ctx context.Context, err error) error {
	if own, ok := fromStatus(err); ok {
		return own
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	code := status.Code(err)
	switch {
	case closed:
		return net.ErrClosed
	case ctx.Err() != nil:
		c.child.doubt()
		return ctx.Err()
	case code == codes.DeadlineExceeded:
		c.child.doubt()
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	case code == codes.ResourceExhausted:
		return err
	}
	return c.child.lost(ctx, err)
}
