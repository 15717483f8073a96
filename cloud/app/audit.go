package app

import (
	"context"
	"io"
	"os/user"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
)

// marksFile is where the marks of the audit are kept, in the cloud's folder. People copy it elsewhere.
const marksFile = "audit.marks"

func (a *App) keeper() *audit.Keeper {
	return audit.NewKeeper(audit.KeeperConfig{DB: a.db, File: filepath.Join(a.cfg.Data, marksFile), Now: a.opt.Now, Log: a.opt.Log})
}

// console is a context whose deeds are those of who works on the cloud's machine.
func console(ctx context.Context) context.Context {
	name := "?"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return audit.By(ctx, audit.Person{Name: name, Role: "console"})
}

// VerifyAudit goes through what people did, between two times, the zero times meaning all, and holds the marks against it
// that the cloud kept in its folder and those given.
func VerifyAudit(ctx context.Context, cfg Config, from, to time.Time, marks ...string) (audit.Report, error) {
	kept, err := audit.ReadMarks(filepath.Join(cfg.Data, marksFile))
	if err != nil {
		return audit.Report{}, err
	}
	for _, s := range marks {
		m, err := audit.ParseMark(s)
		if err != nil {
			return audit.Report{}, err
		}
		kept = append(kept, m)
	}
	return with(ctx, cfg, func(d *db.DB) (audit.Report, error) { return audit.Verify(ctx, d.Reader(), from, to, kept) })
}

// ExportAudit writes what people did, between two times, as one JSON object a line, and answers how many.
func ExportAudit(ctx context.Context, cfg Config, from, to time.Time, w io.Writer) (int64, error) {
	return with(ctx, cfg, func(d *db.DB) (int64, error) { return audit.Export(ctx, d.Reader(), from, to, w) })
}
