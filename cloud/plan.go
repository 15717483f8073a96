package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/org/siteplan"
)

// orgPlanCmd are the commands around the plans of sites.
type orgPlanCmd struct {
	Import orgPlanImportCmd `cmd:"" help:"Bring plans from a YAML file in the place of those of the same sites. With a mistake nothing is taken."`
	Export orgPlanExportCmd `cmd:"" help:"Write the plans that people have drawn to standard output, without pictures: a file that can be imported again."`
}

type orgPlanImportCmd struct {
	speech
	File   string `arg:"" help:"YAML: plans, each with site, width, height, shapes and pins." type:"existingfile"`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run imports a file.
func (c *orgPlanImportCmd) Run(ctx context.Context) error {
	cfg, data, err := bringing(c.Config, c.File)
	if err != nil {
		return err
	}
	f, err := siteplan.Parse(c.File, data)
	if err == nil {
		err = app.ImportPlans(ctx, cfg, f)
	}
	ms, wrong := errors.AsType[siteplan.Mistakes](err)
	switch {
	case wrong:
		for _, m := range ms {
			fmt.Fprintf(os.Stderr, "%s:%d:%d: %s\n", c.File, m.Line, m.Col, c.say(m.Text))
		}
		return errors.New(c.sayf("有 %d 处错误：什么都没有改", "mistakes: %d; nothing was changed", len(ms)))
	case err != nil:
		return err
	}
	shapes, pins := 0, 0
	for _, s := range f.Plans {
		shapes, pins = shapes+len(s.Plan.Shapes), pins+len(s.Plan.Pins)
	}
	fmt.Println(c.sayf("平面图 %d 张：图形 %d 个，设备点 %d 个", "%d plans: %d shapes, %d pins", len(f.Plans), shapes, pins))
	return nil
}

type orgPlanExportCmd struct {
	speech
	Site   string `arg:"" optional:"" help:"This site alone."`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run exports the plans.
func (c *orgPlanExportCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	all, err := app.Plans(ctx, cfg)
	if err != nil {
		return err
	}
	var out []siteplan.Sited
	for _, s := range all {
		if c.Site == "" || s.Site == c.Site {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return errors.New(c.sayf("还没有画过平面图：在小区页面画，或用 cloud org plan import 导入", "nobody has drawn a plan: draw it on the site's page, or bring it with cloud org plan import"))
	}
	return siteplan.Write(os.Stdout, out)
}
