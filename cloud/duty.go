package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/duty"
)

type orgDutyCmd struct {
	speech
	Node   string `arg:"" help:"The node."`
	Role   string `help:"In this role alone."`
	At     string `help:"At this time where the street is, such as 2026-10-01T20:00. Default: now."`
	Phones bool   `help:"Show whole phone numbers."`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run shows who is on duty.
func (c *orgDutyCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	people, err := app.OnDuty(ctx, cfg, c.Node, c.Role, func(zone *time.Location) (time.Time, error) {
		if c.At == "" {
			return time.Now().In(zone), nil
		}
		at, err := time.ParseInLocation("2006-01-02T15:04", c.At, zone)
		if err != nil {
			err = errors.New(c.sayf("--at %q 不是 2026-10-01T20:00 这样的时间", "--at %q is no time such as 2026-10-01T20:00", c.At))
		}
		return at, err
	})
	if errors.Is(err, org.ErrUnknown) {
		return errors.New(c.sayf("没有节点 %s：cloud org tree 列出全部", "there is no node %s: cloud org tree shows all", c.Node))
	}
	if err != nil {
		return err
	}
	if !c.Phones {
		people = duty.Masked(people)
	}
	if len(people) == 0 {
		fmt.Println(c.sayf("没有人值班，也没有责任人", "nobody is on duty, and nobody is responsible"))
	}
	for _, p := range people {
		as := map[string]string{duty.AsShift: c.sayf("当班", "on shift"), duty.AsHandOver: c.sayf("接班", "by hand-over"), duty.AsOwner: c.sayf("责任人", "owner"),
			duty.AsDeputy: c.sayf("代理人", "deputy"), duty.AsFallback: c.sayf("兜底", "fallback")}[p.As]
		fmt.Printf("%s\t%s\t%s\t%s\t%s\n", p.Role, p.Name, p.Phone, as, p.Node)
	}
	return nil
}
