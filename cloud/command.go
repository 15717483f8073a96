package main

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/cloud/app"
)

type commandKeyCmd struct {
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run prints the key.
func (c *commandKeyCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	text, err := app.CommandKey(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Print(string(text))
	return nil
}
