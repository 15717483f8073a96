package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/linshao/linshao/cloud/wire"
)

// Shards says whose messages this worker takes, when several share the work.
type Shards interface {
	// Shards answers the shards that are ours, and a channel that is closed when they may be others.
	Shards() (held []string, changed <-chan struct{})
}

// Looks says of which gateways this process shows cameras now.
type Looks interface {
	// Watched answers them, and a channel that is closed when they may be others.
	Watched() (gateways []string, changed <-chan struct{})
}

const (
	allShards     = 256
	filtersAtOnce = 64 // of one packet
)

// follow subscribes the topics of the shards that are ours, now and whenever they change, until ctx ends. A subscription
// brings the retained status of its gateways. What arrives of a shard that is not ours any more, ingest drops.
func (x *External) follow(ctx context.Context, client paho.Client) error {
	have := map[string]byte{}
	for {
		want, changed := x.filters()
		looks := x.looked(want)
		for chunk := range slices.Chunk(missing(want, have), filtersAtOnce) {
			if err := subscribe(ctx, client, want, chunk); err != nil {
				return err
			}
		}
		for chunk := range slices.Chunk(missing(have, want), filtersAtOnce) {
			if err := wait(ctx, client.Unsubscribe(chunk...), connectLimit); err != nil {
				return fmt.Errorf("unsubscribe: %w", err)
			}
		}
		have = want
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-looks:
		}
	}
}

// filters are those of our shards, with their QoS; one for all of them costs the broker least.
func (x *External) filters() (want map[string]byte, changed <-chan struct{}) {
	held := []string{"+"}
	if x.cfg.Shards != nil {
		if held, changed = x.cfg.Shards.Shards(); len(held) == allShards {
			held = []string{"+"}
		}
	}
	want = map[string]byte{}
	for _, shard := range held {
		want[ofShard(shard, wire.UpLive)] = 0
		for _, leaf := range []string{wire.UpHello, wire.UpEvents, wire.UpTelemetry, wire.UpEvidence, wire.StatusLeaf} {
			want[ofShard(shard, leaf)] = 1
		}
	}
	return want, changed
}

// looked adds what cameras show to whom this process shows it, whoever has the gateway.
func (x *External) looked(want map[string]byte) (changed <-chan struct{}) {
	if x.cfg.Looks == nil {
		return nil
	}
	gateways, changed := x.cfg.Looks.Watched()
	for _, gateway := range gateways {
		want[wire.Topic(gateway, wire.UpLook)] = 0
	}
	return changed
}

// ofShard is the filter of a leaf of all gateways of a shard: the first + stands for it.
func ofShard(shard, leaf string) string { return strings.Replace(wire.Filter(leaf), "+", shard, 1) }

// missing lists the filters of a that b lacks.
func missing(a, b map[string]byte) []string {
	var out []string
	for f := range a {
		if _, ok := b[f]; !ok {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return out
}

func subscribe(ctx context.Context, client paho.Client, qos map[string]byte, filters []string) error {
	some := map[string]byte{}
	for _, f := range filters {
		some[f] = qos[f]
	}
	token := client.SubscribeMultiple(some, nil)
	if err := wait(ctx, token, connectLimit); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	for topic, code := range token.(*paho.SubscribeToken).Result() {
		if code > 2 {
			return fmt.Errorf("subscribe %s: the broker refuses it", topic)
		}
	}
	return nil
}
