package app

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/dock"
	"github.com/linshao/linshao/cloud/internal/dock/gb26875"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/configs"
)

// Dock is another platform that hears the states of devices, or that moves incidents.
type Dock struct {
	ID           string            `yaml:"id"`
	Name         string            `yaml:"name"`
	Kind         string            `yaml:"kind"`
	Sites        []string          `yaml:"sites"`
	Devices      []string          `yaml:"devices"`
	SecretFile   string            `yaml:"secret_file"`
	StatusURL    string            `yaml:"status_url"`
	InstallURL   string            `yaml:"install_url"`
	Company      string            `yaml:"company"`
	Area         string            `yaml:"area"`
	Headers      map[string]string `yaml:"headers"`
	Address      string            `yaml:"address"`
	From         string            `yaml:"from"`
	To           string            `yaml:"to"`
	AllowPrivate bool              `yaml:"allow_private"`

	secret   []byte
	from, to gb26875.Address
}

// minSecret is the shortest secret of a callback, in bytes.
const minSecret = 16

func (c *checker) dock(i int, seen map[string]bool) {
	d, path := &c.cfg.Dock[i], fmt.Sprintf("$.dock[%d]", i)
	if !receiverID.MatchString(d.ID) {
		c.wrong(path+".id", fmt.Sprintf("id %q is not made of a-z, 0-9 and -", d.ID), "such as fire")
	} else if seen[d.ID] {
		c.wrong(path+".id", fmt.Sprintf("a second platform is called %q", d.ID), "")
	}
	seen[d.ID] = true
	if d.Name == "" {
		d.Name = d.ID
	}
	if d.secret = c.secret(path+".secret_file", &d.SecretFile); d.secret != nil && len(d.secret) < minSecret {
		c.wrong(path+".secret_file", fmt.Sprintf("the secret has %d bytes", len(d.secret)), fmt.Sprintf("use at least %d", minSecret))
	}
	switch d.Kind {
	case dock.Platform:
		c.dockPlatform(d, path)
	case dock.Centre:
		c.dockCentre(d, path)
	case dock.Inbound:
		if d.SecretFile == "" {
			c.wrong(path+".secret_file", "a platform that calls back needs a secret", "")
		}
	default:
		hint := strings.Join(dock.Kinds(), ", ")
		if near := configs.Nearest(d.Kind, dock.Kinds()); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		c.wrong(path+".kind", fmt.Sprintf("unknown kind of platform %q", d.Kind), hint)
	}
}

func (c *checker) dockPlatform(d *Dock, path string) {
	for _, u := range []struct{ key, url string }{{"status_url", d.StatusURL}, {"install_url", d.InstallURL}} {
		if u.url == "" && u.key == "install_url" {
			continue
		}
		if !isURL(u.url, "http", "https") || strings.HasPrefix(u.url, "http:") && !d.AllowPrivate {
			c.wrong(path+"."+u.key, "the platform needs an https address", "http is for private addresses alone: allow_private")
		}
	}
	if d.Company == "" {
		c.wrong(path+".company", "the platform must be told who we are", "such as the name that it gave us")
	}
}

func (c *checker) dockCentre(d *Dock, path string) {
	if host, port, err := net.SplitHostPort(d.Address); err != nil || host == "" || port == "" {
		c.wrong(path+".address", fmt.Sprintf("%q is not host:port", d.Address), "such as 10.1.2.3:6000")
	}
	for _, a := range []struct {
		key, text string
		to        *gb26875.Address
	}{{"from", d.From, &d.from}, {"to", d.To, &d.to}} {
		b, err := hex.DecodeString(a.text)
		if err != nil || len(b) != len(a.to) {
			c.wrong(path+"."+a.key, fmt.Sprintf("%q is not an address of six bytes", a.text), "twelve hexadecimal digits, highest byte first, such as 010203040506")
			continue
		}
		slices.Reverse(b)
		*a.to = gb26875.Address(b)
	}
}

// targets are the other platforms as package dock has them.
func (c Config) targets() []dock.Target {
	out := make([]dock.Target, len(c.Dock))
	for i, d := range c.Dock {
		out[i] = dock.Target{ID: d.ID, Name: d.Name, Kind: d.Kind, Sites: d.Sites, Devices: d.Devices, Secret: d.secret, StatusURL: d.StatusURL, InstallURL: d.InstallURL,
			Company: d.Company, Area: d.Area, Headers: d.Headers, AllowPrivate: d.AllowPrivate, Address: d.Address, From: d.from, To: d.to}
	}
	return out
}

// openDock builds what other platforms are told by.
func (a *App) openDock() {
	a.dock = dock.New(dock.Config{DB: a.db, Targets: a.cfg.targets(), Dialer: notify.GuardedDialer, Now: a.opt.Now, Zone: a.cfg.zone, Log: a.opt.Log, Registry: a.registry, Mine: a.notifies, Asked: a.askFor})
}

// askFor asks who is on duty in the name of a monitoring centre.
func (a *App) askFor(ctx context.Context, tx *sql.Tx, centre string) error {
	return a.checks.AskFor(ctx, tx, centre)
}

// tellers are told of each change of an incident, in its transaction.
type tellers []incident.Notifier

// Enqueue implements the incidents' Notifier.
func (t tellers) Enqueue(ctx context.Context, tx *sql.Tx, in incident.Incident, kind string) error {
	for _, one := range t {
		if err := one.Enqueue(ctx, tx, in, kind); err != nil {
			return err
		}
	}
	return nil
}

// wake tells those who tell others that something may be queued.
func (a *App) wake() {
	a.notify.Wake()
	a.dock.Wake()
}
