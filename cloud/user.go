package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/rules"
)

type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Make a user, or give one a new password and other grants. The password is read from standard input."`
	List   userListCmd   `cmd:"" help:"List the users, and what each may do where."`
	Remove userRemoveCmd `cmd:"" help:"Take a user away; sessions end at once."`
	Grant  userGrantCmd  `cmd:"" help:"Give a user a role in a part of the street."`
	Revoke userRevokeCmd `cmd:"" help:"Take a role in a part of the street from a user."`
	Unlock userUnlockCmd `cmd:"" help:"Let a user log in again at once after wrong passwords."`
}

type userAddCmd struct {
	speech
	Name       string   `arg:"" help:"Name of the user, as others see it."`
	Role       string   `help:"What the user may do: viewer, operator, property, grid, community, department, street, installer, auditor, admin."`
	Node       string   `help:"Where the role holds: the id of a node of the organisation, with all below it. Default: the whole street."`
	Grant      []string `help:"A role in a part of the street, such as grid@wg-08. Can be repeated."`
	MustChange bool     `help:"The user must change the password at the first log-in."`
	Config     string   `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run makes a user.
func (c *userAddCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	grants := c.Grant
	switch {
	case c.Role != "":
		grants = append(grants, auth.Grant{Role: c.Role, Node: c.Node}.String())
	case c.Node != "":
		return errors.New(c.sayf("--node 说明 --role 在哪里有效：请同时给出 --role", "--node says where a --role holds: it needs one"))
	}
	if len(grants) == 0 {
		return errors.New(c.sayf("用户需要 --role，或 --grant grid@wg-08 这样的授权", "a user needs a --role, or a --grant such as grid@wg-08"))
	}
	if stat, err := os.Stdin.Stat(); err == nil && stat.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprint(os.Stderr, "password: ")
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && line == "" {
		return errors.New(c.sayf("没有读到密码：从标准输入给出，例如 cloud user add … < 密码文件", "no password was read: give it on standard input, such as cloud user add … < password.file"))
	}
	if err := app.AddUser(ctx, cfg, app.Account{Name: c.Name, Grants: grants, MustChange: c.MustChange}, strings.TrimRight(line, "\r\n")); err != nil {
		return c.refused(c.Name, err)
	}
	fmt.Printf("user %s: %s\n", c.Name, strings.Join(grants, " "))
	return nil
}

type userListCmd struct {
	speech
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run lists the users.
func (c *userListCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	list, err := app.Users(ctx, cfg)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "NAME\tLAST LOG-IN\tSESSIONS\tSTATE\tGRANTS")
	for _, u := range list {
		seen, state := "never", "ok"
		if u.Seen > 0 {
			seen = time.UnixMilli(u.Seen).Format("2006-01-02 15:04")
		}
		switch {
		case u.Locked > 0:
			state = "locked"
		case u.MustChange:
			state = "new password"
		case u.Outside:
			state = "oidc"
		}
		fmt.Fprintf(out, "%s\t%s\t%d\t%s\t%s\n", u.Name, seen, u.Sessions, state, texts(u.Grants))
	}
	return out.Flush()
}

// refused words why a user was not made or changed, and what to do.
func (s speech) refused(name string, err error) error {
	var bad *auth.BadError
	switch {
	case errors.Is(err, auth.ErrNobody):
		return errors.New(s.sayf("没有用户 %s：cloud user list 列出全部用户", "there is no user %s: cloud user list shows all", name))
	case errors.As(err, &bad):
		return errors.New(s.sayf("用户 %s：%s", "user %s: %s", name, s.say(rules.Text{ZH: bad.ZH, EN: bad.EN})))
	}
	return fmt.Errorf("user %s: %w", name, err)
}

func texts(gs []auth.Grant) string {
	var out []string
	for _, g := range gs {
		out = append(out, g.String())
	}
	return strings.Join(out, " ")
}

type userRemoveCmd struct {
	speech
	Name   string `arg:""`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run removes a user.
func (c *userRemoveCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	if err := app.RemoveUser(ctx, cfg, c.Name); err != nil {
		return c.refused(c.Name, err)
	}
	fmt.Printf("user %s: removed\n", c.Name)
	return nil
}

type userGrantCmd struct {
	speech
	Name   string   `arg:""`
	Grant  []string `arg:"" help:"A role, or role@node."`
	Config string   `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run gives grants.
func (c *userGrantCmd) Run(ctx context.Context) error {
	return c.changeGrants(ctx, c.Config, c.Name, c.Grant, nil)
}

type userRevokeCmd struct {
	speech
	Name   string   `arg:""`
	Grant  []string `arg:"" help:"A role, or role@node."`
	Config string   `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run takes grants away.
func (c *userRevokeCmd) Run(ctx context.Context) error {
	return c.changeGrants(ctx, c.Config, c.Name, nil, c.Grant)
}

func (s speech) changeGrants(ctx context.Context, config, name string, give, take []string) error {
	cfg, err := app.Load(config)
	if err != nil {
		return err
	}
	left, err := app.ChangeGrants(ctx, cfg, name, give, take)
	if err != nil {
		return s.refused(name, err)
	}
	fmt.Printf("user %s: %s\n", name, texts(left))
	return nil
}

type userUnlockCmd struct {
	speech
	Name   string `arg:""`
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run forgets wrong passwords.
func (c *userUnlockCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	if err := app.UnlockUser(ctx, cfg, c.Name); err != nil {
		return c.refused(c.Name, err)
	}
	fmt.Printf("user %s: may log in\n", c.Name)
	return nil
}
