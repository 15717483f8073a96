package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/config"
)

// What is needed to choose the program is read from a site that only a newer one understands.
func TestALaunchMindsNothingElse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "gateway.yaml")
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("gateway.yaml", "of_next_year: {x: [1]}\ndata: d\ngateway: 7\ntrust: {update_key: k.pem, more: 1}\n")
	if l, err := config.ReadLaunch(file); err == nil || l.UpdateKey != nil || l.Data != filepath.Join(dir, "d") {
		t.Errorf("without the key: %+v %v", l, err)
	}
	put("k.pem", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n")
	if l, err := config.ReadLaunch(file); err != nil || l.UpdateKey == nil {
		t.Errorf("%+v %v", l, err)
	}
	put("gateway.yaml", "site: {id: jinxiu, name: x}\ngateway: gw-1\ntrust: {update_key: none.pem}\n")
	if site, problems := config.Load(file, config.English); site == nil || !strings.Contains(problems.Error(), "only the installed program runs") {
		t.Errorf("%v", problems)
	}
	put("gateway.yaml", "data: d\n")
	if l, err := config.ReadLaunch(file); err != nil || l.Data != "" {
		t.Errorf("without an update key: %+v %v", l, err)
	}
}
