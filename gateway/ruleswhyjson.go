package main

import (
	"math"
	"time"

	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

// whyJSON is what --json prints.
type whyJSON struct {
	Rule      string         `json:"rule"`
	Subject   string         `json:"subject"`
	Alert     string         `json:"alert,omitempty"`
	Events    []whyEventJSON `json:"events"`
	Text      *rules.Excerpt `json:"text,omitempty"`
	SameText  bool           `json:"text_is_of_that_version"`
	Now       *status.Why    `json:"now,omitempty"`
	NotAsked  string         `json:"not_answered,omitempty"`
	State     string         `json:"state,omitempty"`
	Version   string         `json:"version,omitempty"`
	LastEvent *time.Time     `json:"last_event,omitempty"`
}

type whyEventJSON struct {
	At       time.Time      `json:"at"`
	State    string         `json:"state,omitempty"`
	Severity rules.Severity `json:"severity,omitempty"`
	Level    int            `json:"level,omitempty"`
	Shelved  bool           `json:"shelved,omitempty"`
	Message  *status.Text   `json:"message,omitempty"`
	Why      []status.Text  `json:"why,omitempty"`
	Evidence []whyValueJSON `json:"evidence,omitempty"`
	Action   *whyActionJSON `json:"action,omitempty"`
}

type whyValueJSON struct {
	Name    string   `json:"name"`
	Value   *float64 `json:"value"`
	Unit    string   `json:"unit,omitempty"`
	Quality string   `json:"quality"`
	Reason  string   `json:"reason,omitempty"`
}

type whyActionJSON struct {
	Device   string  `json:"device"`
	Point    string  `json:"point"`
	Value    float64 `json:"value"`
	Outcome  string  `json:"outcome"`
	Owner    string  `json:"owner,omitempty"`
	Who      string  `json:"who,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Attempts uint32  `json:"attempts,omitempty"`
}

func (x *explained) json() whyJSON {
	all := whyJSON{Rule: x.rule, Subject: x.subject, Events: []whyEventJSON{}, Text: x.text, SameText: x.text != nil && !x.other, Now: x.now}
	if x.silent != nil {
		all.NotAsked = x.silent.Error()
	}
	if x.life == nil {
		return all
	}
	last := x.life.last.UTC()
	all.Alert, all.State, all.Version, all.LastEvent = x.life.id, string(x.life.state()), x.life.first().Version, &last
	for _, r := range x.life.records {
		all.Events = append(all.Events, r.json())
	}
	return all
}

func (l lived) json() whyEventJSON {
	out := whyEventJSON{At: l.at().UTC()}
	if a := l.action; a != nil {
		out.Action = &whyActionJSON{a.GetAction().GetDevice(), a.GetAction().GetPoint(), a.GetAction().GetValue(), a.GetOutcome(), a.GetOwner(), a.GetWho(), a.GetReason(), a.GetAttempts()}
		return out
	}
	e := l.alert
	out.State, out.Severity, out.Level, out.Shelved, out.Message = string(e.State), e.Severity, e.Level, e.Shelved, &status.Text{ZH: e.Message.ZH, EN: e.Message.EN}
	for _, line := range e.Why {
		out.Why = append(out.Why, status.Text(line))
	}
	for _, v := range e.Evidence {
		value := whyValueJSON{Name: v.Name, Unit: v.Unit, Quality: v.Quality.String(), Reason: v.Reason.String()}
		if !math.IsNaN(v.Value) {
			value.Value = &v.Value
		}
		out.Evidence = append(out.Evidence, value)
	}
	return out
}
