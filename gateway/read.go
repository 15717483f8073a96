package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

type readCmd struct {
	Device string `arg:"" help:"Id of the device; a station reads all its ports."`
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	JSON   bool   `name:"json" help:"Print JSON."`

	Raw    bool          `help:"With the bytes, register and answer time of each value; through the gateway where it runs."`
	Watch  time.Duration `placeholder:"2s" help:"Raw, and again after this time, until Ctrl-C."`
	Frames bool          `help:"Raw, with each frame on the wire."`
	Shows  []string      `placeholder:"231.4" help:"Raw, and compare with what the device's display shows: a number, or point=number."`
}

// Run reads one device once.
func (c readCmd) Run(ctx context.Context, lang config.Language) error {
	if c.Raw || c.Watch > 0 || c.Frames || len(c.Shows) > 0 {
		return c.raw(ctx, lang)
	}
	site, problems := config.Load(standardConfig(c.Config), lang)
	printProblems(os.Stderr, lang, problems.Fatal())
	if site == nil {
		return exit{code: exitFinding}
	}
	if client := commission.Dial(ctx, site.Data); client != nil && !filmed(site, c.Device) {
		return c.throughGateway(ctx, lang, site, client) // the port is the gateway's
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	devices, rs, err := app.ReadOnce(ctx, app.Config{Site: site, Log: log}, c.Device)
	if err != nil {
		return failed(err, site, channelOf(site, c.Device), lang)
	}
	return c.tell(lang, site, devices, rs)
}

// tell prints readings; the error is the exit code.
func (c readCmd) tell(lang config.Language, site *config.Site, devices []device.Device, rs []device.Reading) error {
	var err error
	if c.JSON {
		err = printJSON(devices, rs, site.Location)
	} else {
		printReadings(lang, devices, rs, site.Location)
		c.advise(lang, devices, rs)
	}
	if err != nil {
		return err
	}
	for _, r := range rs {
		if r.Quality == device.Good {
			return nil
		}
	}
	return exit{code: exitDevice} // nothing could be read: the table says why
}

// advise says what to do when nothing could be read.
func (c readCmd) advise(lang config.Language, devices []device.Device, rs []device.Reading) {
	if slices.ContainsFunc(rs, func(r device.Reading) bool { return r.Quality == device.Good }) || len(devices) == 0 {
		return
	}
	fmt.Println(typed(fmt.Sprintf(speaker(lang)("没有读到。查原因：gateway doctor\n谁在线上：gateway scan --bus %[2]s\n收发的帧：gateway read %[1]s --frames",
		"nothing was read. why: gateway doctor\nwho is there: gateway scan --bus %[2]s\nits frames: gateway read %[1]s --frames"), c.Device, devices[0].Channel), c.Config))
}

func printReadings(lang config.Language, devices []device.Device, rs []device.Reading, zone *time.Location) {
	head := []string{"point", "value", "unit", "quality", "time"}
	if lang == config.Chinese {
		head = []string{"点位", "值", "单位", "质量", "时间"}
	}
	for _, d := range devices {
		fmt.Printf("%s  %s  %s  %s\n", d.ID, d.Name, d.Model, d.Channel)
		rows := [][]string{head}
		for _, p := range d.Points {
			for _, r := range rs {
				if r.Key() == p.Key() {
					rows = append(rows, []string{p.Name, valueOf(p, r), p.Unit, qualityOf(lang, r), r.Time.In(zone).Format("15:04:05.000")})
				}
			}
		}
		printTable(os.Stdout, rows)
	}
}

func valueOf(p device.Point, r device.Reading) string {
	if math.IsNaN(r.Value) {
		return "—"
	}
	text := strconv.FormatFloat(math.Round(r.Value*1e6)/1e6, 'f', -1, 64)
	if label := p.Labels[int64(r.Value)]; label != "" {
		text += " " + label
	}
	return text
}

func qualityOf(lang config.Language, r device.Reading) string {
	quality := map[device.Quality]string{device.Good: "好", device.Uncertain: "存疑", device.Bad: "坏"}[r.Quality]
	if lang != config.Chinese || quality == "" {
		quality = r.Quality.String()
	}
	if r.Reason == device.ReasonNone {
		return quality
	}
	return quality + " " + commission.ReasonText(r.Reason).In(lang)
}

// printJSON prints one object per point; a value that is none is null.
func printJSON(devices []device.Device, rs []device.Reading, zone *time.Location) error {
	type point struct {
		Device  string    `json:"device"`
		Point   string    `json:"point"`
		Value   *float64  `json:"value"`
		Unit    string    `json:"unit"`
		Quality string    `json:"quality"`
		Reason  string    `json:"reason,omitempty"`
		Time    time.Time `json:"time"`
	}
	units := map[device.Key]string{}
	for _, d := range devices {
		for _, p := range d.Points {
			units[p.Key()] = p.Unit
		}
	}
	points := []point{}
	for _, r := range rs {
		p := point{r.Device, r.Point, nil, units[r.Key()], r.Quality.String(), r.Reason.String(), r.Time.In(zone)}
		if !math.IsNaN(r.Value) {
			p.Value = &r.Value
		}
		points = append(points, p)
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	if err := enc.Encode(points); err != nil {
		return fmt.Errorf("print readings: %w", err)
	}
	return nil
}
