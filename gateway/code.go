package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/login"
)

type codeCmd struct {
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	New    bool   `help:"Make a new code. The old one is good until the gateway starts again."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run prints the claim code, or makes another. Who can read the data folder may know it.
func (c codeCmd) Run(lang config.Language) error {
	site, problems := config.Load(standardConfig(c.Config), lang)
	if site == nil {
		printProblems(os.Stderr, lang, problems.Fatal())
		return exit{code: exitFinding}
	}
	read := login.Code
	if c.New {
		read = login.NewCode
	}
	if err := os.MkdirAll(site.Data, 0o700); err != nil {
		return exit{exitDevice, fmt.Errorf("make data folder: %w", err)}
	}
	code, err := read(filepath.Join(site.Data, app.CodeFile))
	if err != nil {
		return exit{exitDevice, err}
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]string{"code": code, "page": "http://" + site.Status.Listen + "/login"})
	}
	if lang == config.Chinese {
		_, err = fmt.Printf("%s\n页面：http://%s/login\n", code, site.Status.Listen)
	} else {
		_, err = fmt.Printf("%s\npage: http://%s/login\n", code, site.Status.Listen)
	}
	return err
}
