package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/enroll"
	"github.com/linshao/linshao/gateway/internal/uplink"
	"github.com/linshao/linshao/rules"
)

// cloudLink is the uplink, or its absence in a gateway that stands alone.
type cloudLink struct {
	up     *uplink.Uplink
	keeper *enroll.Keeper // of the gateway's certificate; nil: an operator looks after it
}

// Run brings records up until ctx ends.
func (c *cloudLink) Run(ctx context.Context) error {
	if c.up == nil {
		<-ctx.Done()
		return nil
	}
	if c.keeper == nil {
		return c.up.Run(ctx)
	}
	var both sync.WaitGroup
	defer both.Wait()
	keep, stop := context.WithCancel(ctx)
	defer stop()
	both.Go(func() { _ = c.keeper.Run(keep) }) // it answers nothing
	return c.up.Run(ctx)
}

func (c *cloudLink) state() string {
	switch {
	case c.up == nil:
		return "alone"
	case c.up.Connected():
		return "connected"
	}
	return "offline"
}

func (a *App) buildUplink() error {
	cloud := a.cfg.Site.Cloud
	a.uplink = &cloudLink{}
	if cloud.URL == "" {
		return nil
	}
	security, err := tlsOf(cloud, enroll.Enrolled(a.cfg.Site.Data))
	if err != nil {
		return err
	}
	a.buildCommands()
	redial := make(chan struct{}, 1)
	if err := a.keepCertificate(security, redial); err != nil {
		return err
	}
	a.uplink.up, err = uplink.New(uplink.Config{Redial: redial, URL: cloud.URL, TLS: security, Gateway: a.cfg.Site.Gateway, Version: a.cfg.Version,
		Boot: a.boot.Number, Streams: a.feeds(), EvidenceKey: a.evidenceKey,
		FirstDelay: a.firstDelay(cloud.URL), DeadDir: filepath.Join(a.cfg.Site.Data, "dead"), OnGap: a.gap, OnLinger: a.linger.ask, OnCommand: a.commands.Take, Looks: []uplink.Looks{a.asks, a.looks}, Newest: a.newest,
		Urgent: func() bool { return a.journal.urgent(a.events) }, Now: a.cfg.Now, Clock: a.cfg.Clock, Started: a.started, Metrics: uplink.NewMetrics(a.metrics), Log: a.cfg.Log})
	if err != nil {
		return fmt.Errorf("build uplink: %w", err)
	}
	return nil
}

// keepCertificate lets a gateway that has enrolled by a token renew its certificate itself.
func (a *App) keepCertificate(conf *tls.Config, redial chan struct{}) error {
	cloud := a.cfg.Site.Cloud
	if cloud.Cert == "" || cloud.CA == "" || !enroll.Enrolled(a.cfg.Site.Data) {
		return nil
	}
	keeper, err := enroll.NewKeeper(enroll.KeeperConfig{Gateway: a.cfg.Site.Gateway, Files: enroll.Files{CA: cloud.CA, Cert: cloud.Cert, Key: cloud.Key},
		Data: a.cfg.Site.Data, Synced: func() bool { return a.cfg.Clock() == wire.ClockSynced }, Now: a.cfg.Now, Log: a.cfg.Log,
		Connected: func() bool { return a.uplink.up.Connected() },
		Redial: func() {
			select {
			case redial <- struct{}{}:
			default: // it will be anew already
			}
		},
		Tell: func(t rules.Text) { a.notice(wire.NoticeCertificate, "", "", t) }})
	if err != nil {
		return fmt.Errorf("keep certificate: %w", err)
	}
	a.uplink.keeper = keeper
	conf.Certificates, conf.GetClientCertificate, conf.Time = nil, keeper.Certificate, keeper.Time
	return nil
}

// firstDelay spreads the first connections of all the gateways of a street whose power came back at once. A cloud on the same
// machine has but this one, and a gateway that only took up its site anew was connected a moment ago.
func (a *App) firstDelay(text string) time.Duration {
	if a.cfg.Previous != nil || a.cfg.Refused != nil {
		return 0
	}
	if u, err := url.Parse(text); err == nil && config.Loopback(u.Hostname()) {
		return 0
	}
	return time.Minute
}

// tlsOf reads certificates; nil when none are named. Without a CA of its own the gateway trusts the system's.
func tlsOf(c config.Cloud, enrolled bool) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("read cloud ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read cloud ca %s: no certificate in it", c.CA)
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil && !enrolled {
			return nil, fmt.Errorf("read gateway certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair} // of one that has enrolled, its keeper's in their place
	}
	return conf, nil
}

// drain waits until the cloud has every record, as long as it is there and the shutdown allows.
// The uplink of a gateway that only takes up its site anew goes on in a moment.
func (a *App) drain() {
	if a.next.Load() != nil {
		return
	}
	limit := time.NewTimer(stopUplink)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for a.uplink.state() == "connected" && a.events.Stats().Backlog+a.telemetry.Stats().Backlog > 0 {
		select {
		case <-tick.C:
		case <-limit.C:
			return
		}
	}
}
