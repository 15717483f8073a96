package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/rules"
)

// A life is all that the events log has of one alert, in its order.
type life struct {
	id      string
	records []lived
	last    time.Time
}

// A lived is one of its events: a change of the alert, or what became of an action.
type lived struct {
	alert  *rules.AlertEvent
	action *wire.ActionResult
}

func (l lived) at() time.Time {
	if l.alert != nil {
		return l.alert.At
	}
	return time.UnixMilli(l.action.GetAtMs())
}

// first is the event that knows most of what the alert is: that which fired last, or the first of all.
func (l *life) first() *rules.AlertEvent {
	var e *rules.AlertEvent
	for _, r := range l.records {
		if r.alert != nil && (e == nil || r.alert.State == rules.Firing) {
			e = r.alert
		}
	}
	return e
}

// state is what the alert has come to.
func (l *life) state() rules.State {
	var s rules.State
	for _, r := range l.records {
		if r.alert != nil {
			s = r.alert.State
		}
	}
	return s
}

// livesMost bounds the alerts that are held while a log is read: those that changed longest ago are let go.
const livesMost = 2000

// A chronicle is the alerts of an events log.
type chronicle struct {
	lives  map[string]*life
	oldest time.Time // of the log; zero: it is empty
}

// readLives walks through the events log of a data folder, in use or not. Which alerts are wanted is asked before they are kept
// whole; of others their last event is.
func readLives(data string, wanted func(id string) bool) (*chronicle, error) {
	c := &chronicle{lives: map[string]*life{}}
	log, err := outbox.OpenHistory(filepath.Join(data, wire.StreamName(wire.StreamEvents)))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, outbox.ErrNoLog) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open events: %w", err)
	}
	for r, err := range log.Range(time.Unix(0, 0), time.Now().Add(100*365*24*time.Hour)) {
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		if at := time.UnixMilli(r.WallMs); c.oldest.IsZero() || at.Before(c.oldest) {
			c.oldest = at
		}
		var e wire.Event
		if r.Type != wire.TypeEvent || proto.Unmarshal(r.Payload, &e) != nil {
			continue
		}
		switch {
		case e.GetAlert() != nil:
			ev := e.GetAlert().Event()
			c.take(ev.Alert, lived{alert: &ev}, wanted)
		case e.GetAction() != nil && e.GetAction().GetAlert() != "":
			c.take(e.GetAction().GetAlert(), lived{action: e.GetAction()}, wanted)
		}
	}
	return c, nil
}

func (c *chronicle) take(id string, r lived, wanted func(id string) bool) {
	l := c.lives[id]
	if l == nil {
		if len(c.lives) >= livesMost {
			c.drop(wanted)
		}
		l = &life{id: id}
		c.lives[id] = l
	}
	if at := r.at(); at.After(l.last) {
		l.last = at
	}
	if !wanted(id) {
		if r.alert == nil {
			return
		}
		l.records = l.records[:0]
	}
	l.records = append(l.records, r)
}

// drop lets half of the alerts go that are not wanted.
func (c *chronicle) drop(wanted func(id string) bool) {
	var all []*life
	for _, l := range c.lives {
		if !wanted(l.id) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b *life) int { return a.last.Compare(b.last) })
	for _, l := range all[:len(all)/2] {
		delete(c.lives, l.id)
	}
}

// newest are alerts that changed last, the newest first.
func (c *chronicle) newest(most int, want func(*life) bool) []*life {
	var all []*life
	for _, l := range c.lives {
		if l.first() != nil && want(l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b *life) int { return b.last.Compare(a.last) })
	return all[:min(most, len(all))]
}

// names are the rules and subjects that the log speaks of.
func (c *chronicle) names() (ruleIDs, subjects []string) {
	for id := range c.lives {
		rule, rest, _ := strings.Cut(id, "/")
		if i := strings.LastIndexByte(rest, '/'); i > 0 {
			ruleIDs, subjects = append(ruleIDs, rule), append(subjects, rest[:i])
		}
	}
	slices.Sort(ruleIDs)
	slices.Sort(subjects)
	return slices.Compact(ruleIDs), slices.Compact(subjects)
}
