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
func (w window) times() (from, to time.Time, err error) {
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
			return from, to, fmt.Errorf("%q is neither a day such as 2026-11-01 nor a time such as 2026-11-01T08:00:00+08:00", p.text)
		}
	}
	return from, to, nil
}

type verifyCmd struct {
	window
	Mark   []string `help:"A mark that was kept elsewhere, such as 1234:9f…, beside those in the cloud's folder. Can be repeated."`
	Config string   `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

var errTouched = errors.New("the audit is not as it was written")

// Run checks the chain.
func (c *verifyCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	from, to, err := c.times()
	if err != nil {
		return err
	}
	r, err := app.VerifyAudit(ctx, cfg, from, to, c.Mark...)
	if err != nil {
		return err
	}
	for _, f := range r.Faults {
		fmt.Printf("%d: %s\n%d: %s\n", f.Seq, f.Text.ZH, f.Seq, f.Text.EN)
	}
	fmt.Printf("%d entries, %d to %d, held against %d marks kept elsewhere\nmark: %s\n", r.Entries, r.First, r.Last, r.Marks, r.Head)
	if len(r.Faults) > 0 {
		return errTouched
	}
	return nil
}

type exportCmd struct {
	window
	Config string `help:"Configuration file." default:"cloud.yaml" type:"path"`
}

// Run writes the entries.
func (c *exportCmd) Run(ctx context.Context) error {
	cfg, err := app.Load(c.Config)
	if err != nil {
		return err
	}
	from, to, err := c.times()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	n, err := app.ExportAudit(ctx, cfg, from, to, out)
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d entries\n", n)
	return nil
}
