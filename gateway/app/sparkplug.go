package app

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/linshao/linshao/gateway/internal/bus"
	"github.com/linshao/linshao/gateway/internal/sparkplug"
)

// buildSparkplug makes the node that publishes readings to another broker; none when the site names no such broker.
func (a *App) buildSparkplug() error {
	s := a.cfg.Site.Sparkplug
	if s.URL == "" {
		return nil
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return fmt.Errorf("read sparkplug url: %w", err)
	}
	security, err := tlsOf(s.Cloud, false)
	if err != nil {
		return fmt.Errorf("build sparkplug: %w", err)
	}
	a.sparkplug = sparkplug.New(sparkplug.Config{URL: u, TLS: security, User: s.User, Password: s.Password, Group: s.Group, Node: a.cfg.Site.Gateway,
		Devices: a.cfg.Site.Devices(), Metrics: a.metrics, Now: a.cfg.Now, Log: a.cfg.Log})
	return nil
}

// publish subscribes the other broker's node to the bus, last and as one that may lose.
func (a *App) publish(ctx context.Context, b *bus.Bus, stages *sync.WaitGroup) {
	if a.sparkplug == nil {
		return
	}
	readings := b.Subscribe(roomOther, true)
	stages.Go(func() { a.end("sparkplug", a.sparkplug.Run(ctx, readings.C)) })
}
