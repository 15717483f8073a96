package enroll

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

// Files for mosquitto.
const (
	aclFile    = "linshao.acl"
	crlFile    = "linshao.crl"
	rootsFile  = "linshao-ca.pem"
	configFile = "linshao.conf"
)

// CloudUser is the name of the cloud's own certificate at a broker.
const CloudUser = "linshao-cloud"

// WriteFiles writes what keeps gateways to their own topics at mosquitto into a folder: the rights of each gateway that has
// a certificate that counts, the list of those that count no more, the root, and a configuration to include. It answers
// whether what the broker reads has changed, so that it must be told to read it (SIGHUP). Each file is replaced as a
// whole; the rights come last, so that no gateway gets rights before its old certificate is refused.
func (s *Service) WriteFiles(ctx context.Context, dir string) (bool, error) {
	if s.cfg.CA == nil {
		return false, ErrNoCA
	}
	now := s.cfg.Now()
	all, err := find(ctx, s.cfg.DB.Reader(), `1 = 1`)
	if err != nil {
		return false, err
	}
	var ended []Revoked
	var acl bytes.Buffer
	fmt.Fprintf(&acl, "# Written by the cloud; do not edit.\nuser %s\ntopic read ls/1/+/+/up/#\ntopic read ls/1/+/+/status\ntopic write ls/1/+/+/down/#\n", CloudUser)
	last := map[string]bool{}
	for _, c := range all {
		switch {
		case c.ended != 0 && c.notAfter > now.Add(-Grace).UnixMilli(): // later it has expired anyway
			if n, ok := new(big.Int).SetString(c.serial, 16); ok {
				ended = append(ended, Revoked{n, time.UnixMilli(c.ended)})
			}
		case c.ended == 0 && c.notAfter > now.UnixMilli() && !last[c.gateway] && wire.CheckGateway(c.gateway) == nil:
			last[c.gateway] = true
			fmt.Fprintf(&acl, "\nuser %[1]s\ntopic write %[2]s\ntopic readwrite %[3]s\ntopic read %[4]s\n", c.gateway,
				wire.Topic(c.gateway, "up/#"), wire.Topic(c.gateway, wire.StatusLeaf), wire.Topic(c.gateway, "down/#"))
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, fmt.Errorf("make folder of broker files: %w", err)
	}
	fresh, err := s.writeList(filepath.Join(dir, crlFile), ended, now)
	if err != nil {
		return false, err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{rootsFile, s.cfg.CA.roots()}, {configFile, []byte(mosquittoConfig(dir))}, {aclFile, acl.Bytes()}} {
		path := filepath.Join(dir, f.name)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, f.data) {
			continue
		}
		if err := writeFile(path, f.data, 0o644); err != nil {
			return false, err
		}
		fresh = true
	}
	return fresh, nil
}

// writeList writes the list when others are on it, or when it gets old: an expired one refuses everybody.
func (s *Service) writeList(path string, ended []Revoked, now time.Time) (bool, error) {
	var names strings.Builder
	for _, r := range ended {
		fmt.Fprintf(&names, "%x ", r.Serial)
	}
	same := path + ".of"
	info, err := os.Stat(path)
	if old, e := os.ReadFile(same); err == nil && e == nil && string(old) == names.String() && now.Sub(info.ModTime()) < 24*time.Hour {
		return false, nil
	}
	list, err := s.cfg.CA.List(ended, now)
	if err != nil {
		return false, err
	}
	if err := writeFile(path, list, 0o644); err != nil {
		return false, err
	}
	return true, writeFile(same, []byte(names.String()), 0o644)
}

func mosquittoConfig(dir string) string {
	at := func(name string) string { return filepath.Join(dir, name) }
	return `# For mosquitto 2: include_dir this folder, or copy it into conf.d. Written by the cloud; do not edit.
# After a change of the files mosquitto must read them again: systemctl reload mosquitto, or kill -HUP. The cloud does that
# by itself where cloud.yaml names mosquitto's pid_file under mqtt.files.
per_listener_settings true

# Gateways. Each is called by its certificate's name; the id of the connection is that name, whatever it says itself.
listener 8883
cafile ` + at(rootsFile) + `
certfile ` + at("broker.pem") + `
keyfile ` + at("broker.key") + `
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
use_username_as_clientid true
crlfile ` + at(crlFile) + `
acl_file ` + at(aclFile) + `
allow_anonymous false
max_connections 2000

# The cloud alone: keep this port within the house.
listener 8884 127.0.0.1
cafile ` + at(rootsFile) + `
certfile ` + at("broker.pem") + `
keyfile ` + at("broker.key") + `
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
acl_file ` + at(aclFile) + `
allow_anonymous false
`
}
