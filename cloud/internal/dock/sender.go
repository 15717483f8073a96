package dock

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/dock/gb26875"
)

// sender sends to one target.
type sender struct {
	service *Service
	target  Target
	dialer  *net.Dialer
	client  *http.Client
	wake    chan struct{}
	current *notice // Centre: what is under way
}

const (
	httpWait  = 10 * time.Second
	lookEvery = 2 * time.Second // for what other processes have queued
)

func newSender(s *Service, t Target) *sender {
	d := s.cfg.Dialer(t.AllowPrivate)
	return &sender{service: s, target: t, dialer: d, wake: make(chan struct{}, 1), client: &http.Client{Timeout: httpWait,
		Transport:     &http.Transport{DialContext: d.DialContext, MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// run sends until ctx ends.
func (s *sender) run(ctx context.Context) {
	defer s.client.CloseIdleConnections()
	rest := firstRest
	for ctx.Err() == nil {
		began := s.service.cfg.Now()
		err := s.round(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := lookEvery
		if err != nil {
			s.service.cfg.Log.Warn("another platform is not reached", "target", s.target.ID, "err", err, "retry_in", rest)
			if s.service.cfg.Now().Sub(began) > time.Minute {
				rest = firstRest
			}
			wait, rest = rest, min(rest*2, lastRest)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		case <-s.woken(err == nil):
		}
	}
}

// woken is the channel of news, unless the target needs a rest.
func (s *sender) woken(listen bool) <-chan struct{} {
	if !listen {
		return nil
	}
	return s.wake
}

// round sends all that waits; to a centre, as long as the line holds.
func (s *sender) round(ctx context.Context) error {
	if mine := s.service.cfg.Mine; mine != nil && !mine() {
		return nil
	}
	if s.target.Kind == Centre {
		return s.session(ctx)
	}
	for ctx.Err() == nil {
		n, err := s.next(ctx)
		if err != nil || n == nil {
			return err
		}
		o := s.post(ctx, n)
		if err := s.keep(context.WithoutCancel(ctx), n, o); err != nil {
			return err
		}
		if !o.ok {
			return nil // its own rest runs
		}
	}
	return nil
}

// session keeps a line to a centre.
func (s *sender) session(ctx context.Context) error {
	conn, err := s.dialer.DialContext(ctx, "tcp", s.target.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	cfg := s.service.cfg
	return gb26875.Session(ctx, conn, gb26875.Config{From: s.target.From, To: s.target.To, Source: s, Wake: s.wake, Zone: cfg.Zone, Now: cfg.Now, Log: cfg.Log.With("target", s.target.ID)})
}
