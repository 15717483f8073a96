package app

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/command"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/internal/look"
	"github.com/linshao/linshao/cloud/internal/push"
	"github.com/linshao/linshao/cloud/wire"
)

// commandKey is the key with which the cloud signs what it tells gateways to do; it is made once and kept.
func commandKey(ctx context.Context, d *db.DB) (ed25519.PrivateKey, error) {
	seed, err := auth.Secret(ctx, d, "command")
	if err != nil {
		return nil, err
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("command key of %d bytes", len(seed))
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// CommandKey answers the public half, as a gateway's trust.command_key wants it. The cloud may be running.
func CommandKey(ctx context.Context, cfg Config) ([]byte, error) {
	return with(ctx, cfg, func(d *db.DB) ([]byte, error) {
		key, err := commandKey(ctx, d)
		if err != nil {
			return nil, err
		}
		public, _ := key.Public().(ed25519.PublicKey)
		return wire.EncodeKey(public)
	})
}

func (a *App) buildCommands(ctx context.Context) error {
	key, err := commandKey(ctx, a.db)
	if err != nil {
		return err
	}
	c := command.Config{DB: a.db, Key: key, Changed: a.feed.Incident, Now: a.opt.Now, Log: a.opt.Log, Registry: a.registry, Publish: down[command.Down](a),
		Clock: func(gateway string, session uint64) (uint64, uint32, bool) { return a.ingest.Clock(gateway, session) },
		Watch: func(gateway string) { a.ingest.Watch(gateway) }}
	if a.worker != nil {
		c.Lease = a.worker
	}
	a.commands = command.New(c)
	p := push.Config{DB: a.db, Key: key, Now: a.opt.Now, Log: a.opt.Log, Registry: a.registry, Publish: down[push.Down](a)}
	if a.worker != nil {
		p.Lease = a.worker
	}
	a.pushes = push.New(p)
	a.looks = look.New(look.Config{DB: a.db, Key: key, Clock: c.Clock, Watch: c.Watch, Shared: a.worker != nil, Now: a.opt.Now, Log: a.opt.Log, Registry: a.registry,
		Publish: func(gateway string, payload []byte) {
			down[command.Down](a)([]command.Down{{Gateway: gateway, Payload: payload}})
		}})
	return nil
}

// down hands the broker what a service has for gateways; each calls that by a name of its own.
func down[D ~struct {
	Gateway string
	Payload []byte
}](a *App) func([]D) {
	return func(downs []D) {
		replies := make([]ingest.Reply, len(downs))
		for i, each := range downs {
			d := command.Down(each)
			replies[i] = ingest.Reply{Topic: wire.Topic(d.Gateway, wire.DownCommand), Payload: d.Payload}
		}
		a.broker.Publish(replies)
	}
}

// Pushing opens what is pushed to gateways of a cloud that may be running, for a command.
func Pushing(ctx context.Context, cfg Config, do func(ctx context.Context, p *push.Service, d *db.DB) error) error {
	return withDB(ctx, cfg, func(d *db.DB) error {
		return do(console(ctx), push.New(push.Config{DB: d, Now: time.Now, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}), d)
	})
}
