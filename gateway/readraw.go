package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// raw reads with the bytes of each value, once or again and again.
func (c readCmd) raw(ctx context.Context, lang config.Language) error {
	site, who, err := commissioning(ctx, c.Config, lang)
	if err != nil {
		return err
	}
	req := commission.ReadRequest{Device: c.Device, Shows: map[string]float64{}}
	for _, text := range c.Shows {
		point, number, named := strings.Cut(text, "=")
		if !named {
			point, number = "", text
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return exit{exitUsage, fmt.Errorf("--shows %s: a number, or point=number", text)}
		}
		req.Shows[point] = v
	}
	for {
		r, err := who.Read(ctx, req)
		if ctx.Err() != nil {
			return exit{code: exitSignal}
		}
		if err != nil {
			return failed(err, site, channelOf(site, c.Device), lang)
		}
		if err := c.printRaw(r, lang); err != nil {
			return err
		}
		if c.Watch == 0 {
			return readExit(r)
		}
		if !rest(ctx, c.Watch) {
			return exit{code: exitSignal}
		}
	}
}

// throughGateway reads without the bytes, on a line that the gateway lends.
func (c readCmd) throughGateway(ctx context.Context, lang config.Language, site *config.Site, who commissioner) error {
	r, err := who.Read(ctx, commission.ReadRequest{Device: c.Device})
	if err != nil {
		return failed(err, site, channelOf(site, c.Device), lang)
	}
	var devices []device.Device
	for _, d := range site.Devices() {
		if d.ID == c.Device || strings.HasPrefix(d.ID, c.Device+".") {
			devices = append(devices, d)
		}
	}
	now := time.Now()
	var readings []device.Reading
	for _, t := range r.Trials {
		reading := device.Reading{Device: t.Device, Point: t.Point, Value: math.NaN(), Time: now, Quality: device.Bad}
		reading.Reason, _ = device.ParseReason(t.Reason)
		if t.Value != nil {
			reading.Value = *t.Value
		}
		for _, q := range []device.Quality{device.Good, device.Uncertain} {
			if t.Quality == q.String() {
				reading.Quality = q
			}
		}
		readings = append(readings, reading)
	}
	return c.tell(lang, site, devices, readings)
}

// filmed says whether a device hangs on a channel that is not lent: a camera's, or a plug-in's.
func filmed(site *config.Site, id string) bool {
	for _, ch := range site.Channels {
		if ch.ID == channelOf(site, id) {
			return ch.Driver == config.DriverRTSP || ch.Driver == config.DriverPlugin
		}
	}
	return false
}

func channelOf(site *config.Site, id string) string {
	for _, d := range site.Devices() {
		if d.ID == id || strings.HasPrefix(d.ID, id+".") {
			return d.Channel
		}
	}
	return ""
}

// readExit: nothing could be read, something is other than the display shows, or all is well.
func readExit(r commission.ReadReport) error {
	good := false
	for _, t := range r.Trials {
		good = good || t.Value != nil
	}
	switch {
	case !good:
		return exit{code: exitDevice}
	case len(r.Hints) > 0:
		return exit{code: exitFinding}
	}
	return nil
}

func (c readCmd) printRaw(r commission.ReadReport, lang config.Language) error {
	if !c.Frames {
		r.Frames = nil
	}
	if c.JSON {
		return printed(r, true)
	}
	say := speaker(lang)
	line := strings.TrimSpace(fmt.Sprintf(say("%s  %s  %s 地址 %s  %s", "%s  %s  %s address %s  %s"), r.Device, r.Model, r.Channel, r.Address, r.Setting))
	if c.Watch > 0 {
		line += time.Now().Format("  15:04:05")
	}
	fmt.Println(line)
	rows := [][]string{{say("点位", "point"), say("值", "value"), say("原始", "raw"), say("寄存器(0 起/1 起)", "register (0/1-based)"), say("应答", "answer"), say("类型", "type")}}
	for _, t := range r.Trials {
		name := t.Point
		if t.Device != "" && t.Device != r.Device {
			name = t.Device[strings.LastIndexByte(t.Device, '.')+1:] + "." + name
		}
		why, _ := device.ParseReason(t.Reason)
		value := "— " + commission.ReasonText(why).In(lang)
		if t.Value != nil {
			value = strings.TrimSpace(strconv.FormatFloat(*t.Value, 'f', -1, 64) + " " + t.Unit)
			if t.Label != "" {
				value += " " + t.Label
			}
			if t.Reason != "" {
				value += " (" + commission.ReasonText(why).In(lang) + ")"
			}
		}
		if t.Shows != "" {
			value += map[bool]string{true: " ✓", false: " ✗"}[t.Shows == "match"]
		}
		place := t.Register
		if t.Human != "" {
			place = strings.TrimPrefix(place[strings.IndexByte(place, ' ')+1:], " ") + " / " + t.Human
		}
		rows = append(rows, []string{name, value, t.Raw, place, fmt.Sprintf("%.0f ms", t.TookMS), t.Type})
	}
	printTable(os.Stdout, rows)
	for _, f := range r.Frames {
		fmt.Printf("→ %s\n← %s  %.0f ms", f.Out, f.In, f.TookMS)
		if f.Error != "" {
			fmt.Printf("  %s", f.Error)
		}
		fmt.Println()
	}
	for _, h := range r.Hints {
		fmt.Printf("! %s\n", typed(h.Text.In(lang), c.Config))
	}
	if errors.As(readExit(r), new(exit)) && len(r.Hints) == 0 {
		fmt.Println(typed(fmt.Sprintf(say("没有读到。查原因：gateway doctor\n谁在线上：gateway scan --bus %s", "nothing was read. why: gateway doctor\nwho is there: gateway scan --bus %s"), r.Channel), c.Config))
	} else if len(c.Shows) == 0 && c.Watch == 0 {
		fmt.Println(say("对照表计显示，一致吗？--shows 231.4 或 --shows voltage=231.4 帮你找原因", "Is it what the device's display shows? --shows 231.4, or voltage=231.4, looks for the reason"))
	}
	return nil
}
