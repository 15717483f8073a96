package uplink_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
)

// liar is a broker on a real socket that confirms or not, forwards or not, and hangs up as it likes. Chances are of 1000.
type liar struct {
	l       net.Listener
	c       *cloud
	mu      sync.Mutex
	rand    *rand.Rand
	confirm int  // PUBACK
	forward int  // to the cloud
	hangup  int  // after a publish
	replay  int  // an old acknowledgement beside a new one
	swallow bool // batches: they are not forwarded, and the connection ends with each
	old     [][]byte
	conns   int
	pubacks int
	all     sync.WaitGroup
	open    map[net.Conn]bool
}

func newLiar(t *testing.T, c *cloud, seed uint64) *liar {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &liar{l: l, c: c, rand: rand.New(rand.NewPCG(seed, 3)), confirm: 1000, forward: 1000, open: map[net.Conn]bool{}}
	b.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns++
			b.open[conn] = true
			b.mu.Unlock()
			b.all.Go(func() { b.serve(conn) })
		}
	})
	return b
}

func (b *liar) close() {
	b.l.Close()
	b.mu.Lock()
	for conn := range b.open {
		conn.Close()
	}
	b.mu.Unlock()
	b.all.Wait()
}

// drop ends all connections.
func (b *liar) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for conn := range b.open {
		conn.Close()
	}
}

func (b *liar) serve(conn net.Conn) {
	defer conn.Close()
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *packets.ConnectPacket:
			_ = packets.NewControlPacket(packets.Connack).Write(conn)
		case *packets.SubscribePacket:
			a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			a.MessageID, a.ReturnCodes = p.MessageID, p.Qoss
			_ = a.Write(conn)
		case *packets.PingreqPacket:
			_ = packets.NewControlPacket(packets.Pingresp).Write(conn)
		case *packets.PublishPacket:
			if !b.publish(conn, p) {
				return
			}
		}
	}
}

func (b *liar) publish(conn net.Conn, p *packets.PublishPacket) (goOn bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	chance := func(of int) bool { return b.rand.IntN(1000) < of }
	if p.Qos == 1 && chance(b.confirm) {
		b.pubacks++
		a := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		a.MessageID = p.MessageID
		_ = a.Write(conn)
	}
	if b.swallow && strings.HasSuffix(p.TopicName, wire.UpTelemetry) {
		return false
	}
	if b.c != nil && chance(b.forward) {
		for _, a := range b.c.handle(p.TopicName, p.Payload) {
			body, _ := proto.Marshal(a)
			b.old = append(b.old, body)
			send(conn, body)
			if chance(b.replay) {
				send(conn, b.old[b.rand.IntN(len(b.old))])
			}
		}
	}
	return !chance(b.hangup)
}

func send(conn net.Conn, body []byte) {
	d := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	d.TopicName, d.Payload = wire.Topic(gateway, wire.DownAck), body
	_ = d.Write(conn)
}

// TestLiarOnASocket: through paho and TCP, a broker that confirms, forgets and hangs up. Every loss ends with a hang-up here,
// so that the test need not wait for a time-out.
func TestLiarOnASocket(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s, c := newSite(t), newCloud()
			defer s.close(t)
			b := newLiar(t, c, seed)
			defer b.close()
			b.hangup, b.replay = 250, 300
			s.append(t, 30, 1500)
			stop := s.goOn(t, "mqtt://"+b.l.Addr().String(), nil)
			c.until(t, "everything", s.delivered)
			stop()
			s.check(t, c)
			t.Logf("%d connections, %d repeats", b.conns, c.repeats)
		})
	}
}

// TestPahoConfirmsWhatNobodyConfirmed shows why a token decides nothing here: a reconnecting paho client completes the token
// of a message without an error although the broker sent no PUBACK at all.
func TestPahoConfirmsWhatNobodyConfirmed(t *testing.T) {
	b := newLiar(t, nil, 1)
	defer b.close()
	b.confirm, b.hangup = 0, 1000
	o := mqtt.NewClientOptions().AddBroker("tcp://" + b.l.Addr().String()).SetClientID("x").SetMaxReconnectInterval(100 * time.Millisecond)
	client := mqtt.NewClient(o.SetAutoReconnect(true).SetCleanSession(false))
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	token := client.Publish("a", 1, false, "x")
	if !token.WaitTimeout(time.Minute) || token.Error() != nil {
		t.Fatalf("paho has changed: %v", token.Error())
	}
	client.Disconnect(100)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pubacks != 0 {
		t.Fatal("the broker confirmed")
	}
	t.Logf("token done, err=nil, after %d connections and 0 PUBACKs", b.conns)
}

// TestConfirmationsDeleteNothing: a broker that confirms everything and forwards only the hellos gets no record out of the
// outbox; nor does one that confirms nothing and hangs up.
func TestConfirmationsDeleteNothing(t *testing.T) {
	for _, confirm := range []int{1000, 0} {
		s, c := newSite(t), newCloud()
		b := newLiar(t, c, 1)
		b.confirm = confirm // set before the first connection
		stop := s.goOn(t, "mqtt://"+b.l.Addr().String(), nil)
		c.until(t, "the hello", func(c *cloud) bool { return len(c.hellos) > 0 })
		b.mu.Lock()
		b.swallow = true
		b.mu.Unlock()
		s.append(t, 0, 20)
		for limit := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) {
			b.mu.Lock()
			conns := b.conns
			b.mu.Unlock()
			if conns >= 3 {
				break
			}
			if time.Now().After(limit) {
				t.Fatal("no reconnects")
			}
		}
		if n := s.telemetry.Stats().Backlog; n != 20 {
			t.Errorf("confirm %d: backlog %d, want 20", confirm, n)
		}
		stop()
		s.close(t)
		b.close()
	}
}
