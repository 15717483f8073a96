// Package sparkplug publishes the readings of a gateway to a broker of somebody else's as Sparkplug B (Eclipse Sparkplug 3.0.0):
// the gateway is an edge node, its devices are Sparkplug's devices. It is an addition: what it publishes is not kept for later, and
// nothing in the gateway waits for it. It publishes from here and not from the cloud, because the death certificate of an edge node
// is the last will of that node's own connection.
//
// Every metric carries the time of its reading and the property Quality; a value that cannot be trusted is published as bad with its
// reason, one that is not there as null. Nothing is written: of commands only a rebirth is obeyed.
package sparkplug

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/drivers/device"
)

const (
	rebirthName = "Node Control/Rebirth"
	firstWait   = time.Second // before the broker is dialled again, then doubled
	longestWait = time.Minute
)

// Config of a node.
type Config struct {
	URL            *url.URL // mqtt:// or mqtts://
	TLS            *tls.Config
	User, Password string
	Group, Node    string
	Devices        []device.Device
	Metrics        prometheus.Registerer // may be nil
	Now            func() time.Time
	Log            *slog.Logger
}

// A Node is one gateway at one broker.
type Node struct {
	cfg     Config
	devices map[string]*born
	order   []string
	deaths  uint8 // bdSeq: number of the present connection, which binds a death to its birth
	seq     uint8
	sent    prometheus.Counter
	up      prometheus.Gauge
}

// born is a device with what is known of it.
type born struct {
	points  []device.Point
	alias   map[string]uint64 // by point
	latest  map[string]device.Reading
	alive   bool // one of its newest readings says something
	told    bool // that it is alive, on this connection
	changed []device.Reading
}

// New makes a node; Run starts it. Aliases are given in the order of devices and points.
func New(cfg Config) *Node {
	n := &Node{cfg: cfg, devices: map[string]*born{},
		// Numbers of connections go on over restarts as far as anybody could notice: no host keeps them for 256 s.
		deaths: uint8(cfg.Now().Unix()),
		sent:   prometheus.NewCounter(prometheus.CounterOpts{Name: "linshao_sparkplug_metrics_total", Help: "Readings published as Sparkplug B."}),
		up:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "linshao_sparkplug_connected", Help: "1 while a connection to the Sparkplug broker is open."})}
	alias := uint64(1)
	for _, d := range cfg.Devices {
		b := &born{points: d.Points, alias: map[string]uint64{}, latest: map[string]device.Reading{}}
		for _, p := range d.Points {
			b.alias[p.Name] = alias
			alias++
		}
		n.devices[d.ID] = b
		n.order = append(n.order, d.ID)
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(n.sent, n.up)
	}
	return n
}

// Run publishes what comes in until in closes or ctx ends. A broker that is not there is dialled again and again.
func (n *Node) Run(ctx context.Context, in <-chan []device.Reading) error {
	wait := firstWait
	for {
		c, err := n.dial(ctx)
		if err == nil {
			n.cfg.Log.Info("sparkplug: connected", "broker", n.cfg.URL.Host)
			wait = firstWait
			n.up.Set(1)
			err = n.serve(ctx, c, in)
			n.up.Set(0)
			c.bye(n, err == nil)
		}
		if err == nil || ctx.Err() != nil {
			return nil
		}
		pause := time.Duration(rand.Int64N(int64(wait))) + wait/2
		n.cfg.Log.Warn("sparkplug: not connected", "broker", n.cfg.URL.Host, "error", err, "retry_in", pause.Round(time.Second))
		wait = min(wait*2, longestWait)
		if !n.rest(ctx, pause, in) {
			return nil
		}
	}
}

// rest takes readings in for a while without publishing them; false: it is the end.
func (n *Node) rest(ctx context.Context, pause time.Duration, in <-chan []device.Reading) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case rs, ok := <-in:
			if !ok {
				return false
			}
			n.take(rs)
			for _, d := range n.devices {
				d.changed = d.changed[:0] // births tell what is newest; of the time between there is nothing
			}
		}
	}
}

// serve publishes births, and then what comes; nil when there is nothing more to come.
func (n *Node) serve(ctx context.Context, c *conn, in <-chan []device.Reading) error {
	if err := n.births(ctx, c); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-c.lost:
			return err
		case <-c.rebirth:
			if err := n.births(ctx, c); err != nil {
				return err
			}
		case rs, ok := <-in:
			if !ok {
				return nil
			}
			n.take(rs)
			if err := n.tell(ctx, c); err != nil {
				return err
			}
		}
	}
}

// take notes readings. A device is alive while one of its newest readings says something.
func (n *Node) take(rs []device.Reading) {
	for _, r := range rs {
		d := n.devices[r.Device]
		if d == nil || d.alias[r.Point] == 0 {
			continue // the gateway's own points are nobody's device
		}
		d.latest[r.Point] = r
		d.changed = append(d.changed, r)
	}
	for i, r := range rs {
		if d := n.devices[r.Device]; d != nil && (i == 0 || rs[i-1].Device != r.Device) {
			d.alive = d.speaks()
		}
	}
}

func (b *born) speaks() bool {
	for _, r := range b.latest {
		if r.Quality != device.Bad {
			return true
		}
	}
	return false
}

// births tells everything anew: the node, then each device that is alive.
func (n *Node) births(ctx context.Context, c *conn) error {
	now := n.cfg.Now().UnixMilli()
	n.seq = 0
	if err := c.publish(ctx, n.topic("NBIRTH", ""), payload(now, n.number(), whole("bdSeq", now, uint64(n.deaths)), truth(rebirthName, now, false))); err != nil {
		return err
	}
	for _, d := range n.devices {
		d.told = false
	}
	return n.tell(ctx, c)
}

// tell publishes what has changed: a birth of a device that was not told, its death, or its newest readings.
func (n *Node) tell(ctx context.Context, c *conn) error {
	for _, id := range n.order {
		d := n.devices[id]
		var err error
		switch now := n.cfg.Now().UnixMilli(); {
		case d.alive && !d.told:
			err = c.publish(ctx, n.topic("DBIRTH", id), payload(now, n.number(), n.birth(d)...))
		case !d.alive && d.told:
			err = c.publish(ctx, n.topic("DDEATH", id), payload(now, n.number()))
		case d.alive && len(d.changed) > 0:
			var metrics [][]byte
			for _, r := range d.changed {
				metrics = append(metrics, data(d.alias[r.Point], r))
			}
			n.sent.Add(float64(len(metrics)))
			err = c.publish(ctx, n.topic("DDATA", id), payload(now, n.number(), metrics...))
		}
		if err != nil {
			return err
		}
		d.told, d.changed = d.alive, d.changed[:0]
	}
	return nil
}

func (n *Node) birth(d *born) (metrics [][]byte) {
	for _, p := range d.points {
		r, ok := d.latest[p.Name]
		if !ok {
			r = device.BadReading(p, device.NotRead, n.cfg.Now())
		}
		metrics = append(metrics, birth(p, d.alias[p.Name], r))
	}
	return metrics
}

// number is that of the next message: 0 to 255, round and round.
func (n *Node) number() int {
	n.seq++
	return int(n.seq - 1)
}

func (n *Node) topic(kind, id string) string {
	t := "spBv1.0/" + n.cfg.Group + "/" + kind + "/" + n.cfg.Node
	if id != "" {
		t += "/" + id
	}
	return t
}
