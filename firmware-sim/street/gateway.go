package street

import (
	"context"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// A gateway speaks for one site: it keeps its records until the cloud has them, and says hello again after every loss.
type gateway struct {
	site   site
	start  time.Time // of its clock
	now    func() time.Time
	broker string

	mu    sync.Mutex
	logs  [2]stream // events, telemetry
	state map[string]*trouble
	away  bool          // it is switched off
	wake  chan struct{} // something changed
}

// A stream is what the cloud does not have yet.
type stream struct {
	epoch uint64
	first uint64 // sequence of the first one kept
	kept  []record
	sent  uint64 // up to which the present session has sent
}

func newGateway(s site, start time.Time, cfg Config) *gateway {
	g := &gateway{site: s, start: start, now: cfg.Now, broker: cfg.Broker, state: map[string]*trouble{}, wake: make(chan struct{}, 1)}
	for i := range g.logs {
		g.logs[i] = stream{epoch: cfg.Seed<<20 + uint64(s.number)<<4 + uint64(i) + 1, first: 1}
	}
	return g
}

// add keeps a record of a stream (1 events, 2 telemetry) until the cloud has it.
func (g *gateway) add(of int, records ...record) {
	g.mu.Lock()
	g.logs[of-1].kept = append(g.logs[of-1].kept, records...)
	g.mu.Unlock()
	g.stir()
}

// trouble begins or ends an alert.
func (g *gateway) trouble(t *trouble, firing bool) {
	g.mu.Lock()
	if firing {
		g.state[t.device] = t
	} else {
		delete(g.state, t.device)
	}
	g.mu.Unlock()
	g.add(streamEvents, t.event(firing))
}

func (g *gateway) switchOff(off bool) {
	g.mu.Lock()
	g.away = off
	g.mu.Unlock()
	g.stir()
}

func (g *gateway) off() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.away
}

func (g *gateway) stir() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// report reads the devices now.
func (g *gateway) report(all []curve, times ...time.Time) {
	g.mu.Lock()
	troubles := make(map[string]*trouble, len(g.state))
	for k, v := range g.state {
		troubles[k] = v
	}
	g.mu.Unlock()
	last := times[len(times)-1]
	g.add(streamTelemetry, record{kind: typeReadings, wallMs: last.UnixMilli(), payload: g.site.report(all, times, troubles), late: len(times) > 1})
}

// run keeps the gateway connected until ctx ends.
func (g *gateway) run(ctx context.Context) {
	for rest := time.Second; ctx.Err() == nil; rest = min(2*rest, time.Minute) {
		for g.off() && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-g.wake:
			}
		}
		if g.session(ctx) {
			rest = time.Second
		}
		pause := time.NewTimer(rest + time.Duration(g.site.number%10)*100*time.Millisecond)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// alive is how often a connection shows at least that it lives, and half as long again is how long it waits for an answer: a
// gateway does no less, and a busy cloud is no reason to hang up.
const alive = 30 * time.Second

// session is one connection; it answers whether the cloud spoke.
func (g *gateway) session(ctx context.Context) (spoken bool) {
	acks, lost := make(chan ack, 16), make(chan struct{})
	o := mqtt.NewClientOptions().AddBroker("tcp://" + g.broker).SetClientID(g.site.gateway).SetCleanSession(true).SetAutoReconnect(false).
		SetKeepAlive(alive).SetPingTimeout(alive * 3 / 2).SetConnectTimeout(10 * time.Second).SetOrderMatters(false).SetWriteTimeout(10 * time.Second).
		SetConnectionLostHandler(func(mqtt.Client, error) { close(lost) })
	id := uint64(g.now().UnixNano())
	o.SetBinaryWill(topic(g.site.gateway, "status"), status(false, id, g.now()), 1, true)
	c := mqtt.NewClient(o)
	if t := c.Connect(); !done(ctx, t) || t.Error() != nil {
		return false
	}
	defer c.Disconnect(100)
	heard := func(_ mqtt.Client, m mqtt.Message) {
		if a, ok := parseAck(m.Payload()); ok && a.session == id {
			select {
			case acks <- a:
			default: // the next one says more
			}
		}
	}
	if t := c.Subscribe(topic(g.site.gateway, "down/ack"), 0, heard); !done(ctx, t) || t.Error() != nil {
		return false
	}
	g.say(ctx, c, "status", status(true, id, g.now()))
	defer func() { g.say(context.WithoutCancel(ctx), c, "status", status(false, id, g.now())) }()
	return g.talk(ctx, c, id, acks, lost)
}

