package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/linshao/linshao/cloud/app"
)

type auditCmd struct {
	Verify verifyCmd `cmd:"" help:"Check that nobody changed, removed, inserted or cut off what people did."`
	Export exportCmd `cmd:"" help:"Write what people did to standard output, one JSON object a line."`
}

// window is a time, by days or moments.
type window struct {
	From string `help:"First day, such as 2026-11-01, or a time such as 2026-11-01T08:00:00+08:00."`
	To   string `help:"Last day, or the time up to which."`
}

// times answers the window; a last day is included.
func (w window) times(s speech) (from, to time.Time, err error) {
	for _, p := range []struct {
		text string
		at   *time.Time
		days int
	}{{w.From, &from, 0}, {w.To, &to, 1}} {
		if p.text == "" {
			continue
		}
		if day, err := time.ParseInLocation(time.DateOnly, p.text, time.Local); err == nil {
			*p.at = day.AddDate(0, 0, p.days)
			continue
		}
		if *p.at, err = time.Parse(time.RFC3339, p.text); err != nil {
			return from, to, errors.New(s.sayf("%q 既不是 2026-11-01 这样的日期，也不是 2026-11-01T08:00:00+08:00 这样的时间",
				"%q is neither a day such as 2026-11-01 nor a time such as 2026-11-01T08:00:00+08:00", p.text))
		}
	}
	return from, to, nil
}

type verifyCmd struct {
	speech
	window
	Mark   []string `help:"A mark that was kept elsewhere, such as 1234:9f…, beside those in the cloud's folder. Can be repeated."`
	Config string   `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run checks the chain.
func (c *verifyCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	from, to, err := c.times(c.speech)
	if err != nil {
		return err
	}
	r, err := app.VerifyAudit(ctx, cfg, from, to, c.Mark...)
	if err != nil {
		return err
	}
	for _, f := range r.Faults {
		fmt.Printf("%d: %s\n", f.Seq, c.say(f.Text))
	}
	fmt.Println(c.sayf("共 %d 条，第 %d 至 %d 条，与另存的 %d 个校验值比对", "%d entries, %d to %d, held against %d marks kept elsewhere", r.Entries, r.First, r.Last, r.Marks))
	fmt.Println(c.sayf("校验值：%s", "mark: %s", r.Head))
	if len(r.Faults) > 0 {
		return errors.New(c.sayf("审计记录已不是当初写下的样子：保全数据库与备份，查清谁动过它", "the audit is not as it was written: secure the database and its backups, and find out who touched it"))
	}
	return nil
}

type exportCmd struct {
	speech
	window
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run writes the entries.
func (c *exportCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	from, to, err := c.times(c.speech)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	n, err := app.ExportAudit(ctx, cfg, from, to, out)
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, c.sayf("%d 条记录", "%d entries", n))
	return nil
}
