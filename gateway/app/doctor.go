package app

import (
	"context"
	"os"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/doctor"
)

// Examine looks at the gateway of a file, its machine and its lines. The parts are what a bundle holds beside the findings.
func Examine(ctx context.Context, cfg Config, file string, lang config.Language) ([]doctor.Finding, []doctor.Part, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, nil, err
	}
	return doctor.Look(ctx, doctor.Config{File: file, Lang: lang, Version: cfg.Version, Read: readLine(cfg)}), nil, nil
}

// readLine reads a line that nobody polls.
func readLine(cfg Config) func(context.Context, config.Channel) (doctor.Line, error) {
	return func(ctx context.Context, ch config.Channel) (doctor.Line, error) {
		a := &App{cfg: cfg}
		defer func() { _ = a.closeAll() }() // only a child process to end, and that ends with us anyway
		driver, err := a.driver(ch.Channel)
		if err != nil {
			return doctor.Line{}, err
		}
		return doctor.ReadLine(ctx, driver, ch.Channel, ch.Devices), nil
	}
}
