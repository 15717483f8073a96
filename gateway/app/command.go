package app

import (
	"context"
	"path/filepath"
	"sync"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/command"
	"github.com/linshao/linshao/gateway/internal/look"
	"github.com/linshao/linshao/gateway/internal/state"
)

// commandsFile is where commands of the cloud stand while they are under way, in the data folder.
const commandsFile = "commands.state"

// buildCommands makes the desk that takes commands from the cloud.
func (a *App) buildCommands() {
	site := a.cfg.Site
	a.looks = look.New(look.Config{Boot: a.boot.Number, Started: a.started, Find: a.cameraOf, Now: a.cfg.Now, Log: a.cfg.Log, Registry: a.metrics})
	a.asks = look.New(look.Config{Boot: a.boot.Number, Started: a.started, Answer: a.answer, Now: a.cfg.Now, Log: a.cfg.Log, Registry: a.metrics})
	file := filepath.Join(site.Data, commandsFile)
	a.commands = command.New(command.Config{Gateway: site.Gateway, Key: site.CommandKey, Boot: a.boot.Number, Started: a.started,
		Executor: a.executor, Read: a.read, Desire: a.desire, Configure: a.configure, Look: a.lookAt, Update: a.offer, Now: a.cfg.Now, Log: a.cfg.Log, Registry: a.metrics,
		Record:   func(r *wire.ActionResult) { a.journal.put(&wire.Event{Kind: &wire.Event_Action{Action: r}}) },
		Remember: func(data []byte) error { return state.SaveSealed(file, a.cfg.Now(), data) }})
	_, data, err := state.LoadSealed(file)
	if err == nil && data != nil {
		err = a.commands.Restore(data)
	}
	if err != nil {
		a.cfg.Log.Error("what became of commands that were under way cannot be told", "error", err)
	}
}

// lookAt takes what a person of the cloud wants to see: a camera, or the answer to a question.
func (a *App) lookAt(session uint64, l *wire.Look) {
	if l.GetAsk() != nil {
		a.asks.Ask(session, l)
		return
	}
	a.looks.Ask(session, l)
}

// runCloud brings records up and takes commands until ctx ends.
func (a *App) runCloud(ctx context.Context) error {
	var desk sync.WaitGroup
	if a.commands != nil {
		desk.Go(func() { a.end("commands", a.commands.Run(ctx)) })
		desk.Go(func() { a.end("looks", a.looks.Run(ctx)) })
		desk.Go(func() { a.end("asks", a.asks.Run(ctx)) })
		desk.Go(func() { a.runUpdates(ctx) })
	}
	err := a.uplink.Run(ctx)
	desk.Wait()
	return err
}
