package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/doctor"
)

type doctorCmd struct {
	Config string `type:"path" help:"The site. Default: gateway.yaml here, or /etc/linshao/gateway.yaml."`
	Bundle string `type:"path" placeholder:"FILE.zip" help:"Put the findings, the configuration, the metrics and the log into a zip for whoever helps, without secrets."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// lookLimit bounds a look: a line of 30 silent devices is read three times.
const lookLimit = 2 * time.Minute

// Run looks at everything and prints what it finds.
func (c doctorCmd) Run(ctx context.Context, lang config.Language) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	found, parts, err := c.look(ctx, lang)
	if err != nil {
		return exit{exitDevice, err}
	}
	if ctx.Err() != nil && context.Cause(ctx) != context.DeadlineExceeded {
		return exit{code: exitSignal}
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(found); err != nil {
			return fmt.Errorf("print findings: %w", err)
		}
	} else {
		printFindings(os.Stdout, lang, found, c.Config)
	}
	if err := c.bundle(ctx, lang, found, parts); err != nil {
		return exit{exitDevice, err}
	}
	if doctor.Worst(found) == doctor.Problem {
		return exit{code: exitFinding}
	}
	return nil
}

// look asks the gateway that runs with the file, which knows its lines and can pause them; without one it looks itself.
func (c doctorCmd) look(ctx context.Context, lang config.Language) ([]doctor.Finding, []doctor.Part, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return app.Examine(ctx, app.Config{Version: version(), Log: log}, standardConfig(c.Config), lang)
}

func (c doctorCmd) bundle(ctx context.Context, lang config.Language, found []doctor.Finding, parts []doctor.Part) error {
	if c.Bundle == "" {
		return nil
	}
	for _, language := range []config.Language{config.Chinese, config.English} {
		var text bytes.Buffer
		printFindings(&text, language, found, "")
		parts = append(parts, doctor.Part{Name: "doctor." + string(language) + ".txt", Data: text.Bytes()})
	}
	parts = append(parts, doctor.LogPart(ctx)...)
	f, err := os.OpenFile(c.Bundle, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	err = doctor.Bundle(f, doctor.Config{File: standardConfig(c.Config), Lang: lang}, found, parts)
	if closed := f.Close(); err == nil && closed != nil {
		err = fmt.Errorf("write bundle: %w", closed)
	}
	if err == nil && !c.JSON {
		said := "bundle, without passwords and phone numbers: %s\n"
		if lang == config.Chinese {
			said = "已打包（隐去密码、手机号）：%s\n"
		}
		fmt.Printf(said, c.Bundle)
	}
	return err
}

// printFindings draws a line for each finding, and under it what to do, with the site that the user named.
func printFindings(w io.Writer, lang config.Language, found []doctor.Finding, file string) {
	signs := map[doctor.Level]string{doctor.Well: "✓", doctor.Warning: "!", doctor.Problem: "✗"}
	bad, odd, areas := 0, 0, 0
	for _, f := range found {
		areas = max(areas, width(f.Area.In(lang)))
	}
	for _, f := range found {
		area := f.Area.In(lang)
		fmt.Fprintf(w, "%s %s%*s  ", signs[f.Level], area, areas-width(area), "")
		if f.Subject != "" {
			fmt.Fprintf(w, "%s: ", f.Subject)
		}
		fmt.Fprintln(w, f.Said.In(lang))
		for _, next := range f.Next {
			fmt.Fprintf(w, "  %*s  → %s\n", areas, "", typed(next.In(lang), file))
		}
		switch f.Level {
		case doctor.Problem:
			bad++
		case doctor.Warning:
			odd++
		}
	}
	said := "%d problems, %d warnings\n"
	if lang == config.Chinese {
		said = "%d 个问题，%d 个提醒\n"
	}
	fmt.Fprintf(w, said, bad, odd)
}
