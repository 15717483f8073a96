package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/bus"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/rules"
)

// What the tests of the package app_test reach: the small pieces, with a disk that takes nothing.

// EndJournal puts n events into a journal over a log, asks it to end, and returns when it has.
func EndJournal(log *outbox.Log, n uint32) {
	j := newJournal(time.Now, clockQuality, slog.New(slog.DiscardHandler))
	for i := range n {
		j.put(&wire.Event{Kind: &wire.Event_Boot{Boot: &wire.Boot{Boot: i}}})
	}
	j.close()
	j.run(log)
}

// EndRecorder gives a recorder slices of readings at its end, and returns when it has ended.
func EndRecorder(log *outbox.Log, slices ...[]device.Reading) error {
	encoder, err := wire.NewEncoder()
	if err != nil {
		return err
	}
	r := &recorder{log: log, encoder: encoder, now: time.Now, clock: clockQuality, slog: slog.New(slog.DiscardHandler), gaps: func() {}, stop: make(chan struct{})}
	b := bus.New()
	all := b.Subscribe(len(slices), false)
	in := make(chan []device.Reading, len(slices))
	for _, rs := range slices {
		in <- rs
	}
	close(in)
	b.Run(in)
	close(r.stop)
	r.run(all)
	return nil
}

// A Judge is one without a field.
type Judge struct {
	*judge
	in chan []device.Reading
}

// NewJudge makes a judge that saves to a file and acts through an executor.
func NewJudge(engine *rules.Engine, executor *action.Executor, file string) Judge {
	log := slog.New(slog.DiscardHandler)
	return Judge{&judge{engine: engine, executor: executor, journal: newJournal(time.Now, clockQuality, log), now: time.Now, log: log, file: file,
		asks: make(chan func()), fails: make(chan *wire.ActionResult), done: make(chan struct{}), start: time.Now(), saves: make(chan []byte, 1)},
		make(chan []device.Reading)}
}

// Run judges what Read gives it, until ctx ends.
func (j Judge) Run(ctx context.Context) {
	context.AfterFunc(ctx, func() { close(j.in) })
	j.run(j.in)
}

// Read gives it readings.
func (j Judge) Read(rs []device.Reading) { j.in <- rs }
