package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

type probeCmd struct {
	Address   string        `arg:"" help:"Modbus unit of the device."`
	Bus       string        `required:"" help:"Id of the channel in gateway.yaml."`
	Config    string        `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	Registers string        `default:"0-127" help:"Registers to try, 0-based: 0-127, or 0x100-0x17F,512."`
	Space     []string      `help:"Where to look: holding, input, coil, discrete. Default: all four."`
	Baud      string        `help:"Settings of the line for this device: 9600-8E1. Default: the channel's."`
	Timeout   time.Duration `help:"Wait for each answer. Default: 200ms."`
	All       bool          `help:"Print registers without a value too."`
	Emit      string        `placeholder:"MODEL" help:"Print the start of a profile instead of a table. Its source is left empty: the gateway refuses it until it is filled in."`
	JSON      bool          `name:"json" help:"Print the report as JSON."`
}

// Run reads a device of which no map is known.
func (c probeCmd) Run(ctx context.Context, lang config.Language) error {
	req := commission.ProbeRequest{Channel: c.Bus, Address: c.Address, Spaces: c.Space, TimeoutMS: int(c.Timeout.Milliseconds())}
	var err error
	if req.Registers, err = commission.ParseRanges(c.Registers, 0, 0xFFFF); err != nil {
		return exit{exitUsage, fmt.Errorf("--registers: %w", err)}
	}
	settings, _, err := lineSettings(c.Baud)
	if err != nil || c.Baud == "all" {
		return exit{exitUsage, fmt.Errorf("--baud %s: one setting, such as 9600-8E1", c.Baud)}
	}
	if len(settings) > 0 {
		req.Setting = settings[0]
	}
	site, who, err := commissioning(ctx, c.Config, lang)
	if err != nil {
		return err
	}
	show := newScanShow(os.Stderr, lang, c.Config)
	if show.tty {
		show.println(show.say("逐个寄存器读，只读不写，约半分钟。本总线的采集暂停，之后自动恢复；Ctrl-C 随时停止。", "Register by register, reading only, about half a minute. Polling of this bus is paused meanwhile; Ctrl-C stops."))
	}
	report, err := who.Probe(ctx, req, func(p commission.Progress) {
		if show.tty && p.Kind == commission.Tried {
			show.bar(p, "\r", "\x1b[K")
		}
	})
	show.clear()
	if err != nil {
		return failed(err, site, c.Bus, lang)
	}
	switch {
	case c.JSON:
		err = printed(report, true)
	case c.Emit != "":
		_, err = os.Stdout.Write(commission.Skeleton(report, c.Emit, lang))
	default:
		printProbe(report, lang, c)
	}
	if err != nil {
		return err
	}
	return probeExit(report)
}

func probeExit(r commission.ProbeReport) error {
	if r.Stopped {
		return exit{code: exitSignal}
	}
	for _, reg := range r.Registers {
		if reg.State == commission.RegisterValue {
			return nil
		}
	}
	return exit{code: exitDevice}
}

// printProbe prints what each register may mean, each understanding in a column; what stands out is marked.
func printProbe(r commission.ProbeReport, lang config.Language, c probeCmd) {
	say := speaker(lang)
	fmt.Printf(say("总线 %s 地址 %s  %s  只读\n", "bus %s address %s  %s  read only\n"), r.Channel, r.Address, r.Setting)
	rows := [][]string{{say("寄存器", "register"), say("原始", "raw"), "u16", "i16", "u32", "u32↔", "f32", "f32↔", say("像", "like")}}
	counts := map[string]int{}
	for _, reg := range r.Registers {
		counts[reg.State]++
		if reg.State != commission.RegisterValue {
			if c.All {
				rows = append(rows, []string{registerName(reg), registerState(reg, say)})
			}
			continue
		}
		by, like := map[string]string{}, []string{}
		for _, g := range reg.Guess {
			if by[g.Type] = compact(g.Value); g.Looks != "" {
				by[g.Type] += "*"
				like = append(like, g.Looks)
			}
		}
		if reg.Guess == nil {
			by["u16"] = fmt.Sprint(reg.Raw)
		}
		rows = append(rows, []string{registerName(reg), fmt.Sprintf("%04X", reg.Raw), by["u16"], negative(by["i16"]), by["u32"], by["u32 swap"], by["f32"], by["f32 swap"], strings.Join(like, " ")})
	}
	if len(rows) > 1 {
		printTable(os.Stdout, rows)
	}
	fmt.Printf(say("%d 个有值，%d 个非法地址，%d 个其他异常，%d 个损坏，%d 个无应答；%d 帧，%.1f s\n",
		"%d with a value, %d illegal addresses, %d other exceptions, %d damaged, %d silent; %d frames, %.1f s\n"), counts[commission.RegisterValue],
		counts[commission.RegisterIllegal], counts[commission.RegisterException], counts[commission.RegisterDamaged], counts[commission.RegisterSilent], r.Frames, r.TookMS/1000)
	for _, h := range r.Hints {
		fmt.Printf("! %s\n", typed(h.Text.In(lang), c.Config))
	}
	if counts[commission.RegisterValue] > 0 {
		fmt.Print(typed(fmt.Sprintf(say("↔ 低字在前；* 像电网的值。生成型号草稿：\n  gateway probe %s --bus %s --emit my-model > profiles/my-model.yaml\n",
			"↔ low word first; * looks like the mains. As a profile:\n  gateway probe %s --bus %s --emit my-model > profiles/my-model.yaml\n"), r.Address, r.Channel), c.Config))
	}
}

// registerName is short enough for a column: "4x0001 h00".
func registerName(r commission.Register) string {
	digit := map[string]string{"coil": "0", "discrete": "1", "input": "3", "holding": "4"}[r.Space]
	return fmt.Sprintf("%sx%04d 0x%02X", digit, int(r.Addr)+1, r.Addr)
}

func registerState(r commission.Register, say func(zh, en string) string) string {
	switch r.State {
	case commission.RegisterIllegal:
		return say("非法地址", "illegal")
	case commission.RegisterException:
		return fmt.Sprintf(say("异常 %d", "exception %d"), r.Code)
	case commission.RegisterDamaged:
		return say("损坏", "damaged")
	}
	return say("无应答", "silent")
}

// compact writes a value in at most ten characters.
func compact(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e10 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.5g", v)
}

// negative hides what is the same as the unsigned value.
func negative(text string) string {
	if strings.HasPrefix(text, "-") {
		return text
	}
	return ""
}
