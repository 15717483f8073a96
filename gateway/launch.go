package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/update"
)

// launch becomes the program that an update brought, when there is one: then it does not return. Otherwise it answers what this
// program is; nil where no update was ever brought.
func launch(file string) (*update.Running, error) {
	l, err := config.ReadLaunch(file)
	if l.Data == "" { // the site cannot be read, and whoever reads it next says so; or it names no key
		return nil, nil
	}
	if err != nil || !update.Exists(l.Data) {
		return nil, err
	}
	slots, err := update.Open(l.Data, l.UpdateKey)
	if err != nil {
		return nil, err
	}
	executable, err := os.Executable()
	if err == nil {
		executable, err = filepath.EvalSymlinks(executable)
	}
	if err != nil {
		return nil, fmt.Errorf("ask which program this is: %w", err)
	}
	if slot := slots.Slot(executable); slot != update.Installed {
		return slots.Running(slot), nil
	}
	for range 2 { // slots
		choice, failure := slots.Choose(version())
		if err = errors.Join(err, failure); choice.Path == "" {
			break
		}
		failure = syscall.Exec(choice.Path, os.Args, os.Environ()) // the same process: its supervisor sees no other
		_, again := slots.Back(update.Text{ZH: "程序无法启动", EN: "the program cannot be started: " + failure.Error()})
		err = errors.Join(err, fmt.Errorf("start program of slot %s: %w", choice.Slot, failure), again)
	}
	return slots.Running(update.Installed), err
}
