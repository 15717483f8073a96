package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/state"
)

// commandKeyFile is where the cloud's public key goes that an enrolment brings, beside gateway.yaml.
const commandKeyFile = "cloud-command.pem"

// errEdit says that gateway.yaml is not changed by us: a person does it.
var errEdit = errors.New("gateway.yaml is written in a way that is better changed by hand")

// adopt writes what an enrolment brought into gateway.yaml, remarks left as they are, and answers the lines that are new. The file is
// replaced only by one that the gateway can be started with.
func adopt(site *config.Site, broker string, key []byte) (changed []string, err error) {
	text, err := os.ReadFile(site.File)
	if err != nil {
		return nil, fmt.Errorf("read site: %w", err)
	}
	was := string(text)
	set := func(section, name, value string) {
		var ok bool
		if text, ok = configs.Set(text, section, name, value); !ok {
			err = errEdit
		}
	}
	if len(key) > 0 && site.CommandKey == nil {
		if err := state.Save(filepath.Join(filepath.Dir(site.File), commandKeyFile), key); err != nil {
			return nil, fmt.Errorf("write the cloud's key: %w", err)
		}
		set("trust", "command_key", commandKeyFile)
	}
	if broker != "" && strings.TrimRight(broker, "/") != strings.TrimRight(site.Cloud.URL, "/") {
		set("cloud", "url", broker)
	}
	if err != nil || string(text) == was {
		return nil, err
	}
	trial := site.File + ".new.yaml"
	if err := os.WriteFile(trial, text, 0o600); err != nil {
		return nil, fmt.Errorf("write site: %w", err)
	}
	next, _ := config.Load(trial, config.English)
	if err := os.Remove(trial); err != nil {
		return nil, fmt.Errorf("remove trial of the site: %w", err)
	}
	if next == nil || len(key) > 0 && next.CommandKey == nil || broker != "" && next.Cloud.URL == "" {
		return nil, errEdit
	}
	info, err := os.Stat(site.File)
	if err == nil {
		err = state.Save(site.File, text)
	}
	if err == nil {
		err = os.Chmod(site.File, info.Mode().Perm())
	}
	if err != nil {
		return nil, fmt.Errorf("write site: %w", err)
	}
	old := map[string]bool{}
	for line := range strings.SplitSeq(was, "\n") {
		old[line] = true
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if !old[line] {
			changed = append(changed, line)
		}
	}
	return changed, nil
}
