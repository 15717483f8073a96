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
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// with opens the certificates for a command and words its refusals.
func (s speech) with(ctx context.Context, config string, do func(ctx context.Context, e *enroll.Service, d *db.DB) error) error {
	cfg, err := app.Load(config)
	if err != nil {
		return err
	}
	err = app.Enrolments(ctx, cfg, do)
	if r, ok := enroll.IsRefusal(err); ok {
		return errors.New(s.say(r.Text))
	}
	return err
}

type enrollCmd struct {
	speech
	ID     string        `arg:"" help:"Id of the gateway, as its gateway.yaml says it."`
	Site   string        `help:"Site that it is to serve."`
	TTL    time.Duration `help:"How long the token is good for, up to 336h." default:"24h"`
	Config string        `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run makes a token.
func (c *enrollCmd) Run(ctx context.Context) error {
	return c.with(ctx, c.Config, func(ctx context.Context, e *enroll.Service, _ *db.DB) error {
		in, until, err := e.Invite(ctx, c.ID, c.Site, c.TTL)
		if err != nil {
			return err
		}
		fmt.Println(c.sayf("网关 %s 的注册码，只显示这一次，只能用一次，%s 前有效：", "token for gateway %s; it is shown once, works once, and is good until %s:", c.ID, until.Local().Format("2006-01-02 15:04")))
		fmt.Printf("\n  %s\n\n", in.Token)
		fmt.Println(c.sayf("云端地址  %s", "cloud        %s", in.Cloud))
		fmt.Println(c.sayf("指纹      %s", "fingerprint  %s", in.Token.Pin))
		fmt.Println(c.sayf("在网关上执行：", "on the gateway:"))
		fmt.Printf("  gateway enroll --cloud %s --token %s\n", in.Cloud, in.Token)
		fmt.Println(c.sayf("或作为一行文字（二维码）：", "or as one text (QR code):"))
		fmt.Printf("  %s\n", in)
		return nil
	})
}

type gatewaysCmd struct {
	speech
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run lists gateways.
func (c *gatewaysCmd) Run(ctx context.Context) error {
	return c.with(ctx, c.Config, func(ctx context.Context, _ *enroll.Service, d *db.DB) error {
		list, err := enroll.List(ctx, d.Reader(), tree.Everywhere(), time.Now())
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, c.sayf("网关\t站点\t状态\t到期\t指纹", "gateway\tsite\tstate\tuntil\tfingerprint"))
		for _, g := range list {
			until := ""
			if g.NotAfter != 0 {
				until = time.UnixMilli(g.NotAfter).Format(time.DateOnly)
			} else if g.TokenUntil != 0 {
				until = time.UnixMilli(g.TokenUntil).Format("2006-01-02 15:04")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.16s\n", g.Gateway, g.Site, c.state(g.State), until, g.Fingerprint)
		}
		return w.Flush()
	})
}

func (c *gatewaysCmd) state(s string) string {
	switch s {
	case enroll.Invited:
		return c.sayf("待注册", "invited")
	case enroll.Lapsed:
		return c.sayf("注册码过期", "token lapsed")
	case enroll.Unused:
		return c.sayf("已发证，未连接", "certificate not used yet")
	case enroll.Valid:
		return c.sayf("有效", "valid")
	case enroll.Late:
		return c.sayf("该续期未续", "renewal is late")
	case enroll.Expired:
		return c.sayf("已过期", "expired")
	case enroll.AllowRenew:
		return c.sayf("已过期，允许续期", "expired, may renew")
	}
	return c.sayf("已吊销", "revoked")
}

type revokeCmd struct {
	speech
	ID     string `arg:"" help:"Id of the gateway."`
	Reason string `help:"Why, for the audit log."`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run revokes.
func (c *revokeCmd) Run(ctx context.Context) error {
	return c.with(ctx, c.Config, func(ctx context.Context, e *enroll.Service, _ *db.DB) error {
		if err := e.Revoke(ctx, c.ID, c.Reason); err != nil {
			return err
		}
		fmt.Println(c.sayf("网关 %s 的证书已吊销；要再用它，重新注册：cloud gateway enroll %[1]s", "gateway %s: its certificates are revoked; to use it again: cloud gateway enroll %[1]s", c.ID))
		return nil
	})
}

type renewOKCmd struct {
	speech
	ID     string `arg:"" help:"Id of the gateway."`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run lets a gateway renew.
func (c *renewOKCmd) Run(ctx context.Context) error {
	return c.with(ctx, c.Config, func(ctx context.Context, e *enroll.Service, _ *db.DB) error {
		if err := e.LetRenew(ctx, c.ID); err != nil {
			return err
		}
		fmt.Println(c.sayf("网关 %s 可以续期了，它会在一小时内自己完成", "gateway %s may renew: it does so by itself within an hour", c.ID))
		return nil
	})
}
