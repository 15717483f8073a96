// Package rtsp watches cameras. Each camera is a device whose address is its RTSP URL; its points tell whether the
// picture arrives, never what it shows. The gateway runs the package in a child process (driver-rtsp) because the
// library, deepch/vdk, panics in a goroutine of its own on malformed streams: eight of twelve such inputs end the process.
// One camera that does so ends the watching of all cameras of its channel for some seconds, and in the end puts them in
// quarantine with it, so a suspicious camera belongs on a channel of its own.
//
// What is supported: RTSP over TCP (interleaved), H.264; H.265 with limits (see the points); Basic and Digest-MD5
// passwords. What is not: UDP, rtsps, cameras that offer SHA-256 digests alone. A failed dial leaves the library's socket
// open until the next garbage collection, so the back-off also bounds open files.
package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// The points of a camera.
const (
	// Connected is 1 while video arrives, and 0 from the first attempt that failed on. Before that it is bad, warming up.
	Connected = "connected"
	// FPS is frames per second over the last five seconds.
	FPS = "fps"
	// Bitrate is the video's payload in kbit/s over the last five seconds.
	Bitrate = "bitrate"
	// KeyframeAge is how many seconds ago the last key frame arrived. For H.265 it may be unsupported: of its key frames
	// the library passes on only some.
	KeyframeAge = "keyframe_age"
	// FrozenPicture is 1 when the picture is suspected not to move; see the type stillness.
	FrozenPicture = "frozen"
)

// DefaultFrozenAfter is how long key frames must repeat before a picture is called frozen.
const DefaultFrozenAfter = time.Minute

// Driver watches cameras. Its zero value is ready.
type Driver struct {
	Log         *slog.Logger  // nil: silent. URLs are logged without passwords
	FrozenAfter time.Duration // 0: DefaultFrozenAfter
}

// Open never fails: a channel of cameras is nothing but this process.
func (d Driver) Open(_ context.Context, ch device.Channel) (device.Conn, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.FrozenAfter == 0 {
		d.FrozenAfter = DefaultFrozenAfter
	}
	// The watchers outlive the call that makes them and end with Close.
	life, end := context.WithCancel(context.Background())
	return &conn{
		driver:   d,
		start:    func(w *watcher) { w.run(life) },
		end:      end,
		watchers: make(map[string]*watcher),
	}, nil
}

// conn owns one watcher per camera that has been asked for.
type conn struct {
	driver Driver
	start  func(*watcher) // blocks until the conn is closed
	end    context.CancelFunc
	all    sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	watchers map[string]*watcher // by URL
}

// Read answers at once with what the watchers know. The first Read of a camera starts its watcher.
func (c *conn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read cameras: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("read cameras: %w", net.ErrClosed)
	}
	at := time.Now()
	readings := make([]device.Reading, len(points))
	for i, p := range points {
		if err := CheckPoint(p); err != nil {
			readings[i] = device.BadReading(p, device.Unsupported, at)
			continue
		}
		readings[i] = c.watcher(p.Address).reading(p, at)
	}
	return readings, nil
}

func (c *conn) watcher(url string) *watcher {
	w := c.watchers[url]
	if w == nil {
		w = newWatcher(url, c.driver)
		c.watchers[url] = w
		c.all.Go(func() { c.start(w) })
	}
	return w
}

// Write is refused: a camera has nothing to be written.
func (c *conn) Write(_ context.Context, p device.Point, _ float64) error {
	return fmt.Errorf("write %s: cameras are read-only: %w", p.Name, errors.ErrUnsupported)
}

// Close ends all watchers and waits for them. One that is just dialling may take until the dial's own deadline.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end()
	c.all.Wait()
	return nil
}
