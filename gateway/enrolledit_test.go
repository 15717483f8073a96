package main

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/config"
)

// TestAnEnrolmentWritesIntoTheSite: the cloud's key and broker stand in gateway.yaml afterwards, and every remark still does.
func TestAnEnrolmentWritesIntoTheSite(t *testing.T) {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := wire.EncodeKey(public)
	if err != nil {
		t.Fatal(err)
	}
	const head = "# 锦绣花园\nsite: {id: jinxiu} # the compound\ngateway: gw-1\n"
	for text, good := range map[string]bool{
		head + "cloud:\n  # ask the provider\n  url: mqtts://old:8883\nchannels: []\n":     true,
		head + "cloud: {url: \"mqtts://old:8883\"}\nchannels: []\n":                        false, // a person does it
		head + "cloud:\n  url: mqtts://old:8883 # of last year\ntrust: {}\nchannels: []\n": true,
	} {
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		site, problems := config.Load(file, config.English)
		if site == nil {
			t.Fatal(problems)
		}
		changed, err := adopt(site, "mqtts://broker.example:8883", key)
		now, readErr := os.ReadFile(file)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if !good {
			if err == nil || string(now) != text {
				t.Errorf("%v\n%s", err, now)
			}
			continue
		}
		after, problems := config.Load(file, config.English)
		if err != nil || after == nil || !after.CommandKey.Equal(public) || after.Cloud.URL != "mqtts://broker.example:8883" || len(changed) < 2 {
			t.Fatal(err, problems, changed)
		}
		for line := range strings.SplitSeq(text, "\n") {
			if _, remark, ok := strings.Cut(line, "#"); ok && !strings.Contains(string(now), remark) {
				t.Errorf("the remark %q is gone:\n%s", remark, now)
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
			t.Error(info.Mode(), err)
		}
		if again, err := adopt(after, "mqtts://broker.example:8883", key); err != nil || again != nil {
			t.Errorf("the second time: %v, %v", again, err)
		}
	}
}
