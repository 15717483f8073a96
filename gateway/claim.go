package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/claim"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
)

type claimCmd struct {
	File     string `arg:"" optional:"" type:"path" help:"A fragment, as gateway scan --emit prints it; or say one device by the flags."`
	Config   string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	Bus      string `help:"Id of the channel."`
	Addr     string `help:"Address of the device on it."`
	Profile  string `help:"Model: a profile."`
	ID       string `name:"id" help:"Id of the device. Default: the first free one of its kind."`
	Name     string `help:"Name for people. Default: from place and kind."`
	Place    string `help:"Where it hangs."`
	Zone     string `help:"Id of a zone of gateway.yaml."`
	Poll     string `help:"How often it is read. Default: the profile's."`
	Baud     *int   `help:"Its own baud rate, on a channel that several protocols share."`
	Parity   string `help:"Its own parity there."`
	Password string `name:"password-file" help:"File with its password or key, mode 0600, relative to gateway.yaml."`
	Replace  string `placeholder:"ID" help:"This device was exchanged: it keeps its id and history, and gets --addr (and --profile, --bus where given)."`
	takeUp
}

type unclaimCmd struct {
	ID     string `arg:"" help:"Id of a device that was claimed."`
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	takeUp
}

// takeUp is how the running gateway hears of it.
type takeUp struct {
	NoRestart bool `help:"Only write: the running gateway takes it up later."`
	Wait      bool `help:"Wait while the gateway refuses to restart because of an alert or an action."`
	JSON      bool `name:"json" help:"Print JSON."`
}

// Run claims devices.
func (c claimCmd) Run(ctx context.Context, lang config.Language) error {
	say := speaker(lang)
	s := claim.Site{File: standardConfig(c.Config), Lang: lang}
	var r claim.Result
	var err error
	switch {
	case c.Replace != "" && c.File == "" && c.Addr != "":
		r, err = s.Replace(c.Replace, c.Addr, c.Profile, c.Bus)
	case c.File != "" && c.Replace == "" && c.Addr == "":
		var f config.Fragment
		if f, err = readFragment(c.File, lang); err == nil {
			r, err = s.Claim(f, shorter(c.File))
		}
	case c.File == "" && c.Replace == "" && c.Bus != "" && c.Addr != "" && c.Profile != "":
		e := config.Entry{ID: c.ID, Name: c.Name, Profile: c.Profile, Address: c.Addr, Place: c.Place, Zone: c.Zone, Poll: c.Poll, PasswordFile: c.Password}
		e.Line.Baud, e.Line.Parity = c.Baud, c.Parity
		r, err = s.Claim(config.Fragment{Channel: c.Bus, Devices: []config.Entry{e}}, "")
	default:
		return exit{exitUsage, errors.New(say("要么给片段文件，要么 --bus --addr --profile，要么 --replace --addr", "give a fragment's file, or --bus --addr --profile, or --replace --addr"))}
	}
	return c.finish(ctx, lang, s.File, r, err, say("已认领", "claimed"))
}

// Run takes a device out.
func (c unclaimCmd) Run(ctx context.Context, lang config.Language) error {
	s := claim.Site{File: standardConfig(c.Config), Lang: lang}
	r, err := s.Unclaim(c.ID)
	return c.finish(ctx, lang, s.File, r, err, speaker(lang)("已撤下", "taken out"))
}

func readFragment(file string, lang config.Language) (config.Fragment, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return config.Fragment{}, fmt.Errorf("read fragment: %w", err)
	}
	f, problems := config.ParseFragment(shorter(file), data, lang)
	if problems != nil {
		return f, problems
	}
	return f, nil
}

// claimed is what --json prints.
type claimed struct {
	claim.Result
	Gateway string           `json:"gateway"` // "restarted", "refused", "not running", "not asked", "unknown"
	Refusal *control.Refusal `json:"refusal,omitempty"`
	PauseMs int64            `json:"pause_ms,omitempty"` // from the order to the answer of the gateway that follows
}

