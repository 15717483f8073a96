package main

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/update"
)

type updateCmd struct {
	Apply    updateApplyCmd    `cmd:"" help:"Bring a signed program. The next start runs it on trial. Exit code: 0 done, 1 refused, 2 the site names no key, 3 a file or the disk could not be used."`
	Status   updateStatusCmd   `cmd:"" help:"Print which program counts, and how the trial goes."`
	Rollback updateRollbackCmd `cmd:"" help:"Go back to the program before, from the next start on. Exit code: 0 done, 1 there is none, 2 the site names no key, 3 the disk could not be used."`
	Make     updateMakeCmd     `cmd:"" help:"For the vendor: make a signed update of a gateway program."`
}

type updateApplyCmd struct {
	File      string `arg:"" type:"existingfile" help:"The update, .lsu."`
	Config    string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	Downgrade bool   `name:"allow-downgrade" help:"Take an older version, or the same, too."`
}

type updateStatusCmd struct {
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

type updateRollbackCmd struct {
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
}

type updateMakeCmd struct {
	Key     string `required:"" type:"existingfile" help:"The vendor's private key: Ed25519, PKCS 8, PEM, as openssl genpkey makes it."`
	Binary  string `required:"" type:"existingfile" help:"The program, built for the gateway's machine."`
	Version string `help:"Such as 1.4.0. Default: the one that the program was built with."`
	Minimum string `help:"The oldest version that it may follow. Default: any."`
	Out     string `required:"" type:"path" help:"The file to write, .lsu."`
}

// slotsOf opens the slots of a site, as its user.
func slotsOf(file string, lang config.Language) (*update.Slots, config.Launch, error) {
	say := speaker(lang)
	l, err := config.ReadLaunch(file)
	if err != nil {
		return nil, l, exit{exitUsage, err}
	}
	if l.UpdateKey == nil {
		return nil, l, exit{exitUsage, errors.New(say(shorter(file)+" 里没有 trust.update_key：网关只运行安装的程序", shorter(file)+" has no trust.update_key: only the installed program runs"))}
	}
	if err := os.MkdirAll(l.Data, 0o700); err != nil {
		return nil, l, exit{exitDevice, fmt.Errorf("make data folder: %w", err)}
	}
	var owner syscall.Stat_t
	if err := syscall.Stat(l.Data, &owner); err == nil && int(owner.Uid) != os.Geteuid() { // the gateway could not write what another has made
		return nil, l, exit{exitDevice, fmt.Errorf(say("请用数据目录 %s 的用户运行：sudo -u linshao …", "run it as the user of the data folder %s: sudo -u linshao …"), l.Data)}
	}
	slots, err := update.Open(l.Data, l.UpdateKey)
	if err != nil {
		return nil, l, exit{exitDevice, err}
	}
	return slots, l, nil
}

// notTaken makes the exit of an error.
func notTaken(lang config.Language, err error) error {
	var no *update.Refused
	if errors.As(err, &no) {
		return exit{exitFinding, errors.New(speaker(lang)(no.Text.ZH+"。没有任何改动", no.Text.EN+". Nothing was changed"))}
	}
	return exit{exitDevice, err}
}

// Run brings an update.
func (c updateApplyCmd) Run(ctx context.Context, lang config.Language) error {
	slots, l, err := slotsOf(standardConfig(c.Config), lang)
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return exit{exitDevice, fmt.Errorf("read update: %w", err)}
	}
	defer f.Close()
	var now app.Running
	known := control.Ask(ctx, l.Data, http.MethodGet, "/site", &now) == nil
	m, err := slots.Apply(f, update.Options{Installed: version(), Downgrade: c.Downgrade, Offline: known && now.Uplink == "offline"})
	if err != nil {
		return notTaken(lang, err)
	}
	minutes := int(update.Healthy / time.Minute)
	_, err = fmt.Printf(speaker(lang)("版本 %s 已就位，下次启动时试运行：systemctl restart linshao-gateway\n正常运行 %d 分钟后确认，否则自动回退\n",
		"version %s is in place, the next start runs it on trial: systemctl restart linshao-gateway\nit is confirmed after %d minutes of running well, and taken back otherwise\n"), m.Version, minutes)
	return err
}

