package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/rules"
)

type reportCmd struct {
	speech
	Node   string `help:"This node of the organisation and all below it. Default: the whole street."`
	Month  string `help:"Month, such as 2026-11. Default: the one before this."`
	CSV    bool   `name:"csv" xor:"form" help:"As CSV."`
	JSON   bool   `name:"json" xor:"form" help:"As JSON."`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run writes the report to standard output: a page to print, without a script.
func (c *reportCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	month := time.Now().AddDate(0, 0, -time.Now().Day()) // the last day of the month before
	if c.Month != "" {
		if month, err = time.Parse("2006-01", c.Month); err != nil {
			return errors.New(c.sayf("%q 不是 2026-11 这样的月份", "%q is no month such as 2026-11", c.Month))
		}
	}
	r, zone, err := app.Report(ctx, cfg, c.Node, month)
	switch {
	case errors.Is(err, org.ErrUnknown):
		return errors.New(c.sayf("没有节点 %s：cloud org tree 列出全部", "there is no node %s: cloud org tree shows all", c.Node))
	case err != nil:
		return err
	case c.CSV:
		return r.WriteCSV(os.Stdout)
	case c.JSON:
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(r); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		return nil
	}
	return r.WritePage(os.Stdout, c.say(rules.Text{ZH: "zh", EN: "en"}), zone)
}
