package rules

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Severity of an alert: it sets the time in which people must act.
type Severity string

// The severities of the grid's closing classes.
const (
	SeverityA Severity = "A" // immediate danger
	SeverityB Severity = "B" // same day
	SeverityC Severity = "C" // digest
)

// State of an alert.
type State string

// An alert is pending while its rule's hold time runs, firing until it clears, then resolved. Cancelled is a pending
// alert that never fired.
const (
	Pending   State = "pending"
	Firing    State = "firing"
	Resolved  State = "resolved"
	Cancelled State = "cancelled"
)

// Text is a sentence in the two languages of the product.
type Text struct {
	ZH string `yaml:"zh"`
	EN string `yaml:"en"`
}

// An AlertEvent is one change of one alert, with the evidence for it.
type AlertEvent struct {
	Alert    string // identity of the alert, the same in all its events: "R16/gas-1802/20261122T091500Z"
	Rule     string // "R16"
	Version  string // of the rule: the first 12 hex digits of the SHA-256 of its text
	Subject  string // id of the device
	Zone     string
	Severity Severity
	State    State
	Since    time.Time // when the condition became true
	At       time.Time // of this change
	Title    Text      // "燃气高报"
	Message  Text      // the sentence with values filled in
	Card     []Text    // what to do, one line each
	Evidence []Evidence
	Limit    *Limit    // what to draw as threshold; nil when the rule has no single one
	Actions  []Action  // to be carried out now; only on firing, and only when the rule is armed
	Forbids  []Action  // writes that are refused while the alert fires, whoever asks; only on firing. Not sent to the cloud
	Shadow   bool      // mode: shadow: recorded, and nobody is told
	Level    int       // rung of the rule's ladder: 0 as it began, more when it has got worse
	Shelved  bool      // told too often: recorded, and nobody is disturbed; never of severity A
	Why      []Text    // the condition with the values it saw, one line for each part
	Window   time.Time // since when the rule looked at its inputs; zero: only at the moment itself
	Latched  bool      // it ends only when a person resets it on site
}

// Evidence is one value that the rule saw when it changed.
type Evidence struct {
	Name    string // "level", "session.energy"
	Unit    string
	Value   float64 // NaN when unknown
	Quality device.Quality
	Reason  device.Reason
	Over    time.Duration // of a window such as avg(power, 5m); 0: the value of the moment
}

// evidence is Evidence as JSON has it, which knows no NaN: an unknown value is null.
type evidence struct {
	plainEvidence
	Value *float64
}

type plainEvidence Evidence

// MarshalJSON writes an unknown value as null.
func (e Evidence) MarshalJSON() ([]byte, error) {
	out := evidence{plainEvidence: plainEvidence(e)}
	if !math.IsNaN(e.Value) && !math.IsInf(e.Value, 0) {
		out.Value = &e.Value
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Evidence) UnmarshalJSON(b []byte) error {
	var in evidence
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("read evidence of an alert: %w", err)
	}
	*e = Evidence(in.plainEvidence)
	if e.Value = math.NaN(); in.Value != nil {
		e.Value = *in.Value
	}
	return nil
}

// A Limit is the threshold of a rule on one point of its subject.
type Limit struct {
	Point string
	Value float64
	Unit  string
	Above bool // the rule fires above the value; otherwise below
}

// An Action is a write that the gateway carries out by itself.
type Action struct {
	Device string
	Point  string
	Value  float64
}