// finish tells what was written, and lets the running gateway take it up.
func (u takeUp) finish(ctx context.Context, lang config.Language, file string, r claim.Result, err error, done string) error {
	if err != nil {
		return u.refused(lang, file, err)
	}
	if !u.JSON {
		for i, id := range r.IDs {
			fmt.Printf("%s  %s  %s  %s\n", done, id, r.Names[i], r.Channel)
		}
		fmt.Println(shorter(r.Written + r.Removed))
	}
	out := claimed{Result: r, Gateway: "not asked"}
	if !u.NoRestart {
		u.order(ctx, lang, file, &out)
	}
	if u.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
			return fmt.Errorf("print claim: %w", err)
		}
	} else {
		fmt.Println(u.sentence(lang, out))
	}
	switch {
	case ctx.Err() != nil:
		return exit{code: exitSignal}
	case out.Refusal != nil && out.Refusal.Code == "busy":
		return exit{code: exitRefused}
	case out.Refusal != nil:
		return exit{code: exitFinding}
	case out.Gateway == "unknown":
		return exit{code: exitDevice}
	}
	return nil
}

// refused tells why nothing was written.
func (u takeUp) refused(lang config.Language, file string, err error) error {
	var problems configs.Problems
	var no *claim.Refused
	switch {
	case errors.As(err, &problems) && u.JSON:
		if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"problems": problems}); err != nil {
			return fmt.Errorf("print mistakes: %w", err)
		}
	case errors.As(err, &problems):
		for i, p := range problems {
			if _, err := os.Stat(p.File); errors.Is(err, os.ErrNotExist) { // it was never written: the flags are wrong
				problems[i].File, problems[i].Line, problems[i].Source = "gateway claim", 0, ""
			}
		}
		printProblems(os.Stdout, lang, problems)
		fmt.Println(speaker(lang)("没有写入任何文件", "nothing was written"))
	case errors.As(err, &no):
		return exit{exitFinding, errors.New(typed(speaker(lang)(no.Text.ZH, no.Text.EN), file))}
	default:
		return exit{exitDevice, err}
	}
	return exit{code: exitFinding}
}

const (
	takeUpAgain = 2 * time.Second  // between two orders while the gateway is busy
	takeUpMost  = 20 * time.Second // for the next gateway to answer
)

// order asks the running gateway to restart, and waits until the next one answers.
func (u takeUp) order(ctx context.Context, lang config.Language, file string, out *claimed) {
	site, _ := config.LoadForStart(file, lang)
	if site == nil {
		out.Gateway = "unknown"
		return
	}
	var before app.Running
	began := time.Now()
	for {
		err := control.Ask(ctx, site.Data, http.MethodPost, "/restart", &before)
		out.Refusal = nil
		switch {
		case err == nil:
		case errors.Is(err, control.ErrNobody):
			out.Gateway = "not running"
			return
		case errors.As(err, &out.Refusal):
			if u.Wait && out.Refusal.Code == "busy" && rest(ctx, takeUpAgain) {
				began = time.Now()
				continue
			}
			out.Gateway = "refused"
			return
		default:
			out.Gateway = "unknown"
			return
		}
		break
	}
	out.Gateway = "unknown"
	for limit := time.Now().Add(takeUpMost); time.Now().Before(limit); {
		var now app.Running
		if control.Ask(ctx, site.Data, http.MethodGet, "/site", &now) == nil && now.Boot != before.Boot {
			out.Gateway, out.PauseMs = "restarted", time.Since(began).Milliseconds()
			return
		}
		if !rest(ctx, 50*time.Millisecond) {
			return
		}
	}
}

// rest waits; false when the user had enough.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (u takeUp) sentence(lang config.Language, out claimed) string {
	say := speaker(lang)
	switch out.Gateway {
	case "restarted":
		return fmt.Sprintf(say("运行中的网关已采用，停顿 %.1f 秒", "the running gateway has taken it up, after a pause of %.1f s"), float64(out.PauseMs)/1000)
	case "refused":
		text := say("已写入，但网关现在不重启：", "written, but the gateway does not restart now: ") + say(out.Refusal.ZH, out.Refusal.EN)
		if len(out.Refusal.More) > 0 {
			text += "\n  " + strings.Join(out.Refusal.More, "\n  ")
		}
		if out.Refusal.Code == "busy" {
			text += "\n" + say("下次重启时采用；--wait 会等到可以重启", "it is taken up at the next restart; --wait waits for a good moment")
		}
		return text
	case "not running":
		return say("网关没有运行，启动时采用", "the gateway does not run: it takes this up when it starts")
	case "unknown":
		return say("已写入；网关没有应答，请看它的日志", "written; the gateway does not answer: see its log")
	}
	return say("网关下次重启时采用", "the gateway takes it up at its next restart")
}
