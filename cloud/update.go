package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/rollout"
	"github.com/linshao/linshao/cloud/wire/program"
	"github.com/linshao/linshao/rules"
)

// updateCmd are the commands around programs of gateways.
type updateCmd struct {
	Publish updatePublishCmd `cmd:"" help:"Publish update files (.lsu), one for each kind of machine. Only what the vendor has signed is taken."`
	Start   updateStartCmd   `cmd:"" help:"Begin to roll a published version out, with one gateway."`
	Ring    updateRingCmd    `cmd:"" help:"Go to the next gateways: 2 is 5 %%, 3 is all; 0 stops."`
	Status  updateStatusCmd  `cmd:"" help:"Show the rollout: what each gateway is to run, runs, and why not."`
	Remove  updateRemoveCmd  `cmd:"" help:"Remove a published version and its files. The one that was rolled out last stays."`
}

func (s speech) rolling(ctx context.Context, config string, do func(ctx context.Context, r *rollout.Service, d *db.DB) error) error {
	cfg, err := app.Load(config)
	if err != nil {
		return err
	}
	err = app.Rolling(ctx, cfg, do)
	if r, ok := errors.AsType[*org.Refusal](err); ok {
		return errors.New(s.say(r.Text))
	}
	if r, ok := errors.AsType[*program.Refused](err); ok {
		return errors.New(s.say(r.Text))
	}
	return err
}

type updatePublishCmd struct {
	speech
	Files  []string `arg:"" help:"Update files, as gateway update make writes them." type:"existingfile"`
	Config string   `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run publishes.
func (c *updatePublishCmd) Run(ctx context.Context) error {
	return c.rolling(ctx, c.Config, func(ctx context.Context, r *rollout.Service, _ *db.DB) error {
		all, err := r.Publish(ctx, c.Files)
		if err != nil {
			return err
		}
		for _, m := range all {
			fmt.Println(c.sayf("已发布 %s，%s/%s", "published %s for %s/%s", m.Version, m.OS, m.Arch))
		}
		return nil
	})
}

type updateStartCmd struct {
	speech
	Version string        `arg:"" help:"A published version."`
	Every   time.Duration `help:"How long a ring was well before the next follows by itself. Default: a person goes on (cloud update ring)."`
	Watch   time.Duration `help:"For how long a gateway must run it well to keep it, 30s to 6h." default:"10m"`
	Reason  string        `help:"Why; the audit log tells it." required:""`
	By      string        `help:"Who does it. Default: the user of this machine." env:"USER"`
	Config  string        `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run begins a rollout.
func (c *updateStartCmd) Run(ctx context.Context) error {
	return c.rolling(ctx, c.Config, func(ctx context.Context, r *rollout.Service, d *db.DB) error {
		if err := r.Start(ctx, rollout.Plan{Version: c.Version, Who: c.By, Reason: c.Reason, Step: c.Every, Watch: c.Watch}); err != nil {
			return err
		}
		return c.rollout(ctx, d)
	})
}

type updateRingCmd struct {
	speech
	Ring   int    `arg:"" help:"2: 5 %%, 3: all; 0: stop. The ring that a stopped rollout has reached goes on with it."`
	Reason string `help:"Why; the audit log tells it." required:""`
	By     string `help:"Who does it. Default: the user of this machine." env:"USER"`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run goes to a ring.
func (c *updateRingCmd) Run(ctx context.Context) error {
	return c.rolling(ctx, c.Config, func(ctx context.Context, r *rollout.Service, d *db.DB) error {
		if err := r.Move(ctx, rollout.Change{Ring: c.Ring, Who: c.By, Reason: c.Reason}); err != nil {
			return err
		}
		return c.rollout(ctx, d)
	})
}

type updateRemoveCmd struct {
	speech
	Version string `arg:"" help:"A published version."`
	Reason  string `help:"Why; the audit log tells it." required:""`
	By      string `help:"Who does it. Default: the user of this machine." env:"USER"`
	Config  string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run removes.
func (c *updateRemoveCmd) Run(ctx context.Context) error {
	return c.rolling(ctx, c.Config, func(ctx context.Context, r *rollout.Service, _ *db.DB) error {
		freed, err := r.Remove(ctx, c.Version, c.By, c.Reason)
		if err == nil {
			fmt.Println(c.sayf("已移除 %s，腾出 %.1f MiB", "removed %s, %.1f MiB are free again", c.Version, float64(freed)/(1<<20)))
		}
		return err
	})
}

type updateStatusCmd struct {
	speech
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run shows the rollout.
func (c *updateStatusCmd) Run(ctx context.Context) error {
	return c.rolling(ctx, c.Config, func(ctx context.Context, _ *rollout.Service, d *db.DB) error { return c.rollout(ctx, d) })
}

func (s speech) rollout(ctx context.Context, d *db.DB) error {
	o, all, err := rollout.Status(ctx, d.Reader(), tree.Everywhere())
	if err != nil {
		return err
	}
	if o.ID == 0 {
		fmt.Println(s.sayf("没有发布过版本", "nothing was ever rolled out"))
		return nil
	}
	fmt.Println(s.sayf("版本 %s，第 %d 圈（1 一台，2 5%%，3 全部）", "version %s, ring %d (1 one gateway, 2 5 %%, 3 all)", o.Version, o.Ring))
	if o.Stopped {
		fmt.Println(s.sayf("已停止：%s", "stopped: %s", s.say(rules.Text(o.Why))))
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, s.sayf("网关\t站点\t圈\t运行\t状态\t原因", "gateway\tsite\tring\truns\tstate\twhy"))
	for _, g := range all {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", g.Gateway, g.Site, g.Ring, g.Version, s.updateState(g.State), s.say(rules.Text(g.Why)))
	}
	return w.Flush()
}

func (s speech) updateState(state string) string {
	switch state {
	case "later":
		return s.sayf("未轮到", "later")
	case "waits":
		return s.sayf("等待", "waits")
	case "trial":
		return s.sayf("试运行", "on trial")
	case "applied":
		return s.sayf("已更新", "applied")
	case "refused":
		return s.sayf("被网关拒绝", "refused")
	case "reverted":
		return s.sayf("已退回", "taken back")
	}
	return s.sayf("还没有回答", "asked")
}
