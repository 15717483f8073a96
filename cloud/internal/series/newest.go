package series

import (
	"context"
	"fmt"
	"sync"

	"github.com/linshao/linshao/drivers/device"
)

// newest knows the time of the newest reading of every point. A good reading is stored without its quality, which is
// right only where nothing was stored before: one that is not newer than its point's newest may correct another, so its
// quality is written too.
type newest struct {
	latest func(ctx context.Context, gateway, device string) ([]device.Reading, error)

	mu    sync.Mutex
	times map[seriesKey]int64
	asked map[string]bool // gateways whose times the server has told
}

type seriesKey struct{ gateway, device, point string }

func (c *Column) key() seriesKey { return seriesKey{c.Gateway, c.Device, c.Point} }

// maxNewest bounds the memory: 200 bytes a point. Beyond it all is asked for again.
const maxNewest = 1 << 20

// learn asks the server once for every gateway.
func (n *newest) learn(ctx context.Context, columns []Column) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.times == nil || len(n.times) > maxNewest {
		n.times, n.asked = map[seriesKey]int64{}, map[string]bool{}
	}
	last := ""
	for _, c := range columns {
		if c.Gateway == last || n.asked[c.Gateway] {
			continue
		}
		last = c.Gateway
		rs, err := n.latest(ctx, c.Gateway, "")
		if err != nil {
			return fmt.Errorf("ask for the newest readings of %s: %w", c.Gateway, err)
		}
		for _, r := range rs {
			n.times[seriesKey{c.Gateway, r.Device, r.Point}] = r.Time.UnixMilli()
		}
		n.asked[c.Gateway] = true
	}
	return nil
}

// of answers the time up to which a point may have readings; readings behind it are new.
func (n *newest) of(c *Column) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	t, ok := n.times[c.key()]
	if !ok {
		return -1 << 63
	}
	return t
}

// wrote notes the columns, each in order of time.
func (n *newest) wrote(columns []Column) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range columns {
		k, last := columns[i].key(), columns[i].Times[len(columns[i].Times)-1]
		if t, ok := n.times[k]; !ok || t < last {
			n.times[k] = last
		}
	}
}
