package sdk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk/driverpb"
)

// What a child may do with a call for video.
const (
	longestVideo = 10 * time.Minute // one call, however far ahead its end lies
	largestStill = 8 << 20          // bytes
)

// cameraConn is our end of a channel of cameras.
type cameraConn struct{ *conn }

// Clip asks the child; see device.Camera. What arrives is checked against the hash that the child gives.
func (c *cameraConn) Clip(ctx context.Context, dev string, from, to time.Time, chunk func([]byte) error) (device.Clip, error) {
	call, done, err := c.begin(ctx, min(longestVideo, c.timeout+max(0, time.Until(to))))
	if err != nil {
		return device.Clip{}, fmt.Errorf("clip of %s: %w", dev, err)
	}
	defer done()
	stream, err := c.child.rpc.Clip(call, &driverpb.ClipRequest{Conn: c.id, Device: dev, FromNs: from.UnixNano(), ToNs: to.UnixNano()})
	if err != nil {
		return device.Clip{}, fmt.Errorf("clip of %s: %w", dev, c.explain(ctx, err))
	}
	clip, err := c.receive(ctx, stream, chunk)
	if err != nil {
		return device.Clip{}, fmt.Errorf("clip of %s: %w", dev, err)
	}
	return clip, nil
}

// Still asks the child; see device.Camera.
func (c *cameraConn) Still(ctx context.Context, dev string, at time.Time) ([]byte, device.Clip, error) {
	call, done, err := c.begin(ctx, c.timeout)
	if err != nil {
		return nil, device.Clip{}, fmt.Errorf("still of %s: %w", dev, err)
	}
	defer done()
	stream, err := c.child.rpc.Still(call, &driverpb.StillRequest{Conn: c.id, Device: dev, AtNs: at.UnixNano()})
	if err != nil {
		return nil, device.Clip{}, fmt.Errorf("still of %s: %w", dev, c.explain(ctx, err))
	}
	var all []byte
	clip, err := c.receive(ctx, stream, func(b []byte) error {
		if len(all)+len(b) > largestStill {
			return fmt.Errorf("larger than %d bytes", largestStill)
		}
		all = append(all, b...)
		return nil
	})
	if err != nil {
		return nil, device.Clip{}, fmt.Errorf("still of %s: %w", dev, err)
	}
	return all, clip, nil
}

// Live asks the child; see device.Camera. It ends after ten minutes at the latest.
func (c *cameraConn) Live(ctx context.Context, dev string, chunk func([]byte) error) error {
	call, done, err := c.begin(ctx, longestVideo)
	if err != nil {
		return fmt.Errorf("live of %s: %w", dev, err)
	}
	defer done()
	stream, err := c.child.rpc.Live(call, &driverpb.LiveRequest{Conn: c.id, Device: dev})
	if err != nil {
		return fmt.Errorf("live of %s: %w", dev, c.explain(ctx, err))
	}
	for {
		piece, err := stream.Recv()
		if err == nil {
			err = chunk(piece.GetData())
			if err != nil {
				return fmt.Errorf("live of %s: %w", dev, err)
			}
			continue
		}
		if ctx.Err() != nil || errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("live of %s: %w", dev, c.explain(ctx, err))
	}
}

// receive passes on the pieces, and believes the clip's size and hash only when they are those of what came.
func (c *cameraConn) receive(ctx context.Context, stream grpc.ServerStreamingClient[driverpb.VideoPiece], chunk func([]byte) error) (device.Clip, error) {
	sum, size := sha256.New(), int64(0)
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return device.Clip{}, errors.New("the driver did not say what it sent")
		}
		if err != nil {
			return device.Clip{}, c.explain(ctx, err)
		}
		if piece.GetClip() != nil {
			return clipFromWire(piece.GetClip(), sum, size)
		}
		_, _ = sum.Write(piece.GetData())
		size += int64(len(piece.GetData()))
		if err := chunk(piece.GetData()); err != nil {
			return device.Clip{}, err
		}
	}
}

