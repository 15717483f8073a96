package broker

import (
	"context"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// A taken message is confirmed to the broker when its turn comes: MQTT 3.1.1 wants confirmations in the order of the messages
// [MQTT-4.6.0-2], and the messages of different gateways are stored in whatever order they are done.
type taken struct {
	paho.Message
	stored chan struct{} // closed when it is
}

// confirm confirms messages in the order of the queue until ctx ends. One that is never stored ends ctx, and with it the
// connection, so none behind it is confirmed.
func confirm(ctx context.Context, queue <-chan taken) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-queue:
			select {
			case <-ctx.Done():
				return
			case <-m.stored:
				m.Ack()
			}
		}
	}
}
