package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// CAFolder is where the CA lies that a configuration names.
func CAFolder(cfg Config) string {
	if cfg.Enroll.CA != "" {
		return cfg.Enroll.CA
	}
	return filepath.Join(cfg.Data, "ca")
}

// enroll checks the configuration of certificates.
func (c *checker) enroll() {
	e, m := &c.cfg.Enroll, &c.cfg.MQTT
	if e.CA != "" {
		e.CA = c.beside(e.CA)
	}
	if e.Life == "" {
		e.Life = "2160h"
	}
	var err error
	if e.life, err = time.ParseDuration(e.Life); err != nil || e.life < time.Second || e.life > 825*24*time.Hour {
		c.wrong("$.enroll.life", fmt.Sprintf("%q is no life of a certificate", e.Life), "such as 2160h, which is 90 days")
	}
	if e.Broker != "" && !isURL(e.Broker, "mqtts") && !(isURL(e.Broker, "mqtt") && broker.Loopback(strings.TrimPrefix(e.Broker, "mqtt://"))) {
		c.wrong("$.enroll.broker", fmt.Sprintf("%q is no address of a broker", e.Broker), "mqtts://broker.example:8883")
	}
	if e.Pin != "" {
		c.files("$.enroll", map[string]*string{"pin": &e.Pin})
		if pin, err := pinOf(e.Pin); err == nil {
			e.pin = &pin
		} else if len(c.problems) == 0 {
			c.wrong("$.enroll.pin", err.Error(), "a PEM file with a certificate that the page shows")
		}
	}
	if m.Files != "" {
		m.Files = c.beside(m.Files)
	}
	if m.PID != "" {
		m.PID = c.beside(m.PID)
	}
	if (m.Files != "" || m.PID != "") && m.URL == "" {
		c.wrong("$.mqtt.files", "the embedded broker needs no files", "remove files and pid_file, or set url")
	}
}

func pinOf(file string) (pin [16]byte, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return pin, fmt.Errorf("read pinned certificate: %w", err)
	}
	c, err := enrolment.ParseCertificate(text)
	if err != nil {
		return pin, fmt.Errorf("read pinned certificate %s: %w", file, err)
	}
	return enrolment.PinOf(c.Raw), nil
}

// newEnroll makes the part that gives certificates; it works without a CA as far as that goes.
func newEnroll(ctx context.Context, cfg Config, d *db.DB, log *slog.Logger, now func() time.Time) (*enroll.Service, error) {
	secret, err := auth.Secret(ctx, d, "enroll")
	if err != nil {
		return nil, err
	}
	key, err := commandKey(ctx, d)
	if err != nil {
		return nil, err
	}
	public, _ := key.Public().(ed25519.PublicKey)
	text, err := wire.EncodeKey(public)
	if err != nil {
		return nil, err
	}
	ca, err := enroll.OpenCA(CAFolder(cfg))
	if err != nil && !errors.Is(err, enroll.ErrNoCA) {
		return nil, err
	}
	return enroll.New(enroll.Config{DB: d, CA: ca, Secret: secret, Pin: cfg.Enroll.pin, URL: pageURL(cfg), Broker: cfg.Enroll.Broker, CommandKey: text, Life: cfg.Enroll.life, Now: now, Log: log})
}

// pageURL is the page's address as gateways are told.
func pageURL(cfg Config) string {
	if cfg.PublicURL != "" {
		return cfg.PublicURL
	}
	if cfg.HTTP.Cert != "" {
		return "https://" + cfg.HTTP.Listen
	}
	return "http://" + cfg.HTTP.Listen
}

func (a *App) buildEnroll(ctx context.Context) error {
	var err error
	a.enroll, err = newEnroll(ctx, a.cfg, a.db, a.opt.Log, a.opt.Now)
	return err
}

// barring is ingest, deaf to gateways whose certificates have ended.
func (a *App) barring() broker.Handler {
	return broker.Barring{Handler: a.ingest, Barred: a.enroll.Barred}
}

// certificates looks after the certificates of gateways.
type certificates struct{ a *App }

// Run cuts off whose certificate has ended, and keeps a broker's files fresh, until ctx ends.
func (c certificates) Run(ctx context.Context) error {
	var renewing sync.WaitGroup
	defer renewing.Wait()
	renewing.Go(func() { c.renew(ctx) })
	return c.a.enroll.Run(ctx, c.a.cutter, c.a.brokerFiles)
}

// renew keeps the certificates from ending that the CA made for what we and the broker serve, until ctx ends.
func (c certificates) renew(ctx context.Context) {
	tick := time.NewTicker(6 * time.Hour)
	defer tick.Stop()
	for {
		c.a.renewServers()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// renewServers renews what is due. We read the files ourselves when they are others, a broker of its own must be told.
func (a *App) renewServers() {
	ca := a.enroll.CA()
	if ca == nil {
		return
	}
	var copies []string
	if a.cfg.MQTT.Files != "" {
		copies = append(copies, a.cfg.MQTT.Files)
	}
	files, err := ca.RenewServers(a.opt.Now(), copies...)
	if err != nil {
		a.opt.Log.Error("server certificates not renewed", "err", err)
	}
	if len(files) == 0 {
		return
	}
	a.opt.Log.Info("server certificates renewed", "files", files)
	if a.cfg.MQTT.PID == "" {
		return
	}
	if err := hangUp(a.cfg.MQTT.PID); err != nil {
		a.opt.Log.Error("the broker was not told to read its certificate", "err", err)
	}
}

// brokerFiles writes the files of a broker that is not ours, and tells it to read them.
func (a *App) brokerFiles(ctx context.Context) {
	m := a.cfg.MQTT
	if m.Files == "" {
		return
	}
	changed, err := a.enroll.WriteFiles(ctx, m.Files)
	switch {
	case err != nil:
		a.opt.Log.Error("broker files not written", "folder", m.Files, "err", err)
	case !changed:
	case m.PID == "":
		a.opt.Log.Warn("broker files are new: the broker must read them (SIGHUP)", "folder", m.Files)
	default:
		if err := hangUp(m.PID); err != nil {
			a.opt.Log.Error("the broker was not told to read its files", "err", err)
		}
	}
}

// hangUp tells the process of a PID file to read its files again.
func hangUp(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read pid file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 2 {
		return fmt.Errorf("read pid file %s: %q is no process", file, text)
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return fmt.Errorf("tell process %d: %w", pid, err)
	}
	return nil
}

// Enrolments opens the certificates of a cloud that may be running, for a command.
func Enrolments(ctx context.Context, cfg Config, do func(ctx context.Context, s *enroll.Service, d *db.DB) error) error {
	return withDB(ctx, cfg, func(d *db.DB) error {
		s, err := newEnroll(ctx, cfg, d, slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			return err
		}
		return do(console(ctx), s, d)
	})
}
