package broker

import (
	"context"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// Cut ends the connections of barred gateways: whoever connects with the id of another connection ends it, which MQTT
// demands of every broker, and the cloud's own listener lets it name itself as it likes. It does not wait. The other map is
// for a broker that sees certificates; an external one is told by its files.
func (x *External) Cut(_, barred map[string]bool) {
	select {
	case x.barred <- barred:
	default: // a newer one follows: who is barred stays so
	}
}

// takeovers ends connections of gateways that have been barred since the last time, until ctx ends.
func (x *External) takeovers(ctx context.Context) {
	done := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case barred := <-x.barred:
			for gateway := range barred {
				if !done[gateway] && ctx.Err() == nil {
					done[gateway] = x.takeOver(ctx, gateway)
				}
			}
			for gateway := range done {
				if !barred[gateway] {
					delete(done, gateway)
				}
			}
		}
	}
}

func (x *External) takeOver(ctx context.Context, gateway string) bool {
	client := paho.NewClient(paho.NewClientOptions().AddBroker(x.url).SetClientID(gateway).SetTLSConfig(x.cfg.TLS).
		SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(connectLimit).SetKeepAlive(30 * time.Second))
	if err := wait(ctx, client.Connect(), 2*connectLimit); err != nil {
		x.cfg.Log.Error("connection of a barred gateway not ended", "gateway", gateway, "err", err)
		client.Disconnect(0)
		return false
	}
	client.Disconnect(50)
	x.cfg.Log.Warn("client cut off", "id", gateway, "why", errEnded)
	return true
}
