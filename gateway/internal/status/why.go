package status

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/linshao/linshao/rules"
)

// Text is a sentence in both languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// Why is the answer of GET /api/rules/why?rule=R16&subject=gas-1802: what the rule sees in the subject now, and the evaluations of its
// alert that were kept.
type Why struct {
	Rule    string    `json:"rule"`
	Version string    `json:"version"`
	Title   Text      `json:"title"`
	Subject string    `json:"subject"`
	At      time.Time `json:"at"`
	Shadow  bool      `json:"shadow,omitempty"`
	Alert   string    `json:"alert,omitempty"` // the open alert
	State   string    `json:"state,omitempty"`
	Level   int       `json:"level,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Why     []Text    `json:"why"`
	Traces  []Trace   `json:"traces"`
}

// A Trace is one evaluation that was kept.
type Trace struct {
	At      time.Time `json:"at"`
	Changed bool      `json:"changed"` // it changed the alert
	State   string    `json:"state"`   // after it
	Level   int       `json:"level,omitempty"`
	Why     []Text    `json:"why"`
}

// why answers 404 for a rule or subject that there is not.
func (p *Page) why(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	x, err := p.cfg.Explain(ctx, r.FormValue("rule"), r.FormValue("subject"))
	var answer any = whyOf(x)
	code := http.StatusOK
	switch {
	case errors.Is(err, rules.ErrNoRule):
		code, answer = http.StatusNotFound, problem{"rule", err.Error()}
	case errors.Is(err, rules.ErrNoSubject):
		code, answer = http.StatusNotFound, problem{"subject", err.Error()}
	case err != nil:
		code, answer = http.StatusServiceUnavailable, problem{"", err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		p.cfg.Log.Debug("answer why", "error", err)
	}
}

// problem is why there is no answer; Unknown names what is not known.
type problem struct {
	Unknown string `json:"unknown,omitempty"`
	Error   string `json:"error"`
}

func whyOf(x rules.Explanation) Why {
	w := Why{Rule: x.Rule, Version: x.Version, Title: Text(x.Title), Subject: x.Subject, At: x.At.UTC(), Shadow: x.Shadow, Alert: x.Alert,
		State: string(x.State), Level: x.Level, Since: x.Since, Why: texts(x.Why), Traces: []Trace{}}
	for _, t := range x.Traces {
		w.Traces = append(w.Traces, Trace{At: t.At, Changed: t.Changed, State: string(t.State), Level: t.Level, Why: texts(t.Why)})
	}
	return w
}

func texts(lines []rules.Text) []Text {
	all := make([]Text, len(lines))
	for i, line := range lines {
		all[i] = Text(line)
	}
	return all
}

// unfold shows why an alert fires, when its fold has been opened. It is part of the address: the page is drawn anew every 10 s.
func (p *Page) unfold(r *http.Request, t words, a rules.AlertEvent, v *alertView) {
	v.Asks = v.Firing && p.cfg.Explain != nil && a.Rule != rules.ActionRule
	if !v.Asks || r.FormValue("why") != a.Alert {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askLimit)
	defer cancel()
	x, err := p.cfg.Explain(ctx, a.Rule, a.Subject)
	if err != nil {
		v.Why = []string{err.Error()}
		return
	}
	for _, line := range x.Why {
		v.Why = append(v.Why, pickText(t, line))
	}
	for _, trace := range x.Traces {
		if trace.Changed && trace.State == rules.Firing {
			v.Fired = nil
			for _, line := range trace.Why {
				v.Fired = append(v.Fired, pickText(t, line))
			}
		}
	}
}
