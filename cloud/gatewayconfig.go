package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/push"
	"github.com/linshao/linshao/rules"
)

// gatewayConfigCmd are the commands around what is pushed to gateways.
type gatewayConfigCmd struct {
	Push   configPushCmd   `cmd:"" help:"Push files of the folders rules, profiles and devices.d, or overrides.yaml. The gateway checks them, tries them, and takes them back when it gets worse."`
	Show   configShowCmd   `cmd:"" help:"Show what is wanted of a gateway, what it goes by, and why not."`
	Revert configRevertCmd `cmd:"" help:"Push the files of an older revision again, or none."`
}

// pushing opens the pushes of a cloud that may be running, and words refusals.
func (s speech) pushing(ctx context.Context, config string, do func(ctx context.Context, p *push.Service, d *db.DB) error) error {
	cfg, err := app.Load(config)
	if err != nil {
		return err
	}
	err = app.Pushing(ctx, cfg, do)
	if r, ok := errors.AsType[*org.Refusal](err); ok {
		return errors.New(s.say(r.Text))
	}
	return err
}

type configPushCmd struct {
	speech
	ID     string        `arg:"" help:"Id of the gateway."`
	Files  []string      `arg:"" help:"Files: the folder in which one lies says what it is." type:"existingfile"`
	Merge  bool          `help:"Beside what is pushed already, which otherwise is dropped."`
	Reason string        `help:"Why; the revision tells it." required:""`
	Watch  time.Duration `help:"For how long the gateway watches it, 30s to 6h." default:"10m"`
	By     string        `help:"Who does it. Default: the user of this machine." env:"USER"`
	Config string        `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run pushes.
func (c *configPushCmd) Run(ctx context.Context) error {
	parts := map[string]string{}
	for _, f := range c.Files {
		text, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("read %s: %w", f, err)
		}
		name := filepath.Base(f)
		if name != "overrides.yaml" {
			full, err := filepath.Abs(f)
			if err != nil {
				return fmt.Errorf("name %s: %w", f, err)
			}
			name = filepath.Base(filepath.Dir(full)) + "/" + name
		}
		parts[name] = string(text)
	}
	return c.pushing(ctx, c.Config, func(ctx context.Context, p *push.Service, d *db.DB) error {
		if err := p.Put(ctx, push.Wish{Gateway: c.ID, Parts: parts, Merge: c.Merge, Reason: c.Reason, Who: c.By, Watch: c.Watch}); err != nil {
			return err
		}
		return c.show(ctx, d, c.ID, 0)
	})
}

type configShowCmd struct {
	speech
	ID       string `arg:"" help:"Id of the gateway."`
	Revision int64  `help:"An older one. Default: what is wanted now."`
	Out      string `help:"Folder into which its files are written." type:"path"`
	Config   string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run shows.
func (c *configShowCmd) Run(ctx context.Context) error {
	return c.pushing(ctx, c.Config, func(ctx context.Context, _ *push.Service, d *db.DB) error {
		if c.Out != "" {
			r, err := push.Of(ctx, d.Reader(), c.ID, c.Revision)
			if err != nil {
				return err
			}
			for name, text := range r.Parts {
				file := filepath.Join(c.Out, filepath.FromSlash(name))
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
					return fmt.Errorf("write %s: %w", file, err)
				}
			}
		}
		return c.show(ctx, d, c.ID, c.Revision)
	})
}

type configRevertCmd struct {
	speech
	ID     string `arg:"" help:"Id of the gateway."`
	To     int64  `help:"The revision whose files are to be; 0: the gateway's own files alone." default:"0"`
	Reason string `help:"Why; the revision tells it." required:""`
	By     string `help:"Who does it. Default: the user of this machine." env:"USER"`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run reverts.
func (c *configRevertCmd) Run(ctx context.Context) error {
	return c.pushing(ctx, c.Config, func(ctx context.Context, p *push.Service, d *db.DB) error {
		if err := p.Revert(ctx, c.ID, c.To, c.By, c.Reason); err != nil {
			return err
		}
		return c.show(ctx, d, c.ID, 0)
	})
}

// show prints how a revision stands.
func (s speech) show(ctx context.Context, d *db.DB, gateway string, revision int64) error {
	r, err := push.Of(ctx, d.Reader(), gateway, revision)
	if err != nil {
		return err
	}
	fmt.Println(s.sayf("%s  要求第 %d 版：%s；生效的是第 %d 版", "%s  wanted is revision %d: %s; in force is revision %d", gateway, r.Revision, s.stateOf(r.State), r.InForce))
	if r.Who != "" || r.Reason != "" {
		fmt.Println(" ", time.UnixMilli(r.Made).Format(time.DateTime), r.Who, r.Reason)
	}
	if len(r.Parts) > 0 {
		fmt.Println(" ", strings.Join(slices.Sorted(maps.Keys(r.Parts)), "  "))
	}
	if r.Why.ZH != "" {
		fmt.Println(s.say(rules.Text(r.Why)))
	}
	for _, m := range r.Mistakes {
		fmt.Printf("%s:%d:%d  %s\n", m.File, m.Line, m.Col, s.say(rules.Text(m.Text)))
	}
	return nil
}

func (s speech) stateOf(state string) string {
	switch state {
	case push.Waits:
		return s.sayf("等待合适的时刻", "waits for a better moment")
	case push.Trial:
		return s.sayf("已生效，观察中", "in force, being watched")
	case push.Applied:
		return s.sayf("已生效", "applied")
	case push.Refused:
		return s.sayf("被网关拒绝", "refused by the gateway")
	case push.Reverted:
		return s.sayf("已生效后退回", "taken back by the gateway")
	case "none":
		return s.sayf("没有推送过", "nothing was ever pushed")
	}
	return s.sayf("还没有回答", "not answered yet")
}