// talk says hello until it is answered, then sends what there is.
func (g *gateway) talk(ctx context.Context, c mqtt.Client, id uint64, acks <-chan ack, lost <-chan struct{}) (spoken bool) {
	greeted := [2]bool{}
	hello := time.NewTimer(0)
	defer hello.Stop()
	for !g.off() {
		select {
		case <-ctx.Done():
			return spoken
		case <-lost:
			return spoken
		case <-hello.C:
			if !greeted[0] || !greeted[1] || g.waiting() {
				greeted = [2]bool{}
				g.say(ctx, c, "up/hello", g.hello(id))
			}
			hello.Reset(30 * time.Second)
			continue
		case a := <-acks:
			if a.stream > 2 || a.epoch != g.logs[a.stream-1].epoch {
				continue
			}
			spoken = true
			if g.confirm(a, !greeted[a.stream-1]); a.credit == 0 {
				hello.Reset(time.Duration(a.wait)*time.Millisecond + time.Second)
				continue
			}
			greeted[a.stream-1] = true
		case <-g.wake:
		}
		for i := range greeted {
			if greeted[i] {
				g.send(ctx, c, i, id)
			}
		}
	}
	return spoken
}

// waiting says whether something was sent and not confirmed: the hello that follows asks where the cloud stands.
func (g *gateway) waiting() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.logs[0].kept) > 0 || len(g.logs[1].kept) > 0
}

// confirm forgets what the cloud has; after a hello everything else counts as not sent.
func (g *gateway) confirm(a ack, again bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := &g.logs[a.stream-1]
	if a.cum >= l.first {
		n := min(a.cum-l.first+1, uint64(len(l.kept)))
		l.first, l.kept = l.first+n, append([]record(nil), l.kept[n:]...)
	}
	if again || l.sent < l.first-1 {
		l.sent = l.first - 1
	}
}

// most records of one batch, and bytes of their payloads.
const (
	mostRecords = 40
	mostBytes   = 40 << 10
)

// send publishes what the session has not sent yet, as batches of one age.
func (g *gateway) send(ctx context.Context, c mqtt.Client, i int, id uint64) {
	for {
		g.mu.Lock()
		l := &g.logs[i]
		from := int(l.sent + 1 - l.first)
		var m message
		size, n := 0, 0
		if from < len(l.kept) {
			m.fixed64(1, id)
			m.uint(2, uint64(i+1))
			m.fixed64(3, l.epoch)
			m.uint(4, l.sent+1)
			late := l.kept[from].late
			for _, r := range l.kept[from:] {
				if r.late != late || n == mostRecords || n > 0 && size+len(r.payload) > mostBytes {
					break
				}
				r.append(&m, g.start.UnixMilli())
				n, size = n+1, size+len(r.payload)
			}
			m.flag(6, late)
			l.sent += uint64(n)
		}
		g.mu.Unlock()
		if n == 0 {
			return
		}
		g.say(ctx, c, []string{"up/events", "up/telemetry"}[i], m)
	}
}

func (g *gateway) hello(id uint64) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	var m message
	m.string(1, g.site.gateway)
	m.fixed64(2, id)
	m.uint(3, 1)
	m.string(4, version)
	m.sint(5, now.UnixMilli())
	for i, l := range g.logs {
		m.inner(6, func(s *message) {
			s.uint(1, uint64(i+1))
			s.fixed64(2, l.epoch)
			s.uint(3, l.first)
			s.uint(4, l.first+uint64(len(l.kept)))
		})
	}
	m.uint(7, 2)
	m.uint(8, uint64(now.Sub(g.start).Milliseconds()))
	return m
}

// say publishes with QoS 1; what gets lost is seen by the acknowledgement that does not come.
func (g *gateway) say(ctx context.Context, c mqtt.Client, leaf string, payload []byte) {
	done(ctx, c.Publish(topic(g.site.gateway, leaf), 1, leaf == "status", payload))
}

func done(ctx context.Context, t mqtt.Token) bool {
	select {
	case <-ctx.Done():
		return false
	case <-t.Done():
		return true
	case <-time.After(15 * time.Second):
		return false
	}
}

func status(online bool, id uint64, at time.Time) []byte {
	var m message
	m.flag(1, online)
	m.fixed64(2, id)
	m.sint(3, at.UnixMilli())
	return m
}
