package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/wire"
)

// uneven stores every message in a time of its own; the first only when another one is done.
type uneven struct {
	echo
	second chan struct{}
}

func (u *uneven) Handle(ctx context.Context, _ string, payload []byte) ([]ingest.Reply, error) {
	if string(payload) == "1" {
		select {
		case <-u.second:
		case <-ctx.Done():
		}
		return nil, nil
	}
	select {
	case <-time.After(rand.N(20 * time.Millisecond)):
	case <-ctx.Done():
	}
	select {
	case u.second <- struct{}{}:
	default:
	}
	return nil, nil
}

// Messages of many gateways are stored at the same time, and confirmed in the order in which the broker sent them.
func TestConfirmationsKeepTheOrder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x, err := broker.NewExternal(broker.ExternalConfig{URL: "mqtt://" + l.Addr().String(), ClientID: "cloud", Handler: &uneven{second: make(chan struct{})}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, x)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	const messages = 200
	want := uint16(1)
	for want <= messages {
		p, err := packets.ReadPacket(c)
		if err != nil {
			t.Fatal(err)
		}
		switch p := p.(type) {
		case *packets.ConnectPacket:
			err = packets.NewControlPacket(packets.Connack).Write(c)
		case *packets.SubscribePacket:
			err = serve(c, p, messages)
		case *packets.PubackPacket:
			if p.MessageID != want {
				t.Fatalf("message %d is confirmed before %d", p.MessageID, want)
			}
			want++
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// serve confirms a subscription and sends a message of each of so many gateways.
func serve(c net.Conn, p *packets.SubscribePacket, messages int) error {
	ok := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
	ok.MessageID, ok.ReturnCodes = p.MessageID, make([]byte, len(p.Topics))
	if err := ok.Write(c); err != nil {
		return err
	}
	for i := 1; i <= messages; i++ {
		m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		m.TopicName, m.Qos, m.MessageID, m.Payload = wire.Topic(fmt.Sprintf("gw-%04d", i), wire.UpTelemetry), 1, uint16(i), fmt.Append(nil, i)
		if err := m.Write(c); err != nil {
			return err
		}
	}
	return nil
}
