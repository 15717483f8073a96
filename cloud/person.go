package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/person"
	"github.com/linshao/linshao/rules"
)

type personCmd struct {
	Export personExportCmd `cmd:"" help:"Write everything that is held about a person to standard output, as JSON."`
	Erase  personEraseCmd  `cmd:"" help:"Erase a person: account, contacts, numbers and positions go; what the person did stays under a pseudonym."`
}

// whom are the flags that say which person is meant.
type whom struct {
	Name    string `arg:"" help:"The person's name: that of the account, the roster or the contact."`
	Phone   string `help:"The phone number, where several people have the name."`
	Account bool   `help:"Where several people have the name: the account of the name is this one's."`
	Config  string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

func (w whom) who() person.Who { return person.Who{Name: w.Name, Phone: w.Phone, Account: w.Account} }

type personExportCmd struct {
	speech
	whom
}

// Run writes a copy.
func (c *personExportCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	all, err := app.CopyPerson(ctx, cfg, c.who())
	if err != nil {
		return c.notPerson(c.Name, err)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(all)
}

type personEraseCmd struct {
	speech
	whom
	Reason string `required:"" help:"Why, for the audit, such as: asked for by the person on 2026-11-22."`
	DryRun bool   `help:"Only tell what would happen."`
}

// Run erases a person.
func (c *personEraseCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	r, err := app.ErasePerson(ctx, cfg, c.who(), c.Reason, c.DryRun)
	if err != nil {
		return c.notPerson(c.Name, err)
	}
	for _, p := range r.Parts {
		what := c.sayf("以代号保留", "kept under the pseudonym")
		if p.Gone {
			what = c.sayf("删除", "deleted")
		}
		fmt.Printf("%s\t%d\t%s\n", c.say(rules.Text(p.Text)), p.Rows, what)
	}
	if c.DryRun {
		fmt.Println(c.sayf("以上是将要发生的；没有改动任何内容", "this is what would happen; nothing was changed"))
		return nil
	}
	fmt.Println(c.sayf("%s 的个人信息已删除，其行为记录以“%s”保留；审计链完整，备份里的副本按备份期限失效", "the data of %s is erased, and what the person did stays under “%s”; the audit's chain stands. Copies in backups go when the backups do", c.Name, r.Pseudonym))
	return nil
}

// notPerson words why a person was not copied or erased, and what to do.
func (s speech) notPerson(name string, err error) error {
	held, isHeld := errors.AsType[*person.HeldError](err)
	refusal, isRefusal := errors.AsType[*org.Refusal](err)
	switch {
	case isHeld:
		text := s.sayf("%s 还有未了的职责，不能删除：", "%s still has duties and cannot be erased:", name)
		for _, t := range held.Why {
			text += "\n  " + s.say(t)
		}
		return errors.New(text)
	case isRefusal:
		return errors.New(s.say(refusal.Text))
	case errors.Is(err, org.ErrUnknown):
		return errors.New(s.sayf("没有任何记录是关于 %s 的：姓名要与账号、排班或联系人里的一致", "nothing is held about %s: the name must be as it is in the account, the roster or the contacts", name))
	}
	return err
}
