package doctor

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/linshao/linshao/gateway/internal/commission"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A Part is one file of a bundle, beside those that Bundle adds.
type Part struct {
	Name string
	Data []byte
}

// Bundle writes a zip for whoever helps from afar: the findings, the configuration, the names and sizes of what is in the data
// folder, and further parts such as metrics and the log. No secret is in it: files that hold one are not read for it, and what
// looks like a password, a key, a phone number or a card is taken out of the others, as is everything that a secret file of this
// site says.
func Bundle(w io.Writer, cfg Config, found []Finding, parts []Part) error {
	r, site := redactorOf(cfg)
	report, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	all := append([]Part{{"doctor.json", report}}, site...)
	all = append(all, r.files()...)
	all = append(all, parts...)
	z := zip.NewWriter(w)
	for _, p := range all {
		f, err := z.CreateHeader(&zip.FileHeader{Name: p.Name, Method: zip.Deflate, Modified: time.Now()})
		if err == nil {
			_, err = f.Write(r.clean(p.Data))
		}
		if err != nil {
			return fmt.Errorf("write bundle: %s: %w", p.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// redactorOf knows the secrets of a site and of the files that its configuration names.
func redactorOf(cfg Config) (r *redactor, site []Part) {
	site = configuring(cfg.File)
	r = newRedactor(cfg.File, cfg.Lang)
	r.hideFilesOf(filepath.Dir(cfg.File), site)
	return r, site
}

// Redact answers findings without secrets, for whoever is told of them elsewhere.
func Redact(cfg Config, found []Finding) []Finding {
	r, _ := redactorOf(cfg)
	text := func(t commission.Text) commission.Text {
		return commission.Text{ZH: string(r.clean([]byte(t.ZH))), EN: string(r.clean([]byte(t.EN)))}
	}
	out := make([]Finding, len(found))
	for i, f := range found {
		f.Subject, f.Said = string(r.clean([]byte(f.Subject))), text(f.Said)
		next := make([]commission.Text, len(f.Next))
		for k, n := range f.Next {
			next[k] = text(n)
		}
		f.Next = next
		out[i] = f
	}
	return out
}

// LogPart is the end of the gateway's log, where the system keeps one that may be read.
func LogPart(ctx context.Context) []Part {
	text, err := exec.CommandContext(ctx, "journalctl", "--unit", "linshao-gateway", "--lines", "5000", "--no-pager").CombinedOutput()
	if err != nil {
		return nil
	}
	return []Part{{Name: "log.txt", Data: text}}
}

// configuring are gateway.yaml and the fragments beside it.
func configuring(file string) []Part {
	var parts []Part
	names := []string{file}
	if more, err := filepath.Glob(filepath.Join(config.IncludeDir(file), "*.yaml")); err == nil {
		names = append(names, more...)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			data = []byte(err.Error())
		}
		inside := filepath.Base(name)
		if name != file {
			inside = filepath.Join(filepath.Base(filepath.Dir(name)), inside)
		}
		parts = append(parts, Part{"config/" + inside, data})
	}
	return parts
}

// listed says what is in a folder: names, sizes, times.
func listed(dir string) []byte {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			fmt.Fprintln(&b, err)
			return nil
		}
		if info, err := d.Info(); err == nil {
			fmt.Fprintf(&b, "%s %10d %s %s\n", info.Mode(), info.Size(), info.ModTime().UTC().Format(time.RFC3339), path)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(&b, err)
	}
	return []byte(b.String())
}

// files are what the site's folder says without opening anything.
func (r *redactor) files() []Part {
	if r.data == "" {
		return nil
	}
	return []Part{{"data.txt", listed(r.data)}}
}

// newRedactor knows the secrets of the site that a file describes.
func newRedactor(file string, lang config.Language) *redactor {
	r := &redactor{}
	site, _ := config.Load(file, lang)
	if site == nil {
		return r // the patterns still work
	}
	r.data = site.Data
	r.hide(site.Status.Password)
	for _, d := range site.Devices() {
		for _, p := range d.Points {
			r.hideUser(p.Address)
		}
	}
	if code, err := os.ReadFile(filepath.Join(site.Data, "claim.code")); err == nil {
		r.hide(strings.TrimSpace(string(code)))
	}
	return r
}
