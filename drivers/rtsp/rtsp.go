// Package rtsp watches cameras. Each camera is a device whose address is its RTSP URL; its points tell whether the picture
// arrives and whether it looks alive, and what it shows is kept for a minute, encoded as it came, so that a clip can begin
// before the event that it is wanted for. Nothing is ever decoded. The gateway runs the package in a child process
// (driver-rtsp) because deepch/vdk, the given library, panics in a goroutine of its own on malformed streams: eight of twelve
// such inputs end the process. That ends the watching of all cameras of the channel for a second or two. The goroutine's label
// tells the gateway which camera it was, and the next child speaks with that one through the other library, gortsplib.
//
// vdk speaks H.264 over TCP with Basic and Digest-MD5 passwords, and writes the files. gortsplib speaks the rest: UDP (when TCP
// is refused, or with #transport=udp behind the address), H.265, SHA-256 digests. Neither speaks rtsps here.
package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Defaults of a Driver.
const (
	DefaultFrozenAfter = time.Minute      // how long key frames must repeat before a picture is called frozen
	DefaultKeep        = 45 * time.Second // of pictures, for each camera
	DefaultKeepBytes   = 16 << 20         // for each camera: 45 s of 2.9 Mbit/s
	DefaultKeepTotal   = 144 << 20        // for all cameras of a channel
)

// Driver watches cameras. Its zero value is ready.
type Driver struct {
	Log         *slog.Logger  // nil: silent. URLs are logged without passwords
	FrozenAfter time.Duration // 0: DefaultFrozenAfter
	Keep        time.Duration // 0: DefaultKeep
	KeepBytes   int           // 0: DefaultKeepBytes
	KeepTotal   int           // 0: DefaultKeepTotal
	Hour        time.Duration // the step of what bit rates are compared with; 0: an hour
	State       string        // folder in which bit rates outlive the process; "": nowhere
	Suspects    []string      // devices whose streams have made the given library panic
}

func (d Driver) suspects(dev string) bool { return slices.Contains(d.Suspects, dev) }

func (d *Driver) fill() {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	for _, t := range []struct {
		into  *time.Duration
		value time.Duration
	}{{&d.FrozenAfter, DefaultFrozenAfter}, {&d.Keep, DefaultKeep}, {&d.Hour, time.Hour}} {
		if *t.into == 0 {
			*t.into = t.value
		}
	}
	if d.KeepBytes == 0 {
		d.KeepBytes = DefaultKeepBytes
	}
	if d.KeepTotal == 0 {
		d.KeepTotal = DefaultKeepTotal
	}
}

// Open never fails: a channel of cameras is nothing but this process.
func (d Driver) Open(_ context.Context, ch device.Channel) (device.Conn, error) {
	d.fill()
	// The watchers outlive the call that makes them and end with Close.
	life, end := context.WithCancel(context.Background())
	c := &conn{
		driver: d,
		memory: newMemory(d.State, ch.ID, d.Log),
		start: func(w *watcher) {
			ctx, stop := context.WithCancel(life)
			var waiting sync.WaitGroup
			defer waiting.Wait()
			defer stop()
			waiting.Go(func() {
				select {
				case <-w.left:
					stop()
				case <-ctx.Done():
				}
			})
			w.run(ctx)
		},
		end:      end,
		ended:    life.Done(),
		clock:    newClock(),
		watchers: make(map[string]*watcher),
		devices:  make(map[string]*watcher),
		gates:    make(map[string]*gate),
	}
	if d.State != "" {
		c.all.Go(c.remember)
	}
	return c, nil
}

// conn owns one watcher per camera that has been asked for. It is a device.Camera.
type conn struct {
	driver Driver
	start  func(*watcher) // blocks until the conn is closed, or the watcher is left
	end    context.CancelFunc
	ended  <-chan struct{}
	all    sync.WaitGroup
	clock  clock
	memory *memory

	mu       sync.Mutex
	closed   bool
	watchers map[string]*watcher // by URL
	devices  map[string]*watcher
	gates    map[string]*gate // by host
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
		readings[i] = c.watcher(p).reading(p, at)
	}
	return readings, nil
}

func (c *conn) watcher(p device.Point) *watcher {
	w := c.watchers[p.Address]
	if w == nil {
		w = newWatcher(p.Address, p.Device, c)
		c.watchers[p.Address] = w
		each := min(c.driver.KeepBytes, c.driver.KeepTotal/len(c.watchers))
		for _, other := range c.watchers {
			other.ring.limit(each)
		}
		c.all.Go(func() { c.start(w) })
	}
	if old := c.devices[p.Device]; old != nil && old != w {
		c.leave(old)
	}
	c.devices[p.Device] = w
	return w
}

// leave ends the watching of an address that a device had before, such as one with an old password. It needs mu.
func (c *conn) leave(old *watcher) {
	n := 0
	for _, w := range c.devices {
		if w == old {
			n++
		}
	}
	if n > 1 { // another device has it too
		return
	}
	delete(c.watchers, old.url)
	close(old.left)
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

// Clip implements device.Camera.
func (c *conn) Clip(ctx context.Context, dev string, from, to time.Time, chunk func([]byte) error) (device.Clip, error) {
	w, ctx, done, err := c.serve(ctx, dev)
	if err != nil {
		return device.Clip{}, err
	}
	defer done()
	if !to.After(from) {
		return device.Clip{}, fmt.Errorf("clip of %s: it ends before it begins", dev)
	}
	cut := cutter{ring: w.ring, clock: c.clock, chunk: chunk}
	clip, err := cut.cut(ctx, c.clock.of(from), c.clock.of(to))
	if err != nil {
		return device.Clip{}, fmt.Errorf("clip of %s: %w", dev, err)
	}
	return clip, nil
}

// Still implements device.Camera.
func (c *conn) Still(ctx context.Context, dev string, at time.Time) ([]byte, device.Clip, error) {
	w, _, done, err := c.serve(ctx, dev)
	if err != nil {
		return nil, device.Clip{}, err
	}
	defer done()
	picture, clip, err := w.ring.still(c.clock, c.clock.of(at))
	if err != nil {
		return nil, device.Clip{}, fmt.Errorf("still of %s: %w", dev, err)
	}
	return picture, clip, nil
}

// Live implements device.Camera.
func (c *conn) Live(ctx context.Context, dev string, chunk func([]byte) error) error {
	w, ctx, done, err := c.serve(ctx, dev)
	if err != nil {
		return err
	}
	defer done()
	s := show{ring: w.ring, clock: c.clock, chunk: chunk}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("live of %s: %w", dev, err)
	}
	return nil
}

// serve finds a device's watcher, and makes a context that ends with the conn too.
func (c *conn) serve(ctx context.Context, dev string) (*watcher, context.Context, func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.devices[dev]
	switch {
	case c.closed:
		return nil, nil, nil, fmt.Errorf("look at %s: %w", dev, net.ErrClosed)
	case w == nil:
		return nil, nil, nil, fmt.Errorf("look at %s: it has not been read yet: %w", dev, device.ErrNoPicture)
	case w.blind():
		return nil, nil, nil, fmt.Errorf("look at %s: its stream is neither H.264 nor H.265: %w", dev, errors.ErrUnsupported)
	}
	ctx, cancel := context.WithCancel(ctx)
	c.all.Go(func() {
		select {
		case <-c.ended:
			cancel()
		case <-ctx.Done():
		}
	})
	return w, ctx, cancel, nil
}

func (w *watcher) blind() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.phase == blind
}
