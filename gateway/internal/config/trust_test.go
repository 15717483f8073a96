package config_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/config"
)

// TestTheCloudsKey is read, not there yet, or not one.
func TestTheCloudsKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(file, []byte("site: {id: jinxiu, name: 锦绣, timezone: Asia/Shanghai}\ngateway: gw-1\ndata: data\ntrust: {command_key: cloud.pem}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(want string) *config.Site {
		t.Helper()
		site, problems := config.Load(file, config.English)
		if want != "" && !strings.Contains(problems.Error(), want) {
			t.Errorf("%v, want %q", problems, want)
		}
		return site
	}
	if s := load("takes nothing from afar"); s != nil && s.CommandKey != nil {
		t.Error("a key out of nothing")
	}
	if err := os.WriteFile(filepath.Join(dir, "cloud.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := load("is no public key"); s != nil {
		t.Error("loaded with a broken key")
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	text, err := wire.EncodeKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cloud.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := load(""); s == nil || !public.Equal(s.CommandKey) {
		t.Error("the key was not read")
	}
}
