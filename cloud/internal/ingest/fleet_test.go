package ingest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
)

// fleet is many gateways that speak at the same time, each one message after the other, as brokers pass them on.
type fleet struct {
	t       testing.TB
	members []*member
}

type member struct {
	c       *cloud
	ctx     context.Context
	n       int
	id      string
	session uint64
	epoch   uint64
}

func newFleet(t testing.TB, c *cloud, n int) *fleet {
	f := &fleet{t: t}
	for i := range n {
		f.members = append(f.members, &member{c: c, ctx: t.Context(), n: i, id: fmt.Sprintf("gw-%05d", i), session: uint64(1000 + i), epoch: uint64(i + 1)})
	}
	f.each(func(g *member) error {
		_, err := g.send(wire.UpHello, &wire.Hello{Gateway: g.id, Session: g.session, Boot: 1, MonoMs: 1, Clock: 2, TimeMs: t0.UnixMilli(),
			Streams: []*wire.StreamState{state(1, g.epoch, 1, 1), state(2, g.epoch, 1, 1)}})
		return err
	})
	return f
}

// each runs fn for all members at the same time.
func (f *fleet) each(fn func(*member) error) {
	f.t.Helper()
	var wg sync.WaitGroup
	for _, g := range f.members {
		wg.Go(func() {
			if err := fn(g); err != nil {
				f.t.Errorf("%s: %v", g.id, err)
			}
		})
	}
	wg.Wait()
}

func (g *member) send(leaf string, m proto.Message) ([]*wire.Ack, error) {
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	replies, err := g.c.in.Handle(g.ctx, wire.Topic(g.id, leaf), b)
	if err != nil {
		return nil, err
	}
	var acks []*wire.Ack
	for _, r := range replies {
		var a wire.Ack
		if err := proto.Unmarshal(r.Payload, &a); err != nil {
			return nil, err
		}
		acks = append(acks, &a)
	}
	return acks, nil
}
