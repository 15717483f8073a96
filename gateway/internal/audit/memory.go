package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/gateway/internal/state"
)

// memory is what is remembered of each log, by its device.
type memory map[string]*past

// A past is what is remembered of one log; times in seconds since 1970.
type past struct {
	Since   int64   `json:"since"`   // it is known since
	Audited int64   `json:"audited"` // last; 0: never
	Offset  int64   `json:"offset"`  // of its clock then, s
	Judged  []int64 `json:"judged"`  // alarms, by the detector's clock: each once, for the clock may be set afterwards
	Found   []int64 `json:"found"`   // when missed alarms were found
}

// keep forgets what its log has forgotten, and what no longer counts.
func (p *past) keep(records []time.Time, now time.Time) {
	p.Judged = slices.DeleteFunc(p.Judged, func(s int64) bool {
		return !slices.ContainsFunc(records, func(r time.Time) bool { return r.Unix() == s })
	})
	p.Found = slices.DeleteFunc(p.Found, func(s int64) bool { return !counts(s, now) })
}

func (p *past) count(now time.Time) (n int) {
	for _, s := range p.Found {
		if counts(s, now) {
			n++
		}
	}
	return n
}

func counts(s int64, now time.Time) bool { return now.Sub(time.Unix(s, 0)) < counted }

// load reads the file; there is always a memory.
func load(file string) (memory, error) {
	_, data, err := state.LoadSealed(file)
	m := memory{}
	if err == nil && data != nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return memory{}, fmt.Errorf("load the audit's memory: %w", err)
	}
	if m == nil { // "null" is JSON too
		m = memory{}
	}
	for log, p := range m {
		if p == nil {
			delete(m, log)
		}
	}
	return m, nil
}

// save writes the file. One that cannot be written costs a notice told twice.
func (a *Auditor) save() {
	data, err := json.Marshal(a.memory)
	if err = errors.Join(err, state.SaveSealed(a.cfg.File, a.cfg.Now(), data)); err != nil {
		a.cfg.Log.Error("save the audit's memory", "error", err)
	}
}
