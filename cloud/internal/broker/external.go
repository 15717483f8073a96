package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/wire"
)

// ExternalConfig is what the connection to an external broker needs.
type ExternalConfig struct {
	URL      string // mqtt://host:port or mqtts://host:port
	TLS      *tls.Config
	ClientID string
	Shards   Shards // nil: all gateways are ours
	Looks    Looks  // nil: no camera is shown
	Handler  Handler
	Log      *slog.Logger
}

// External subscribes the topics of our gateways at a broker that is not ours.
type External struct {
	cfg  ExternalConfig
	url  string
	more chan []ingest.Reply // that no message asked for

	barred chan map[string]bool // gateways
}

// NewExternal checks the address. It connects to nothing yet.
func NewExternal(cfg ExternalConfig) (*External, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("mqtt url: %w", err)
	}
	switch u.Scheme {
	case "mqtt":
		u.Scheme = "tcp"
	case "mqtts":
		u.Scheme = "ssl"
	default:
		return nil, fmt.Errorf("mqtt url %q: use mqtt:// or mqtts://", cfg.URL)
	}
	return &External{cfg: cfg, url: u.String(), more: make(chan []ingest.Reply, inbound), barred: make(chan map[string]bool, 1)}, nil
}

// Times of a connection.
const (
	connectLimit = 15 * time.Second
	ackLimit     = 10 * time.Second
	firstRetry   = time.Second
	lastRetry    = time.Minute
	inbound      = 256 // messages between the client and ingest
	takers       = 64  // messages that are stored at the same time: those that wait together share one write to the disk
)

// Run keeps a connection until ctx ends. A new client for each: paho's own reconnection confirms what it never sent.
func (x *External) Run(ctx context.Context) error {
	var cutting sync.WaitGroup
	defer cutting.Wait()
	cutting.Go(func() { x.takeovers(ctx) })
	retry := firstRetry
	for ctx.Err() == nil {
		started := time.Now()
		err := x.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) > lastRetry {
			retry = firstRetry
		}
		wait := time.Duration(rand.Int64N(int64(retry))) + 100*time.Millisecond
		x.cfg.Log.Warn("no connection to the broker", "err", err, "retry_in", wait)
		retry = min(2*retry, lastRetry)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

func (x *External) session(ctx context.Context) error {
	// A message is confirmed to the broker only when it is stored. When it cannot be stored, the connection is given up
	// instead; gateways send again what was not acknowledged.
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	messages := make(chan paho.Message, inbound)
	opts := paho.NewClientOptions().AddBroker(x.url).SetClientID(x.cfg.ClientID).SetTLSConfig(x.cfg.TLS).
		SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(true).SetAutoAckDisabled(true).
		SetConnectTimeout(connectLimit).SetKeepAlive(30 * time.Second).SetWriteTimeout(ackLimit).
		SetConnectionLostHandler(func(_ paho.Client, err error) { cancel(err) }).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
			select {
			case messages <- m:
			case <-work.Done():
			}
		})
	client := paho.NewClient(opts)
	if err := wait(work, client.Connect(), 2*connectLimit); err != nil {
		client.Disconnect(0)
		return fmt.Errorf("connect: %w", err)
	}
	defer client.Disconnect(250)
	x.cfg.Log.Info("connected to the broker")
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel(nil)
	following.Go(func() { // beside the work: a subscription is confirmed behind the messages that it brings
		if err := x.follow(work, client); err != nil {
			cancel(err)
		}
	})
	x.takeAll(work, cancel, client, messages)
	return context.Cause(work)
}

// takeAll hands out the messages until ctx ends: those of one gateway in their order, those of many at the same time.
func (x *External) takeAll(ctx context.Context, cancel context.CancelCauseFunc, client paho.Client, messages <-chan paho.Message) {
	var wg sync.WaitGroup
	defer wg.Wait()
	queue := make(chan taken, inbound)
	wg.Go(func() { confirm(ctx, queue) })
	lanes := make([]chan taken, takers)
	for i := range lanes {
		lanes[i] = make(chan taken, 4)
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case m := <-lanes[i]:
					if err := x.take(ctx, client, m); err != nil {
						cancel(err)
					}
				}
			}
		})
	}
	for {
		select {
		case <-ctx.Done():
			return
		case replies := <-x.more:
			if err := x.answer(ctx, client, replies); err != nil {
				cancel(err)
			}
		case m := <-messages:
			gateway, _, err := wire.ParseTopic(m.Topic())
			if err != nil {
				gateway = "" // ingest counts it
			}
			next := taken{m, make(chan struct{})}
			if m.Qos() > 0 {
				select {
				case queue <- next:
				case <-ctx.Done():
				}
			}
			h := fnv.New32a()
			h.Write([]byte(gateway))
			select {
			case lanes[h.Sum32()%takers] <- next:
			case <-ctx.Done():
			}
		}
	}
}

// Publish sends what no message asked for. Without a connection it is dropped: all of it can be said again.
func (x *External) Publish(replies []ingest.Reply) {
	select {
	case x.more <- replies:
	default:
	}
}

// take stores one message, answers it, and only then lets it be confirmed to the broker.
func (x *External) take(ctx context.Context, client paho.Client, m taken) error {
	replies, err := x.cfg.Handler.Handle(ctx, m.Topic(), m.Payload())
	if err != nil {
		return err
	}
	if err := x.answer(ctx, client, replies); err != nil {
		return err
	}
	close(m.stored)
	return nil
}

func (x *External) answer(ctx context.Context, client paho.Client, replies []ingest.Reply) error {
	for _, r := range replies {
		if err := wait(ctx, client.Publish(r.Topic, 0, false, r.Payload), ackLimit); err != nil {
			return fmt.Errorf("publish acknowledgement: %w", err)
		}
	}
	return nil
}

var errSlow = errors.New("no answer in time")

// wait waits for a token with a limit of its own: paho's tokens may hang for ever.
func wait(ctx context.Context, t paho.Token, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-timer.C:
		return errSlow
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