func clipFromWire(w *driverpb.Clip, sum hash.Hash, size int64) (device.Clip, error) {
	c := device.Clip{
		Codec: w.GetCodec(), Width: int(w.GetWidth()), Height: int(w.GetHeight()), Frames: int(w.GetFrames()),
		From: timeFromWire(w.GetFromNs()), To: timeFromWire(w.GetToNs()), CameraFrom: timeFromWire(w.GetCameraFromNs()),
		Size: w.GetSize(),
	}
	sum.Sum(c.SHA256[:0])
	if size != c.Size || string(c.SHA256[:]) != string(w.GetSha256()) {
		return device.Clip{}, errors.New("what arrived is not what the driver says it sent")
	}
	for _, h := range w.GetHoles() {
		c.Holes = append(c.Holes, device.Hole{From: timeFromWire(h.GetFromNs()), To: timeFromWire(h.GetToNs()), Reason: h.GetReason()})
	}
	return c, nil
}

func clipToWire(c device.Clip) *driverpb.Clip {
	w := &driverpb.Clip{
		Codec: c.Codec, Width: uint32(c.Width), Height: uint32(c.Height), Frames: uint32(c.Frames),
		FromNs: timeToWire(c.From), ToNs: timeToWire(c.To), CameraFromNs: timeToWire(c.CameraFrom),
		Size: c.Size, Sha256: c.SHA256[:],
	}
	for _, h := range c.Holes {
		w.Holes = append(w.Holes, &driverpb.Hole{FromNs: timeToWire(h.From), ToNs: timeToWire(h.To), Reason: h.Reason})
	}
	return w
}

func timeToWire(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeFromWire(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// Clip serves device.Camera's.
func (s *server) Clip(req *driverpb.ClipRequest, stream grpc.ServerStreamingServer[driverpb.VideoPiece]) error {
	ctx := stream.Context()
	camera, err := s.camera(req.GetConn())
	if err != nil {
		return toStatus(ctx, err)
	}
	clip, err := camera.Clip(ctx, req.GetDevice(), time.Unix(0, req.GetFromNs()), time.Unix(0, req.GetToNs()), pieces(stream))
	if err != nil {
		return toStatus(ctx, err)
	}
	return stream.Send(&driverpb.VideoPiece{Clip: clipToWire(clip)})
}

// Still serves device.Camera's.
func (s *server) Still(req *driverpb.StillRequest, stream grpc.ServerStreamingServer[driverpb.VideoPiece]) error {
	ctx := stream.Context()
	camera, err := s.camera(req.GetConn())
	if err != nil {
		return toStatus(ctx, err)
	}
	picture, clip, err := camera.Still(ctx, req.GetDevice(), time.Unix(0, req.GetAtNs()))
	if err != nil {
		return toStatus(ctx, err)
	}
	if err := pieces(stream)(picture); err != nil {
		return err
	}
	return stream.Send(&driverpb.VideoPiece{Clip: clipToWire(clip)})
}

// Live serves device.Camera's.
func (s *server) Live(req *driverpb.LiveRequest, stream grpc.ServerStreamingServer[driverpb.VideoPiece]) error {
	ctx := stream.Context()
	camera, err := s.camera(req.GetConn())
	if err == nil {
		err = camera.Live(ctx, req.GetDevice(), pieces(stream))
	}
	if err != nil {
		return toStatus(ctx, err)
	}
	return nil
}

// camera of a conn. It does not wait for the conn's turn: a Read must not keep a clip waiting.
func (s *server) camera(id uint64) (device.Camera, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.open[id]
	if open == nil {
		return nil, fmt.Errorf("conn %d is not open", id)
	}
	camera, ok := open.conn.(device.Camera)
	if !ok {
		return nil, fmt.Errorf("conn %d has no camera: %w", id, errors.ErrUnsupported)
	}
	return camera, nil
}

// pieces sends what it is given in pieces that are not too large.
func pieces(stream grpc.ServerStreamingServer[driverpb.VideoPiece]) func([]byte) error {
	return func(b []byte) error {
		for len(b) > 0 {
			n := min(len(b), device.ChunkSize)
			if err := stream.Send(&driverpb.VideoPiece{Data: b[:n]}); err != nil {
				return fmt.Errorf("send: %w", err)
			}
			b = b[n:]
		}
		return nil
	}
}
