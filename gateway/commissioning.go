package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
)

// commissioner is whoever commissions: the gateway that runs, or this program itself.
type commissioner interface {
	Scan(ctx context.Context, req commission.ScanRequest, progress func(commission.Progress)) (commission.Report, error)
	Probe(ctx context.Context, req commission.ProbeRequest, progress func(commission.Progress)) (commission.ProbeReport, error)
	Read(ctx context.Context, req commission.ReadRequest) (commission.ReadReport, error)
}

// standardConfig is where a gateway's file is when nobody says: here, or where the package puts it.
func standardConfig(path string) string {
	if path != "" {
		return shorter(path)
	}
	for _, name := range []string{"gateway.yaml", "/etc/linshao/gateway.yaml"} {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return "gateway.yaml"
}

// retold are the commands that take --config.
var retold = regexp.MustCompile(`\bgateway (scan|probe|read|claim|unclaim|doctor|handover)\b`)

// typed puts the site that the user named into the commands that a text tells him to type next.
func typed(text, file string) string {
	if file == "" {
		return text
	}
	return retold.ReplaceAllString(text, "gateway $1 --config "+shorter(file))
}

// commissioning loads a site and finds who commissions it.
func commissioning(ctx context.Context, path string, lang config.Language) (*config.Site, commissioner, error) {
	site, problems := config.Load(standardConfig(path), lang)
	printProblems(os.Stderr, lang, problems.Fatal())
	if site == nil {
		return nil, nil, exit{code: exitFinding}
	}
	if client := commission.Dial(ctx, site.Data); client != nil {
		return site, client, nil
	}
	s, err := commission.New(commission.Config{Site: site, Lang: lang})
	if err != nil {
		return nil, nil, exit{exitDevice, err}
	}
	return site, s, nil
}

// failed gives an error of commissioning its exit code, and says who has the port.
func failed(err error, site *config.Site, channel string, lang config.Language) error {
	say := speaker(lang)
	switch {
	case errors.Is(err, commission.ErrNoChannel), errors.Is(err, commission.ErrRequest):
		return exit{exitUsage, err}
	case errors.Is(err, poll.ErrLent):
		return exit{exitRefused, errors.New(say("总线正被另一个扫描使用", "another scan uses the line"))}
	case errors.Is(err, poll.ErrAlarm):
		return exit{exitRefused, errors.New(say("这条总线上有 A 级告警，不能暂停轮询：先处置，告警解除后再试", "an alert of class A fires on this line, which must go on being read: see to it first, then try again"))}
	case errors.Is(err, unix.EWOULDBLOCK), errors.Is(err, unix.EBUSY):
		for _, c := range site.Channels {
			if h, held := line.HolderOf(c.Address); c.ID == channel && held {
				return exit{exitRefused, fmt.Errorf(say("总线 %s 的串口 %s 被进程 %d (%s) 占用。先停下它", "port %[2]s of channel %[1]s is held by process %[3]d (%[4]s): stop that first"),
					c.ID, c.Address, h.PID, h.Program)}
			}
		}
		return exit{exitRefused, err}
	}
	return exit{exitDevice, err}
}

// lineSettings reads "9600,4800-8E1" and "all". A baud alone stands for 8N1 and 8E1.
func lineSettings(text string) (list []commission.Setting, all bool, err error) {
	if text == "" || text == "all" {
		return nil, text == "all", nil
	}
	for _, part := range strings.Split(text, ",") {
		set, err := config.ParseSerial(strings.TrimSpace(part))
		if err != nil {
			return nil, false, err
		}
		for _, s := range set {
			list = append(list, commission.Setting{Baud: s.Baud, Parity: s.Parity, StopBits: s.StopBits})
		}
	}
	return list, false, nil
}
