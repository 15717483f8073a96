package app

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

// desiredFile is where the mode that the cloud wants stands, in the data folder.
const desiredFile = "desired.state"

// emergencyMost is the longest emergency that a gateway takes.
const emergencyMost = 31 * 24 * time.Hour

// wanted is the mode: the site's own files may say 急, and then it is; otherwise the cloud says which, and until when.
type wanted struct {
	site string
	save func([]byte) error

	mu    sync.Mutex
	local bool
	cloud desiredKept
	ends  time.Time // of the cloud's emergency, on the real clock
}

type desiredKept struct {
	Revision  uint64 `json:"revision"`
	Emergency bool   `json:"emergency"`
	Until     int64  `json:"until,omitempty"`   // Unix ms of the clock that stamps events
	LeftMs    int64  `json:"left_ms,omitempty"` // of it, when it was told
}

// recallDesired reads what the cloud wanted before the start. One that is over by then ends as it would have.
func (a *App) recallDesired() {
	file := filepath.Join(a.cfg.Site.Data, desiredFile)
	a.wanted = &wanted{site: a.cfg.Site.ID, local: a.cfg.Site.Emergency, save: func(data []byte) error { return state.SaveSealed(file, a.cfg.Now(), data) }}
	_, data, err := state.LoadSealed(file)
	if err == nil && data != nil {
		err = json.Unmarshal(data, &a.wanted.cloud)
	}
	if err != nil {
		a.cfg.Log.Error("the mode that the cloud wants is not known until it says so again", "error", err)
		a.wanted.cloud = desiredKept{}
	}
	k := &a.wanted.cloud
	left := min(time.Duration(k.Until-a.cfg.Now().UnixMilli()), time.Duration(k.LeftMs)) * time.Millisecond // a clock that went back prolongs nothing
	k.Emergency = k.Emergency && left > 0
	a.wanted.ends = time.Now().Add(left)
}

// mode is what is to be in force.
func (w *wanted) mode() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.local || w.cloud.Emergency
}

// with is mode, after the site's files have said something else.
func (w *wanted) with(local bool) bool {
	w.mu.Lock()
	w.local = local
	w.mu.Unlock()
	return w.mode()
}

// take takes over what the cloud wants, on disk before it counts. It answers why it does not, and the newest revision there is.
func (w *wanted) take(d *wire.Desired, now time.Time) (why *rules.Text, have uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	have = w.cloud.Revision
	left := time.Duration(min(d.GetLeftMs(), uint64(2*emergencyMost/time.Millisecond))) * time.Millisecond
	switch {
	case d.GetSite() != w.site:
		return &rules.Text{ZH: "不是这个站点的：" + d.GetSite(), EN: "it is for another site: " + d.GetSite()}, have
	case d.GetRevision() < have:
		return &rules.Text{ZH: fmt.Sprintf("网关已有更新的版本 %d", have), EN: fmt.Sprintf("the gateway has the newer revision %d", have)}, have
	case d.GetRevision() == have:
		return nil, have
	case d.GetEmergency() && (left <= 0 || left > emergencyMost):
		return &rules.Text{ZH: "急模式没有合理的结束时间", EN: "the emergency has no sensible end"}, have
	}
	next := desiredKept{Revision: d.GetRevision(), Emergency: d.GetEmergency()}
	if next.Emergency {
		next.Until, next.LeftMs = now.Add(left).UnixMilli(), left.Milliseconds()
	}
	data, err := json.Marshal(next)
	if err == nil {
		err = w.save(data)
	}
	if err != nil {
		return &rules.Text{ZH: "网关磁盘写不进去：" + err.Error(), EN: "the gateway's disk does not take it: " + err.Error()}, have
	}
	w.cloud, w.ends = next, time.Now().Add(left)
	return nil, next.Revision
}

// over ends the cloud's emergency when its time has come, and answers whether it did. A restart knows from the file.
func (w *wanted) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cloud.Emergency || time.Now().Before(w.ends) {
		return false
	}
	w.cloud.Emergency = false
	return true
}

// desire takes what the cloud wants, and answers.
func (a *App) desire(ctx context.Context, d *wire.Desired) {
	why, have := a.wanted.take(d, a.cfg.Now())
	if why == nil {
		if err := a.enforce(ctx); err != nil {
			why = &rules.Text{ZH: "规则没有运行", EN: "the rules do not run: " + err.Error()}
		}
	}
	applied := &wire.Applied{Revision: d.GetRevision(), Ok: why == nil, Emergency: a.wanted.mode(), Have: have, AtMs: a.cfg.Now().UnixMilli()}
	if why != nil {
		applied.Why = &wire.Text{Zh: why.ZH, En: why.EN}
		a.cfg.Log.Error("what the cloud wants is refused", "revision", d.GetRevision(), "why", why.EN)
	}
	a.journal.put(&wire.Event{Kind: &wire.Event_Applied{Applied: applied}})
}

// enforce puts the mode in force that is to be, and tells when that is another one.
func (a *App) enforce(ctx context.Context) error {
	var on, changed bool
	err := a.judge.ask(ctx, func() {
		j := a.judge
		on = a.wanted.mode()
		changed = j.engine.Emergency() != on
		j.emergency = on
		j.tell(j.engine.SetEmergency(on, j.now()))
	})
	if err != nil || !changed {
		return err
	}
	text, s := modeText(on), a.book.get()
	s.Emergency, s.At = on, a.cfg.Now()
	a.book.set(s)
	a.cfg.Log.Info("rules", "change", text.EN)
	a.journal.put(&wire.Event{Kind: &wire.Event_Rules{Rules: &wire.RulesChange{Hash: s.Hash, Emergency: on, AtMs: s.At.UnixMilli(), Changes: []*wire.Text{{Zh: text.ZH, En: text.EN}}}}})
	return nil
}
