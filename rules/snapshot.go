package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

const snapshotVersion = 1

// state is what an engine keeps over a restart. Values are not in it: after a restart every point is unknown until read.
type state struct {
	Version   int                 `json:"version"`
	Alerts    []alertState        `json:"alerts"`
	Sessions  map[string]*session `json:"sessions"`
	Emergency bool                `json:"emergency,omitempty"`
	Recent    []string            `json:"recent,omitempty"`  // ids of alerts that had just ended
	Begun     []int64             `json:"begun,omitempty"`   // when alerts began to fire
	Chatter   map[string]chatter  `json:"chatter,omitempty"` // by rule and subject, of those that fired lately

	Windows map[string]map[string]*windowState `json:"windows,omitempty"` // subject → what is looked at → its past
}

// alertState is an alert with enough of its rule to end it properly, should the rule be gone.
type alertState struct {
	Rule        string   `json:"rule"`
	RuleVersion string   `json:"ruleVersion"`
	Subject     string   `json:"subject"`
	Zone        string   `json:"zone"`
	Severity    Severity `json:"severity"`
	Title       Text     `json:"title"`
	Message     Text     `json:"message"`
	ID          string   `json:"id"`
	State       State    `json:"state"`
	Since       int64    `json:"since"`
	Changed     int64    `json:"changed"`
	Shadow      bool     `json:"shadow,omitempty"`
	Level       int      `json:"level,omitempty"`
	Timers      []timer  `json:"timers,omitempty"` // of each rung
	Picked      []Action `json:"picked,omitempty"`
	Shelved     bool     `json:"shelved,omitempty"`
	Output      string   `json:"output,omitempty"` // of ActionRule: the point that did not act
	Wanted      float64  `json:"wanted,omitempty"` // and what it was to be
}

// A Memory is a copy of what an engine knew at one moment. It does not change when the engine goes on, so that another
// goroutine can encode it: that takes ten times as long as the copy, for which the rules stand still.
type Memory struct{ state state }

// Memory is everything that must survive a restart: pending and firing alerts, sessions and windows.
func (e *Engine) Memory() *Memory {
	st := state{Version: snapshotVersion, Sessions: map[string]*session{}, Recent: e.recentIDs(), Emergency: e.frame.emergency, Begun: slices.Clone(e.begun.times), Windows: e.keepWindows()}
	for _, s := range e.subjects {
		if s.sess != nil {
			st.Sessions[s.device.ID] = s.sess.copy()
		}
		for _, a := range s.alerts {
			if a.chatter != (chatter{}) {
				st.keepChatter(s, a)
			}
			if a.State == "" {
				continue
			}
			st.Alerts = append(st.Alerts, a.keep(s))
		}
	}
	for _, o := range e.outputs {
		if o.failed != nil {
			st.Alerts = append(st.Alerts, *o.failed)
		}
	}
	return &Memory{st}
}

// Encode is the memory as JSON, for Restore.
func (m *Memory) Encode() ([]byte, error) {
	data, err := json.Marshal(m.state)
	if err != nil {
		return nil, fmt.Errorf("encode rule state: %w", err)
	}
	return data, nil
}

// Snapshot is the engine's memory, encoded.
func (e *Engine) Snapshot() ([]byte, error) { return e.Memory().Encode() }

// Restore takes up a snapshot; call it once, before the first reading. Alerts of unchanged rules go on where they were. An
// alert whose rule has changed, or whose device is gone, is ended by an event of the next Tick, and the new rule
// begins anew. On an error the engine is as it was.
func (e *Engine) Restore(data []byte) error {
	var st state
	if err := json.Unmarshal(data, &st); err != nil {
		return fmt.Errorf("decode rule state: %w", err)
	}
	if st.Version != snapshotVersion {
		return fmt.Errorf("decode rule state: version %d, this program knows %d", st.Version, snapshotVersion)
	}
	for id, sess := range st.Sessions {
		if !sess.intact() {
			return fmt.Errorf("decode rule state: session of %s is damaged", id)
		}
	}
	for _, a := range st.Alerts {
		if a.State != Pending && a.State != Firing {
			return errors.New("decode rule state: alert " + a.ID + " is neither pending nor firing")
		}
	}
	for _, s := range e.subjects {
		if sess := st.Sessions[s.device.ID]; sess != nil && s.sess != nil {
			sess.battery = s.sess.battery
			s.sess = sess
		}
		for _, a := range s.alerts {
			a.chatter = st.Chatter[a.rule.text.ID+"/"+s.device.ID]
		}
	}
	e.frame.emergency, e.begun.times = st.Emergency, st.Begun
	e.takeWindows(st.Windows)
	defer e.unsure()
	subjects := e.byID()
	e.takeIDs(subjects, st.Recent)
	for _, a := range st.Alerts {
		if !e.takeUp(subjects, a) {
			ev := a.event()
			e.orphan(&ev)
		}
	}
	return nil
}

// takeUp gives an alert its state back; false when its rule, as it was, is no more.
func (e *Engine) takeUp(subjects roster, st alertState) bool {
	if st.Rule == ActionRule {
		o := e.index[device.Key{Device: st.Subject, Point: st.Output}].output
		if o != nil {
			o.failed = &st
		}
		return o != nil
	}
	_, a := subjects.alert(st.Subject, st.Rule)
	if a == nil || a.rule.version != st.RuleVersion || (a.rule.mode == ShadowMode) != st.Shadow {
		return false
	}
	a.takeUp(st)
	return true
}

// event is the last event of an alert, without evidence.
func (st alertState) event() AlertEvent {
	return AlertEvent{
		Alert: st.ID, Rule: st.Rule, Version: st.RuleVersion, Subject: st.Subject, Zone: st.Zone, Severity: st.Severity, State: st.State,
		Since: time.UnixMilli(st.Since).UTC(), At: time.UnixMilli(st.Changed).UTC(), Title: st.Title, Message: st.Message, Shadow: st.Shadow,
	}
}
