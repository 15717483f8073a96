package broker_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/wire"
)

// The broker library publishes a last will without asking whether its client may write there.
func TestEmbeddedRefusesForeignWills(t *testing.T) {
	e := embedded(t, newEcho(), nil)
	for topic, want := range map[string]bool{
		wire.Topic(gw, wire.StatusLeaf):      true,
		wire.Topic(gw, wire.DownAck):         false,
		wire.Topic("gw-0001", wire.DownAck):  false,
		wire.Topic("gw-0001", wire.UpEvents): false,
		"anything":                           false,
	} {
		c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://"+e.Addr()).SetClientID(gw).SetAutoReconnect(false).SetProtocolVersion(4).
			SetConnectTimeout(5*time.Second).SetWill(topic, "forged", 1, true))
		token := c.Connect()
		if !token.WaitTimeout(10 * time.Second) {
			t.Fatal("no answer to connect")
		}
		if got := token.Error() == nil; got != want {
			t.Errorf("will on %s: connected %v, want %v", topic, got, want)
		}
		c.Disconnect(0)
	}
}

func TestEmbeddedStopsBesideSilentConnections(t *testing.T) {
	e, err := broker.NewEmbedded(broker.EmbeddedConfig{Listen: "127.0.0.1:0", Handler: newEcho(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	silent, err := net.Dial("tcp", e.Addr()) // it never says CONNECT
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c, _, _, err := client(t, "tcp://"+e.Addr(), gw, nil) // so the silent one has been accepted
	if err != nil {
		t.Fatal(err)
	}
	defer c.Disconnect(0)
	cancel()
	if err := within(t, "end of the broker", done); err != nil {
		t.Error(err)
	}
}
