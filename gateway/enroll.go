package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/wire/enrolment"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/enroll"
)

type enrollCmd struct {
	Cloud  string `help:"Address of the cloud's page, https://host[:port]. An invitation has it."`
	Token  string `required:"" help:"The token, or the whole invitation; - reads it from standard input, where nobody sees it in the list of processes."`
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// clockOff is how far the clock may be off without a word.
const clockOff = 2 * time.Minute

// Run enrols.
func (c enrollCmd) Run(ctx context.Context, lang config.Language) error {
	say := speaker(lang)
	file := standardConfig(c.Config)
	site, problems := config.Load(file, lang)
	if site == nil {
		printProblems(os.Stderr, lang, problems.Fatal())
		return exit{code: exitUsage}
	}
	cloud := site.Cloud
	if cloud.CA == "" || cloud.Cert == "" || cloud.Key == "" {
		return exit{exitUsage, fmt.Errorf("%s\n%s", say(shorter(file)+" 里没有写证书放在哪里。在 cloud: 下加上：", shorter(file)+" does not say where the certificate goes. Write under cloud:"), "  ca: ca.pem\n  cert: gw.pem\n  key: gw.key")}
	}
	text := c.Token
	if text == "-" {
		in, err := io.ReadAll(io.LimitReader(os.Stdin, 2000))
		if err != nil {
			return exit{exitUsage, fmt.Errorf("read token: %w", err)}
		}
		text = string(in)
	}
	invitation, err := enrolment.ParseInvitation(text, c.Cloud)
	if err != nil {
		return exit{exitUsage, errors.New(c.mistake(lang, err))}
	}
	r, err := enroll.Enrol(ctx, enroll.Config{Invitation: invitation, Gateway: site.Gateway, Files: enroll.Files{CA: cloud.CA, Cert: cloud.Cert, Key: cloud.Key},
		Data: site.Data, Lang: string(lang), Now: time.Now})
	if err != nil {
		return c.refused(lang, site.Gateway, err)
	}
	return c.done(lang, site, r)
}

// mistake words what is wrong with the text that was typed.
func (c enrollCmd) mistake(lang config.Language, err error) string {
	say := speaker(lang)
	switch {
	case errors.Is(err, enrolment.ErrMistyped):
		return say("注册码抄错了或不完整：逐组核对（没有字母 I、L、O、U）", "the token is mistyped or cut off: compare it group by group (it has no I, L, O or U)")
	case errors.Is(err, enrolment.ErrNoToken):
		return say("这不是注册码：它以 LS1 开头，后面 11 组、每组 5 个字符", "this is no token: it begins with LS1, and has 11 groups of 5 characters after that")
	case errors.Is(err, enrolment.ErrPlain):
		return say("本机以外的云端只能用 https:// 连接", "a cloud beyond this machine is reached by https:// alone")
	}
	return say("请用 --cloud 给出云端地址，形如 https://cloud.example:8443", "give the cloud's address by --cloud, such as https://cloud.example:8443")
}

// refused words why there is no certificate.
func (c enrollCmd) refused(lang config.Language, gateway string, err error) error {
	say := speaker(lang)
	var no *enroll.Refused
	switch {
	case errors.As(err, &no):
		return exit{exitFinding, errors.New(no.Message)}
	case errors.Is(err, enroll.ErrOtherGateway):
		return exit{exitFinding, errors.New(say("这个注册码是给另一台网关的；本机是 "+gateway, "the token is for another gateway; this one is "+gateway))}
	case errors.Is(err, enroll.ErrNotTheCloud):
		return exit{exitFinding, fmt.Errorf("%s (%w)", say("应答的不是注册码所指的云端：地址对吗？中间有代理吗？注册码没有发出去，仍可使用", "who answers is not the cloud of the token: is the address right, is there a proxy between? The token was not told, and still works"), err)}
	case errors.Is(err, enroll.ErrNoCloud):
		return exit{exitDevice, fmt.Errorf("%s (%w)", say("连不上云端：看网线、SIM 卡、防火墙、地址（多为 https://）；注册码还能用，稍后重试即可", "the cloud cannot be reached: look at cable, SIM card, firewall, address (most clouds want https://); try again later, the token still works"), err)}
	}
	return exit{exitDevice, err}
}

// done tells what came of it and what is left to do.
func (c enrollCmd) done(lang config.Language, site *config.Site, r enroll.Result) error {
	changed, editing := adopt(site, r.Broker, []byte(r.CommandKey))
	if editing != nil && !errors.Is(editing, errEdit) {
		fmt.Fprintln(os.Stderr, "gateway: enroll:", editing) // the certificate is there all the same
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"gateway": site.Gateway, "broker": r.Broker, "shard": r.Shard, "until": r.NotAfter, "serial": r.Serial, "clock_off_s": int(r.Off.Seconds())})
	}
	say := speaker(lang)
	day := r.NotAfter.Local().Format(time.DateOnly)
	fmt.Println(say("已注册 "+site.Gateway+"，证书到 "+day+"，会自己续期", site.Gateway+" is enrolled; its certificate is good until "+day+" and renews itself"))
	fmt.Println(shorter(site.Cloud.Cert), shorter(site.Cloud.Key), shorter(site.Cloud.CA))
	if r.Off.Abs() > clockOff {
		fmt.Println(say(fmt.Sprintf("注意：本机时钟比云端慢 %v（负数为快），请校时：timedatectl set-ntp true", r.Off), fmt.Sprintf("mind: this machine's clock is %v behind the cloud's (below zero: ahead); set it: timedatectl set-ntp true", r.Off)))
	}
	if editing == nil && len(changed) > 0 {
		fmt.Println(say("已改 "+shorter(site.File)+"：", "changed in "+shorter(site.File)+":"))
		fmt.Println("+ " + strings.Join(changed, "\n+ "))
	}
	if editing != nil {
		fmt.Println(say("没有改 "+shorter(site.File)+"，请手工写上：", shorter(site.File)+" was not changed; write by hand:"))
		fmt.Printf("trust:\n  command_key: %s\ncloud:\n  url: %s\n", commandKeyFile, r.Broker)
	}
	fmt.Println(say("让网关用上它：systemctl restart linshao-gateway", "let the gateway use it: systemctl restart linshao-gateway"))
	return nil
}
