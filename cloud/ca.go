package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// caCmd are the commands around the CA.
type caCmd struct {
	Init   caInitCmd   `cmd:"" help:"Make the CA, once, with a certificate for the broker and the page, and one for the cloud at a broker of its own."`
	Show   caShowCmd   `cmd:"" help:"Show the CA: its fingerprint, its ends, where its keys are."`
	Server caServerCmd `cmd:"" help:"Make a new certificate for the broker and the page."`
}

type caInitCmd struct {
	speech
	Host   []string `help:"Names and addresses by which gateways reach the broker and the page; may be repeated." required:""`
	Name   string   `help:"Name of the CA." default:"Linshao"`
	Config string   `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run makes the CA.
func (c *caInitCmd) Run() error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	ca, err := enroll.InitCA(app.CAFolder(cfg), c.Name, time.Now())
	if err != nil {
		return err
	}
	cert, key, err := ca.IssueServer("broker", c.Host, time.Now())
	if err != nil {
		return err
	}
	if _, _, err := ca.IssueServer(enroll.CloudUser, nil, time.Now()); err != nil {
		return err
	}
	fmt.Println(c.sayf("已建立签发机构，指纹 %s", "the CA is made, fingerprint %s", enrolment.Fingerprint(ca.Root.Raw)))
	fmt.Println(c.sayf("把 %s 移到离线的地方保管：日常不用它。备份整个目录 %s", "move %s to a place that is offline: nothing needs it day by day. Back up the folder %s", filepath.Join(ca.Dir(), "root.key"), ca.Dir()))
	fmt.Println(c.sayf("在 %s 里写：", "write into %s:", c.Config))
	fmt.Printf("mqtt:\n  listen: 0.0.0.0:8883\n  ca: %s\n  cert: %s\n  key: %s\nhttp:\n  listen: 0.0.0.0:8443\n  cert: %[2]s\n  key: %[3]s\nenroll:\n  broker: mqtts://%[4]s:8883\npublic_url: https://%[4]s:8443\n",
		filepath.Join(ca.Dir(), enroll.RootFile), cert, key, c.Host[0])
	return nil
}

type caServerCmd struct {
	speech
	Host   []string `arg:"" help:"Names and addresses by which gateways reach the broker and the page."`
	Name   string   `help:"Name of the files." default:"broker"`
	Config string   `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run makes a server's certificate.
func (c *caServerCmd) Run() error {
	ca, err := caOf(c.speech, c.Config)
	if err != nil {
		return err
	}
	cert, key, err := ca.IssueServer(c.Name, c.Host, time.Now())
	if err != nil {
		return err
	}
	fmt.Println(c.sayf("已写 %s 和 %s；云端马上使用；别的代理要重新读取", "written: %s and %s; the cloud shows them at once, any other server must read them again", cert, key))
	return nil
}

type caShowCmd struct {
	speech
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run shows the CA.
func (c *caShowCmd) Run() error {
	ca, err := caOf(c.speech, c.Config)
	if err != nil {
		return err
	}
	fmt.Println(c.sayf("目录   %s", "folder       %s", ca.Dir()))
	fmt.Println(c.sayf("指纹   %s", "fingerprint  %s", enrolment.Fingerprint(ca.Root.Raw)))
	fmt.Println(c.sayf("注册码里的前一半 %s", "in tokens    %s", ca.Pin()))
	for _, x := range ca.Certificates() {
		fmt.Printf("%-24s %s\n", x.Subject.CommonName, c.sayf("到 %s，还有 %d 天", "until %s, %d days", x.NotAfter.Format(time.DateOnly), int(time.Until(x.NotAfter).Hours()/24)))
	}
	if ca.HasRootKey() {
		fmt.Println(c.sayf("提醒：root.key 还在本机，请移到离线的地方", "root.key still lies here: move it to a place that is offline"))
	}
	return nil
}

func caOf(s speech, config string) (*enroll.CA, error) {
	cfg, err := app.Load(config)
	if err != nil {
		return nil, err
	}
	ca, err := enroll.OpenCA(app.CAFolder(cfg))
	if errors.Is(err, enroll.ErrNoCA) {
		return nil, errors.New(s.sayf("%s 里没有签发机构：先执行 cloud ca init", "there is no CA in %s: cloud ca init makes one", app.CAFolder(cfg)))
	}
	return ca, err
}

type brokerFilesCmd struct {
	speech
	Dir    string `arg:"" help:"Folder for the files." type:"path"`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run writes the files of a broker.
func (c *brokerFilesCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	return app.Enrolments(ctx, cfg, func(ctx context.Context, s *enroll.Service, _ *db.DB) error {
		changed, err := s.WriteFiles(ctx, c.Dir)
		if errors.Is(err, enroll.ErrNoCA) {
			return errors.New(c.sayf("没有签发机构：先执行 cloud ca init", "there is no CA: cloud ca init makes one"))
		}
		if err != nil {
			return err
		}
		if !changed {
			fmt.Println(c.sayf("没有变化", "nothing has changed"))
			return nil
		}
		fmt.Println(c.sayf("已写到 %s；让 mosquitto 重新读取：systemctl reload mosquitto（或 kill -HUP）", "written to %s; let mosquitto read it: systemctl reload mosquitto (or kill -HUP)", c.Dir))
		return nil
	})
}
