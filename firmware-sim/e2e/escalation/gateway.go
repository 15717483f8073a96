package escalation

import (
	"context"
	"fmt"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/rules"
)

// A gateway sends alerts, and each again until the cloud has acknowledged it.
type gateway struct {
	broker  string
	session uint64
	records []*wire.Record // of the events stream; the first has sequence 1
	cum     uint64         // acknowledged
	a, b    int            // alerts sent so far
}

const (
	id    = "gw-proof"
	epoch = 4711
)

// live connects, sends what is due after so long a time of the proof, and stays until the cloud has died. It answers since
// when the cloud was up; zero: it never was.
func (g *gateway) live(ctx context.Context, died <-chan struct{}, since time.Duration) (up time.Time) {
	acks := make(chan *wire.Ack, 100)
	client := g.connect(ctx, died, acks)
	if client == nil {
		<-died
		return up
	}
	defer client.Disconnect(0)
	up = time.Now()
	began, tick := up, time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	g.say(client)
	for {
		select {
		case <-died:
			return up
		case a := <-acks:
			if a.GetStream() == 1 && a.GetEpoch() == epoch && a.GetCum() > g.cum {
				g.cum = a.GetCum()
			}
		case <-tick.C:
			if since > 0 && g.alert(since+time.Since(began)) {
				g.send(client)
			}
		}
	}
}

func (g *gateway) connect(ctx context.Context, died <-chan struct{}, acks chan<- *wire.Ack) paho.Client {
	for ctx.Err() == nil {
		o := paho.NewClientOptions().AddBroker("tcp://" + g.broker).SetClientID(id).SetAutoReconnect(false).SetConnectTimeout(time.Second)
		o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
			var a wire.Ack
			if proto.Unmarshal(m.Payload(), &a) == nil {
				select {
				case acks <- &a:
				default: // a later one says the same and more
				}
			}
		})
		c := paho.NewClient(o)
		if t := c.Connect(); t.WaitTimeout(2*time.Second) && t.Error() == nil {
			if t := c.Subscribe(wire.Topic(id, wire.DownAck), 0, nil); t.WaitTimeout(2*time.Second) && t.Error() == nil {
				return c
			}
		}
		c.Disconnect(0)
		select {
		case <-died:
			return nil
		default:
			process.Pause(ctx, 10*time.Millisecond)
		}
	}
	return nil
}

// say says hello and sends what is not acknowledged.
func (g *gateway) say(c paho.Client) {
	g.session++
	if len(g.records) == 0 {
		g.add(&wire.Event{Kind: &wire.Event_Inventory{Inventory: &wire.Inventory{Site: "proof", Name: "锦绣花园", Timezone: "Asia/Shanghai",
			Devices: []*wire.Device{{Id: "gas-1", Name: "探测器", Kind: "gas", Model: "g", Place: "1802 厨房", PollMs: 1000}},
			Models:  []*wire.Model{{Name: "g", Points: []*wire.Point{{Name: "level", Unit: "%LEL"}}}}}}})
	}
	publish(c, wire.UpHello, &wire.Hello{Gateway: id, Session: g.session, Boot: 1, Version: "proof", TimeMs: time.Now().UnixMilli(), Clock: 2,
		Streams: []*wire.StreamState{{Stream: 1, Epoch: epoch, Oldest: 1, Next: uint64(len(g.records) + 1)}}})
	g.send(c)
}

func (g *gateway) send(c paho.Client) {
	if g.cum < uint64(len(g.records)) {
		publish(c, wire.UpLeaf(1), &wire.Batch{Session: g.session, Stream: 1, Epoch: epoch, First: g.cum + 1, Records: g.records[g.cum:]})
	}
}

// alert adds those that are due after so long a time.
func (g *gateway) alert(since time.Duration) (fresh bool) {
	for ; since >= time.Duration(g.a)*newA; g.a++ {
		g.fire(fmt.Sprint("a", g.a), rules.SeverityA)
		fresh = true
	}
	for ; since >= time.Duration(g.b)*newB; g.b++ {
		g.fire(fmt.Sprint("b", g.b), rules.SeverityB)
		fresh = true
	}
	return fresh
}

func (g *gateway) fire(alert string, severity rules.Severity) {
	now := time.Now()
	g.add(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(rules.AlertEvent{Alert: alert, Rule: "R16", Subject: "gas-1", Severity: severity, State: rules.Firing,
		Since: now, At: now, Title: rules.Text{ZH: "燃气高报", EN: "Gas high"}, Message: rules.Text{ZH: "燃气 62 %LEL(阈 50)", EN: "gas"}})}})
}

func (g *gateway) add(e *wire.Event) {
	payload, err := proto.Marshal(e)
	if err != nil {
		panic(err) // a bug: our own message
	}
	g.records = append(g.records, &wire.Record{Type: wire.TypeEvent, WallMs: time.Now().UnixMilli(), Payload: payload, Crc: wire.Checksum(payload)})
}

// publish waits for no answer: the cloud's own acknowledgement is what counts, and it may be dead.
func publish(c paho.Client, leaf string, m proto.Message) {
	if b, err := proto.Marshal(m); err == nil {
		c.Publish(wire.Topic(id, leaf), 1, false, b)
	}
}
