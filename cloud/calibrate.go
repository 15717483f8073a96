package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/rules"
)

type calibrationImportCmd struct {
	speech
	File   string `arg:"" help:"File ending in .csv (head: gateway,device,done,due,note or 网关,设备,校准日期,到期日期,备注), .yaml or .yml." type:"existingfile"`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run imports calibrations.
func (c *calibrationImportCmd) Run(ctx context.Context) error {
	cfg, data, err := bringing(c.Config, c.File)
	if err != nil {
		return err
	}
	list, mistakes := health.ParseCalibrations(c.File, data)
	var r health.CalibrationsTaken
	if len(list) > 0 {
		if r, err = app.Calibrate(ctx, cfg, list); err != nil {
			return err
		}
	}
	for _, m := range append(mistakes, r.Mistakes...) {
		at := c.File
		if m.Line > 0 {
			at = fmt.Sprintf("%s:%d", c.File, m.Line)
		}
		fmt.Fprintln(os.Stderr, at+": "+c.say(rules.Text(m.Text)))
	}
	fmt.Println(c.sayf("采用 %d 条，未采用 %d 条", "%d taken, %d left out", r.Taken, len(r.Mistakes)))
	if r.Taken == 0 && len(mistakes)+len(r.Mistakes) > 0 {
		return errors.New(c.sayf("什么都没有改", "nothing was changed"))
	}
	return nil
}
