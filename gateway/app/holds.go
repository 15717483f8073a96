package app

import (
	"fmt"

	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

// holdsFile is where the executor's memory is, in the data folder: what people hold, and lock-outs.
const holdsFile = "outputs.state"

// recallHolds gives the executor what it knew before the start, and answers what people must be told. A file that cannot be used
// is put aside: the outputs are then held by nobody but alerts.
func (a *App) recallHolds(file string) []rules.Text {
	at, data, err := state.LoadSealed(file)
	if err == nil && data != nil {
		err = a.executor.Restore(at, data)
	}
	if err == nil {
		return nil
	}
	a.cfg.Log.Warn("holds and lock-outs", "problem", err)
	return []rules.Text{{ZH: fmt.Sprintf("手动占用和锁定读不出来，不再有效：%v", err), EN: fmt.Sprintf("manual holds and lock-outs cannot be read and are over: %v", err)}}
}
