package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org"
)

type runCmd struct {
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
	Demo   bool   `help:"No login. Refused unless every listener is on loopback."`
	Local  string `name:"demo-gateway" placeholder:"ID=URL" help:"The demo's gateway and its own page, for the start page."`
}

// Run runs the cloud until a signal comes.
func (c *runCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, cfg, app.Options{Demo: c.Demo, Gateway: c.Local, Version: version(), Log: slog.Default(), Now: time.Now})
	if err != nil {
		return err
	}
	return errors.Join(a.Run(ctx), a.Close())
}

// version is that of the module, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}

type checkCmd struct {
	File string `arg:"" help:"Configuration file." type:"path"`
}

// Run checks a configuration.
func (c *checkCmd) Run() error {
	cfg, err := app.Load(c.File)
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings() {
		fmt.Println(c.File + ": warning: " + w)
	}
	fmt.Println(c.File + ": ok")
	return nil
}

type decommissionCmd struct {
	speech
	ID     string `arg:"" help:"Id of the gateway."`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run takes a gateway out of service.
func (c *decommissionCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	if err := app.Decommission(ctx, cfg, c.ID); errors.Is(err, org.ErrUnknown) {
		return errors.New(c.sayf("这里没有网关 %s：cloud gateway list 列出全部", "there is no gateway %s here: cloud gateway list shows all", c.ID))
	} else if err != nil {
		return err
	}
	fmt.Println(c.sayf("网关 %s 已停用；它带着新的日志回来时，不算丢数据", "gateway %s: out of service; when it comes back with new logs, nothing counts as lost", c.ID))
	return nil
}

type notifyTestCmd struct {
	speech
	Receiver string `arg:"" help:"Id of the receiver in the configuration."`
	Phone    string `help:"Whom to reach, when the receiver reaches one person at a time."`
	Config   string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run sends a test message.
func (c *notifyTestCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	r, err := app.TestReceiver(ctx, cfg, c.Receiver, c.Phone, "cloud notify test")
	switch took := r.Took.Round(time.Millisecond); {
	case errors.Is(err, notify.ErrUnknown):
		return errors.New(c.sayf("%[2]s 的 notify 里没有接收方 %[1]s", "there is no receiver %s under notify in %s", c.Receiver, c.Config))
	case errors.Is(err, notify.ErrNobody) && c.Phone == "":
		return errors.New(c.sayf("接收方 %s 一次通知一个人：用 --phone 给出手机号", "receiver %s reaches one person at a time: say whom with --phone", c.Receiver))
	case errors.Is(err, notify.ErrNobody):
		return errors.New(c.sayf("接收方 %s 不知道 %s 的地址：写进 %s 的 mailboxes", "receiver %s knows no address of %s: write it under mailboxes in %s", c.Receiver, c.Phone, c.Config))
	case err != nil:
		return err
	case !r.OK:
		return errors.New(c.sayf("接收方 %s 没有收下消息（%v 后）：%s", "receiver %s did not take the message (after %v): %s", c.Receiver, took, r.Answer))
	default:
		fmt.Println(c.sayf("接收方 %s 在 %v 后收下了消息：%s", "receiver %s took the message after %v: %s", c.Receiver, took, r.Answer))
	}
	return nil
}
