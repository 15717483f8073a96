package config

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/linshao/linshao/cloud/wire"
)

// A Launch is what must be known before it is known which program reads the site.
type Launch struct {
	Data      string            // folder of state, absolute
	UpdateKey ed25519.PublicKey // of the vendor; nil: only the installed program runs
}

// ReadLaunch reads no more than that, and minds nothing else: the rest may be written for a newer program than this one.
func ReadLaunch(file string) (Launch, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Launch{}, fmt.Errorf("read site: %w", err)
	}
	var raw struct {
		Data  string `yaml:"data"`
		Trust struct {
			UpdateKey string `yaml:"update_key"`
		} `yaml:"trust"`
	}
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return Launch{}, fmt.Errorf("read site: %w", err)
	}
	if raw.Trust.UpdateKey == "" {
		return Launch{}, nil
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return Launch{}, fmt.Errorf("read site: %w", err)
	}
	at := &loader{dir: dir}
	l := Launch{Data: at.path(dataFolder(raw.Data))}
	text, err = os.ReadFile(at.path(raw.Trust.UpdateKey))
	if err != nil {
		return l, fmt.Errorf("read update key: %w", err)
	}
	if l.UpdateKey, err = wire.DecodeKey(text); err != nil {
		return l, fmt.Errorf("read update key %s: %w", raw.Trust.UpdateKey, err)
	}
	return l, nil
}

// DataOf is the folder of state that a gateway.yaml names; empty when it cannot be read.
func DataOf(file string) string {
	var raw struct {
		Data string `yaml:"data"`
	}
	text, err := os.ReadFile(file)
	if err != nil || yaml.Unmarshal(text, &raw) != nil {
		return ""
	}
	return (&loader{dir: filepath.Dir(file)}).path(dataFolder(raw.Data))
}

// checkUpdateKey reads the key by which the vendor signs programs. Without one only the installed program runs.
func (l *loader) checkUpdateKey() {
	const path = "$.trust.update_key"
	name := l.raw.Trust.UpdateKey
	if name == "" {
		return
	}
	without := func() string {
		return l.say("没有它，网关只运行安装的程序", "without it only the installed program runs")
	}
	text, err := os.ReadFile(l.path(name))
	if err != nil {
		l.warn(path, l.say("读不到 %s：%v", "%s cannot be read: %v", name, unwrapPath(err)), without())
		return
	}
	if _, err := wire.DecodeKey(text); err != nil {
		l.warn(path, l.say("%s 不是 Ed25519 公钥：%v", "%s is no public key of Ed25519: %v", name, err), without())
	}
}
