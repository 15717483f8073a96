package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/evidence"
)

// evidenceCmd is `gateway evidence`.
type evidenceCmd struct {
	List   evidenceListCmd   `cmd:"" help:"Show the bundles that are kept here. Exit code: 0 there are some, 1 there are none, 2 the site is wrong, 3 cannot be read."`
	Export evidenceExportCmd `cmd:"" help:"Copy a bundle, and the public key that checks it, into a folder. Exit code: 0 done, 1 there is no such bundle, 2 the site is wrong, 3 cannot be copied."`
}

type evidenceSite struct {
	Config string `help:"Site file." short:"c" placeholder:"FILE"`
}

// data is the folder of a site; said when it cannot be told.
func (c evidenceSite) data(lang config.Language) (string, bool) {
	site, problems := config.LoadForStart(standardConfig(c.Config), lang)
	printProblems(os.Stderr, lang, problems.Fatal())
	if site == nil {
		return "", false
	}
	return site.Data, true
}

type evidenceListCmd struct{ evidenceSite }

// Run prints one line a bundle, oldest first.
func (c *evidenceListCmd) Run(lang config.Language) error {
	data, ok := c.data(lang)
	if !ok {
		return exit{code: exitUsage}
	}
	all, err := evidence.List(filepath.Join(data, evidence.Dir))
	switch {
	case err != nil:
		return exit{exitDevice, err}
	case len(all) == 0:
		return exit{exitFinding, errors.New(speaker(lang)("没有证据包", "no evidence is kept"))}
	}
	for _, b := range all {
		fmt.Printf("%6d  %s  %s  %7.1f MiB  %s  %s\n", b.Number, b.At.Local().Format("2006-01-02 15:04:05"), b.ID[:16], float64(b.Size)/(1<<20), standing(b, lang), b.Alert)
	}
	return nil
}

// standing is how far a bundle has come, for people.
func standing(b *evidence.Bundle, lang config.Language) string {
	say := speaker(lang)
	switch {
	case b.Refused:
		return say("云端拒收", "refused by the cloud")
	case b.Sent:
		return say("云端已有", "in the cloud")
	case b.Fed > 0:
		return say("上传中", "uploading")
	}
	return say("待上传", "waiting")
}

type evidenceExportCmd struct {
	evidenceSite
	Bundle string `arg:"" help:"Number or id of the bundle, as list shows it; the beginning of an id is enough."`
	To     string `help:"Folder to write to." default:"." type:"path"`
}

// Run copies the bundle under its whole name.
func (c *evidenceExportCmd) Run(lang config.Language) error {
	data, ok := c.data(lang)
	if !ok {
		return exit{code: exitUsage}
	}
	dir := filepath.Join(data, evidence.Dir)
	all, err := evidence.List(dir)
	if err != nil {
		return exit{exitDevice, err}
	}
	for _, b := range all {
		if fmt.Sprint(b.Number) != c.Bundle && (len(c.Bundle) < 8 || !strings.HasPrefix(b.ID, c.Bundle)) {
			continue
		}
		to := filepath.Join(c.To, filepath.Base(evidence.Path(dir, b)))
		err := errors.Join(copyFile(evidence.Path(dir, b), to), copyFile(filepath.Join(data, evidence.PublicFile), filepath.Join(c.To, evidence.PublicFile)))
		if err != nil {
			return exit{exitDevice, err}
		}
		fmt.Println(to)
		return nil
	}
	return exit{exitFinding, errors.New(speaker(lang)("没有这份证据包", "there is no such bundle"))}
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("export evidence: %w", err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("export evidence: %w", err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("export evidence: %w", err)
	}
	return nil
}
