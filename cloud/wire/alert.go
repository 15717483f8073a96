package wire

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// FromAlert makes the message of an alert event.
func FromAlert(e rules.AlertEvent) *Alert {
	a := &Alert{
		Alert: e.Alert, Rule: e.Rule, Version: e.Version, Subject: e.Subject, Zone: e.Zone,
		Severity: string(e.Severity), State: string(e.State), Shadow: e.Shadow,
		Level: uint32(e.Level), Shelved: e.Shelved, Latched: e.Latched,
		SinceMs: e.Since.UnixMilli(), AtMs: e.At.UnixMilli(),
		Title: fromText(e.Title), Message: fromText(e.Message),
	}
	for _, line := range e.Card {
		a.Card = append(a.Card, fromText(line))
	}
	for _, line := range e.Why {
		a.Why = append(a.Why, fromText(line))
	}
	if !e.Window.IsZero() {
		a.WindowMs = e.Window.UnixMilli()
	}
	for _, v := range e.Evidence {
		a.Evidence = append(a.Evidence, &Evidence{Name: v.Name, Unit: v.Unit, Value: v.Value, Quality: uint32(v.Quality), Reason: uint32(v.Reason),
			OverMs: uint64(v.Over.Milliseconds())})
	}
	if l := e.Limit; l != nil {
		a.Limit = &Limit{Point: l.Point, Value: l.Value, Unit: l.Unit, Above: l.Above}
	}
	for _, act := range e.Actions {
		a.Actions = append(a.Actions, FromAction(act))
	}
	return a
}

// Event is the inverse of FromAlert, with times to the millisecond.
func (a *Alert) Event() rules.AlertEvent {
	e := rules.AlertEvent{
		Alert: a.GetAlert(), Rule: a.GetRule(), Version: a.GetVersion(), Subject: a.GetSubject(), Zone: a.GetZone(),
		Severity: rules.Severity(a.GetSeverity()), State: rules.State(a.GetState()), Shadow: a.GetShadow(),
		Level: int(a.GetLevel()), Shelved: a.GetShelved(), Latched: a.GetLatched(),
		Since: time.UnixMilli(a.GetSinceMs()), At: time.UnixMilli(a.GetAtMs()),
		Title: a.GetTitle().text(), Message: a.GetMessage().text(),
	}
	for _, line := range a.GetCard() {
		e.Card = append(e.Card, line.text())
	}
	for _, line := range a.GetWhy() {
		e.Why = append(e.Why, line.text())
	}
	if ms := a.GetWindowMs(); ms != 0 {
		e.Window = time.UnixMilli(ms)
	}
	for _, v := range a.GetEvidence() {
		e.Evidence = append(e.Evidence, rules.Evidence{Name: v.GetName(), Unit: v.GetUnit(), Value: v.GetValue(),
			Quality: device.Quality(v.GetQuality()), Reason: device.Reason(v.GetReason()), Over: time.Duration(v.GetOverMs()) * time.Millisecond})
	}
	if l := a.GetLimit(); l != nil {
		e.Limit = &rules.Limit{Point: l.GetPoint(), Value: l.GetValue(), Unit: l.GetUnit(), Above: l.GetAbove()}
	}
	for _, act := range a.GetActions() {
		e.Actions = append(e.Actions, rules.Action{Device: act.GetDevice(), Point: act.GetPoint(), Value: act.GetValue()})
	}
	return e
}

// FromAction makes the message of an action.
func FromAction(a rules.Action) *Action {
	return &Action{Device: a.Device, Point: a.Point, Value: a.Value}
}

func fromText(t rules.Text) *Text { return &Text{Zh: t.ZH, En: t.EN} }

func (t *Text) text() rules.Text { return rules.Text{ZH: t.GetZh(), EN: t.GetEn()} }
