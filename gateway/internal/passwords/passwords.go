// Package passwords gives devices the password that stands in their file now: who changes the password of a camera writes the file
// anew, and the gateway goes on without a restart. A file that cannot be used, or that others may read, changes nothing.
package passwords

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A File is where the user and password in the address of a device come from.
type File struct {
	Device  string
	Name    string // holds user:password
	Address string // URL of the device, with what stood there at the start
}

// Driver opens channels whose devices' addresses are renewed.
type Driver struct {
	device.Driver
	Files []File
	Log   *slog.Logger
}

// Open opens a channel.
func (d Driver) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	inner, err := d.Driver.Open(ctx, ch)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, secrets: map[string]*secret{}}
	for _, f := range d.Files {
		c.secrets[f.Device] = &secret{File: f, log: d.Log, now: f.Address}
	}
	if eyes, ok := inner.(device.Camera); ok {
		return &camera{c, eyes}, nil
	}
	return c, nil
}

type conn struct {
	device.Conn
	secrets map[string]*secret
}

// camera is a conn of cameras.
type camera struct {
	*conn
	device.Camera
}

// Read reads with the addresses of now.
func (c *conn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	points = slices.Clone(points)
	now := map[string]string{} // each file is looked at once, however many points its device has
	for i, p := range points {
		s := c.secrets[p.Device]
		if s == nil {
			continue
		}
		if _, ok := now[p.Device]; !ok {
			now[p.Device] = s.address()
		}
		points[i].Address = now[p.Device]
	}
	return c.Conn.Read(ctx, points)
}

// secret is the address of one device. Its file is looked at with every read, and read when it has changed.
type secret struct {
	File
	log *slog.Logger

	mu       sync.Mutex
	now      string
	modified time.Time
	size     int64
	mode     os.FileMode // who closes a file to others changes nothing else of it
	told     string      // the last mistake
}

func (s *secret) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.Name)
	if err == nil && info.ModTime().Equal(s.modified) && info.Size() == s.size && info.Mode() == s.mode {
		return s.now
	}
	address := ""
	if err == nil {
		s.modified, s.size, s.mode = info.ModTime(), info.Size(), info.Mode()
		address, err = s.renewed(info)
	}
	switch {
	case err != nil && err.Error() != s.told:
		s.told = err.Error()
		s.log.Warn("password file cannot be used; the password before stays", "device", s.Device, "error", err)
	case err == nil:
		if s.told = ""; address != s.now {
			s.now = address
			s.log.Info("a new password is used", "device", s.Device)
		}
	}
	return s.now
}

// renewed is the address with what the file holds. Its errors name no password.
func (s *secret) renewed(info os.FileInfo) (string, error) {
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s has mode %#o: others can read it", s.Name, info.Mode().Perm())
	}
	text, err := os.ReadFile(s.Name)
	if err != nil {
		return "", fmt.Errorf("read password file: %w", err)
	}
	user, password, ok := strings.Cut(strings.TrimSpace(string(text)), ":")
	if !ok || user == "" || password == "" {
		return "", fmt.Errorf("%s must hold user:password", s.Name)
	}
	u, err := url.Parse(s.Address)
	if err != nil {
		return "", errors.New("the address is no URL") // the parser's own words repeat it
	}
	u.User = url.UserPassword(user, password)
	return u.String(), nil
}
