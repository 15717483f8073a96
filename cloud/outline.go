package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/org/drawing"
)

type orgOutlineCmd struct {
	speech
	File   string `arg:"" help:"GeoJSON: polygons with the property node, points with the property site." type:"existingfile"`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run imports a file.
func (c *orgOutlineCmd) Run(ctx context.Context) error {
	cfg, data, err := bringing(c.Config, c.File)
	if err != nil {
		return err
	}
	d, err := app.ImportDrawing(ctx, cfg, data)
	if m, ok := drawing.AsMistake(err); ok {
		return errors.New(c.File + ": " + c.say(m.Text) + c.sayf("；什么都没有改", "; nothing was changed"))
	}
	if err == nil {
		fmt.Println(c.sayf("轮廓 %d 个，位置 %d 个", "%d outlines, %d positions", len(d.Outlines), len(d.Positions)))
	}
	return err
}