// Run prints how the slots stand.
func (c updateStatusCmd) Run(lang config.Language) error {
	slots, _, err := slotsOf(standardConfig(c.Config), lang)
	if err != nil {
		return err
	}
	s, err := slots.Status(version())
	if err != nil {
		return exit{exitDevice, err}
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(s)
	}
	printUpdate(os.Stdout, lang, s)
	return nil
}

func printUpdate(w io.Writer, lang config.Language, s update.Status) {
	say := speaker(lang)
	where := say("安装的程序", "the installed program")
	if s.Current != update.Installed {
		where = say("槽 ", "slot ") + s.Current
	}
	fmt.Fprintf(w, say("使用版本 %s（%s），安装的是 %s\n", "version %s counts (%s), installed is %s\n"), s.Version, where, s.Installed)
	for _, slot := range []string{"a", "b"} {
		if v, ok := s.Slots[slot]; ok {
			fmt.Fprintf(w, say("槽 %s：%s，完整且签名有效\n", "slot %s: %s, whole and signed\n"), slot, v)
		}
	}
	if t := s.Trial; t != nil {
		fmt.Fprintf(w, say("版本 %s 试运行中，已启动 %d 次，之前是 %s\n", "version %s is on trial, started %d times, before it was %s\n"), t.Version, t.Starts, t.From)
		if t.Over != nil {
			fmt.Fprintf(w, say("下次启动时回退：%s\n", "the next start takes it back: %s\n"), say(t.Over.ZH, t.Over.EN))
		}
	}
	if o := s.Last; o != nil {
		fmt.Fprintln(w, say(o.Text().ZH, o.Text().EN))
	}
}

// Run goes back.
func (c updateRollbackCmd) Run(lang config.Language) error {
	slots, _, err := slotsOf(standardConfig(c.Config), lang)
	if err != nil {
		return err
	}
	if _, err := slots.Back(update.Text{ZH: "人工回退", EN: "by hand"}); err != nil {
		return notTaken(lang, err)
	}
	s, err := slots.Status(version())
	if err != nil {
		return exit{exitDevice, err}
	}
	_, err = fmt.Printf(speaker(lang)("下次启动用版本 %s：systemctl restart linshao-gateway\n", "the next start runs version %s: systemctl restart linshao-gateway\n"), s.Version)
	return err
}

// Run makes an update.
func (c updateMakeCmd) Run(lang config.Language) error {
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return exit{exitDevice, fmt.Errorf("read key: %w", err)}
	}
	key, err := privateKey(text)
	if err != nil {
		return exit{exitUsage, fmt.Errorf("read key %s: %w", c.Key, err)}
	}
	m, err := manifestOf(c.Binary)
	if err != nil {
		return exit{exitUsage, err}
	}
	if m.Minimum, m.Made = c.Minimum, time.Now().UTC().Truncate(time.Second); c.Version != "" {
		m.Version = c.Version
	}
	program, err := os.ReadFile(c.Binary)
	if err != nil {
		return exit{exitDevice, fmt.Errorf("read program: %w", err)}
	}
	out, err := os.OpenFile(c.Out, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return exit{exitDevice, fmt.Errorf("write update: %w", err)}
	}
	m, err = update.Write(out, key, m, program)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(notTaken(lang, err), os.Remove(c.Out))
	}
	return json.NewEncoder(os.Stdout).Encode(m)
}

func privateKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is no PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, not one of Ed25519", parsed)
	}
	return key, nil
}

// manifestOf reads from a program for which machine it was built, and that it is a gateway.
func manifestOf(file string) (m update.Manifest, err error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return m, fmt.Errorf("read program: %w", err)
	}
	if name := filepath.Base(info.Path); strings.TrimSuffix(name, ".test") != update.Program {
		return m, fmt.Errorf("read program: %s is %s, not the gateway", file, info.Path)
	}
	m.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS":
			m.OS = s.Value
		case "GOARCH":
			m.Arch = s.Value
		}
	}
	return m, nil
}
