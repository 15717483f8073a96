package camera

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

const (
	look   = 100 * time.Millisecond // between two looks at what the gateway knows
	sample = 20                     // looks between two at what the programs hold
)

// A watch looks at the gateway by its control socket, as its own commands do, and at its processes.
type watch struct {
	gateway *gateway
	client  http.Client

	mu       sync.Mutex
	pictures map[string]bool // cameras that have one
	quiet    []time.Time     // readings of the quiet camera
	first    []int           // the groups' processes at the beginning
	held     []process.Held  // by the gateway
	children []process.Held  // by those of the first processes that are still there
	failed   error           // of the last look
}

func newWatch(o Options, g *gateway) *watch {
	socket := filepath.Join(o.Dir, "data", "control.sock")
	return &watch{gateway: g, pictures: map[string]bool{}, client: http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}}
}

// begin forgets what was before and takes down who is there.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.first = process.Descendants(w.gateway.Pid())
	w.quiet, w.held, w.children = nil, nil, nil
}

// run looks until ctx ends. What is wrong with a look is told when somebody has waited in vain.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		err := w.readings(ctx)
		w.mu.Lock()
		w.failed = err
		w.mu.Unlock()
		if n%sample == 0 {
			w.processes()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// readings asks what the gateway knows of its cameras.
func (w *watch) readings(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway/now", nil)
	if err != nil {
		return err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var now struct {
		Readings []struct {
			Device, Point string
			Quality       device.Quality
			Value         *float64
			AtMs          int64 `json:"at_ms"`
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&now); err != nil {
		return fmt.Errorf("read what the gateway knows: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range now.Readings {
		if r.Point != "connected" {
			continue
		}
		w.pictures[r.Device] = r.Quality == device.Good && r.Value != nil && *r.Value == 1
		if at := time.UnixMilli(r.AtMs); r.Device == quiet && (len(w.quiet) == 0 || !at.Equal(w.quiet[len(w.quiet)-1])) {
			w.quiet = append(w.quiet, at)
		}
	}
	return nil
}

// processes looks at what is there, and what it holds.
func (w *watch) processes() {
	held, err := process.Holds(w.gateway.page)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.held = append(w.held, held)
	}
	var children process.Held
	for _, pid := range process.Descendants(w.gateway.Pid()) {
		if one, err := process.HeldBy(pid); err == nil && slices.Contains(w.first, pid) {
			children.Files, children.MemoryMiB = children.Files+one.Files, children.MemoryMiB+one.MemoryMiB
		}
	}
	w.children = append(w.children, children)
}

// pictured says whether the gateway has a picture of a camera.
func (w *watch) pictured(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pictures[id]
}

// judge says what was seen since begin. Of the groups at the beginning one is hostile; others must be there at the end.
func (w *watch) judge(res *Result, dir string) error {
	log, err := os.ReadFile(filepath.Join(dir, "gateway.log"))
	if err != nil {
		return fmt.Errorf("read the gateway's log: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	there := 0
	for _, pid := range process.Descendants(w.gateway.Pid()) {
		if slices.Contains(w.first, pid) {
			there++
		}
	}
	if res.Gateway > 0 {
		return nil
	}
	res.Restarts, res.Neighbours, res.CameraLate = strings.Count(string(log), `msg="driver process ended"`), max(0, len(w.first)-1-there), late(w.quiet)
	before, after, grew, err := process.Growth(w.held)
	if err != nil {
		return fmt.Errorf("look at the gateway: %w", err)
	}
	res.Goroutines, res.Files, res.RSS = [2]int{before.Goroutines, after.Goroutines}, [2]int{before.Files, after.Files}, [2]int{before.MemoryMiB, after.MemoryMiB}
	children, last, more, err := process.Growth(w.children)
	if err != nil {
		return fmt.Errorf("look at the groups: %w", err)
	}
	res.ChildFiles, res.ChildRSS, res.Grew = [2]int{children.Files, last.Files}, [2]int{children.MemoryMiB, last.MemoryMiB}, grew || more
	return nil
}

// until waits, up to a limit.
func (w *watch) until(ctx context.Context, limit time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(look / 2)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			w.mu.Lock()
			defer w.mu.Unlock()
			return errors.Join(context.Cause(ctx), w.failed)
		case <-tick.C:
		}
	}
	return nil
}
