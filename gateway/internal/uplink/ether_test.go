package uplink_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// ether is a broker that lies, between an uplink and a cloud, in memory so that it runs in a bubble's time. Chances are of 1000.
type ether struct {
	c       *cloud
	mu      sync.Mutex
	rand    *rand.Rand
	current *uplink.Wire
	wills   map[*uplink.Wire][]byte
	old     [][]byte // acknowledgements seen, for replay

	refuse, drop, repeat, cut, replay, garbage int
	silent                                     int           // a publish never gets its receipt
	delay                                      time.Duration // most, so that messages overtake each other
	last                                       time.Time
	dials                                      int
	published                                  []string // topics
	live                                       []time.Time
	width                                      int    // bytes a second to the broker; 0: any
	retained                                   []byte // status
}

func newEther(c *cloud, seed uint64) *ether {
	return &ether{c: c, rand: rand.New(rand.NewPCG(seed, 2)), wills: map[*uplink.Wire][]byte{}}
}

// count is how many connections were dialled and messages published, all and those whose topic ends so.
func (e *ether) count(suffix string) (dials, all, such int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, topic := range e.published {
		such += b2i(strings.HasSuffix(topic, suffix))
	}
	return e.dials, len(e.published), such
}

func (e *ether) chance(of int) bool { return e.rand.IntN(1000) < of }

func (e *ether) after() time.Duration {
	if e.delay == 0 { // one behind the other
		now := time.Now()
		if e.last.Before(now) {
			e.last = now
		}
		e.last = e.last.Add(time.Microsecond)
		return e.last.Sub(now)
	}
	return time.Duration(e.rand.Int64N(int64(e.delay)))
}

func (e *ether) dial(_ context.Context, will []byte) (*uplink.Wire, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dials++
	if e.chance(e.refuse) {
		return nil, errors.New("refused")
	}
	w := uplink.NewWire()
	w.Publish = func(topic string, _ bool, payload []byte) uplink.Receipt { return e.publish(w, topic, payload) }
	w.Close = func() { e.end(w) }
	if old := e.current; old != nil { // one connection a name
		e.state(e.wills[old])
		old.Lost <- errors.New("taken over")
	}
	e.current, e.wills[w] = w, will
	if e.retained != nil {
		w.Deliver(wire.Topic(gateway, wire.StatusLeaf), e.retained)
	}
	return w, nil
}

// state keeps a status and shows it to whoever is connected. It needs mu.
func (e *ether) state(status []byte) {
	e.retained = status
	if e.current != nil {
		e.current.Deliver(wire.Topic(gateway, wire.StatusLeaf), status)
	}
}

func (e *ether) end(w *uplink.Wire) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == w {
		e.current = nil
	}
	delete(e.wills, w)
}

type promise struct{ done chan struct{} }

func (p promise) Done() <-chan struct{} { return p.done }
func (p promise) Error() error          { return nil }

func (e *ether) publish(w *uplink.Wire, topic string, payload []byte) uplink.Receipt {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.published = append(e.published, topic)
	if strings.HasSuffix(topic, wire.UpLive) {
		e.live = append(e.live, time.Now())
	}
	p := promise{make(chan struct{})}
	if e.chance(e.silent) {
		return p
	}
	if strings.HasSuffix(topic, wire.StatusLeaf) {
		e.state(payload)
	}
	if e.width > 0 { // one behind the other, on a line that is never lost
		if now := time.Now(); e.last.Before(now) {
			e.last = now
		}
		e.last = e.last.Add(time.Duration(len(payload)+60) * time.Second / time.Duration(e.width))
		time.AfterFunc(time.Until(e.last), func() { close(p.done); e.up(topic, payload) })
		return p
	}
	close(p.done) // "I have it"
	if e.chance(e.cut) && e.current == w {
		e.state(e.wills[w])
		e.current = nil
		w.Lost <- errors.New("cut")
	}
	if e.chance(e.drop) {
		return p
	}
	for range 1 + b2i(e.chance(e.repeat)) {
		time.AfterFunc(e.after(), func() { e.up(topic, payload) })
	}
	return p
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (e *ether) up(topic string, payload []byte) {
	acks := e.c.handle(topic, payload)
	if e.c.slow > 0 {
		<-time.After(e.c.slow)
	}
	for _, a := range acks {
		b, err := proto.Marshal(a)
		if err != nil {
			panic(err)
		}
		e.down(b)
	}
}

func (e *ether) down(ack []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.old = append(e.old, ack)
	if e.chance(e.replay) {
		e.deliver(e.old[e.rand.IntN(len(e.old))])
	}
	if e.chance(e.garbage) {
		e.deliver([]byte{0xff, 0x01, 0x02})
	}
	if e.chance(e.drop) {
		return
	}
	for range 1 + b2i(e.chance(e.repeat)) {
		e.deliver(ack)
	}
}

// deliver needs mu. What is late may find another connection.
func (e *ether) deliver(ack []byte) {
	time.AfterFunc(e.after(), func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.current != nil {
			e.current.Deliver(wire.Topic(gateway, wire.DownAck), ack)
		}
	})
}
