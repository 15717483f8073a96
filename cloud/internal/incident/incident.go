// Package incident turns alert events into work that somebody takes, finishes and answers for. An incident has two axes:
// its condition (active, recovered), which follows the gateway, and its handling (open 未接警, handling 处理中, closed
// 已办结), which follows people. Recovery never closes; closing never hides an active condition. Ingest applies events
// inside its transaction, exactly once each; the API and signed links carry what people do.
package incident

import (
	"time"

	"github.com/linshao/linshao/rules"
)

// Conditions and handlings.
const (
	Active    = "active"
	Recovered = "recovered"
	// NoCondition is that of an incident that people reported: no sensor says whether it lasts.
	NoCondition = "none"

	Open     = "open"
	Handling = "handling"
	Closed   = "closed"
)

// Text is a sentence in the two languages of the product.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

func text(t rules.Text) Text { return Text{t.ZH, t.EN} }

// An Incident is the alerts of one cause and the human work on them. Gateway, device, rule, title and value are those of the
// alert that came first. Times are Unix ms.
type Incident struct {
	ID          string  `json:"id"`
	Site        string  `json:"site"`
	SiteName    string  `json:"siteName"`
	Gateway     string  `json:"gateway"`
	Device      string  `json:"device"`
	DeviceName  string  `json:"deviceName"`
	Place       string  `json:"place"`
	Severity    string  `json:"severity" enum:"A,B,C"`
	Title       Text    `json:"title"`
	Message     Text    `json:"message,omitzero" doc:"absent in a list that was asked for without"`
	Condition   string  `json:"condition" enum:"active,recovered,none" doc:"none: people reported it, and no sensor says whether it lasts"`
	Handling    string  `json:"handling" enum:"open,handling,closed"`
	Since       int64   `json:"since"`
	RecoveredAt int64   `json:"recoveredAt,omitempty"`
	TakenBy     string  `json:"takenBy,omitempty"`
	TakenAt     int64   `json:"takenAt,omitempty"`
	ClosedBy    string  `json:"closedBy,omitempty"`
	ClosedAt    int64   `json:"closedAt,omitempty"`
	Outcome     string  `json:"outcome,omitempty" enum:"real,false_alarm,drill,device_fault"`
	Rule        string  `json:"rule"`
	Value       *Value  `json:"value,omitempty"`
	Deadline    int64   `json:"deadline,omitempty" doc:"until when somebody must take it"`
	SeverityNow string  `json:"severityNow,omitempty" enum:"A,B,C" doc:"when it has become less than severity, which is the worst that it has been"`
	Rung        int     `json:"rung,omitempty" doc:"of the rule's ladder as last told: 0 as it began"`
	Overdue     int     `json:"overdue,omitempty" enum:"0,1,2,3" doc:"how far the handling is behind: 1 常规, 2 联合, 3 攻坚"`
	Shadow      bool    `json:"shadow" doc:"the rule is on trial (mode: shadow): recorded, and nobody is told"`
	Shelved     bool    `json:"shelved,omitempty" doc:"it fired too often, or came while its site is under maintenance or its device is snoozed: recorded, and nobody is told for a while"`
	Window      bool    `json:"window,omitempty" doc:"it came in a maintenance window of its site (检修)"`
	Snooze      *Snooze `json:"snooze,omitempty" doc:"its device is snoozed (静默): recorded, and nobody is told until then"`
	Late        bool    `json:"late,omitempty" doc:"it happened while the gateway was cut off, and was told later"`
	Progress

	AlertCount int    `json:"alertCount" doc:"alerts in it"`
	Cause      *Cause `json:"cause,omitempty" doc:"why its alerts are one incident"`
	MergedInto string `json:"mergedInto,omitempty" doc:"the incident that has its alerts now"`

	OpenedAt int64  `json:"-"` // cloud's time
	Graded   int64  `json:"-"` // cloud's time: since when people know it as severe as it is
	Alert    string `json:"-"`
	Previous string `json:"-"`
	Detail   Detail `json:"-"`

	timed         int64 // when the timer of its step is set to, as it was read
	unsaid, sayAt int64 // since when there are alerts that people were not told of, and when they are; 0: none
}

// Progress is how far the handling has come, finer than open, handling and closed, and who must go on.
type Progress struct {
	Step           string    `json:"step" enum:"reported,verified,accepted,dispatched,in_progress,checked,closed,rated" doc:"上报, 核实, 受理立案, 分拨, 处置, 核查, 结案归档, 满意度反馈"`
	StepAt         int64     `json:"stepAt" doc:"since when"`
	StepDue        int64     `json:"stepDue,omitempty" doc:"until when the next step is due; absent: no limit"`
	StepLate       bool      `json:"stepLate,omitempty" doc:"that limit has passed"`
	FinishedBy     string    `json:"finishedBy,omitempty" doc:"who says that the handling is done; it waits for the check"`
	FinishedAt     int64     `json:"finishedAt,omitempty"`
	Source         string    `json:"source" enum:"sensor,person,complaint" doc:"sensor: a rule's alert; person: somebody of the street reported it; complaint: a resident called, such as 12345"`
	Category       string    `json:"category" enum:"danger,maintenance" doc:"maintenance: the device itself needs somebody"`
	Node           string    `json:"node,omitempty" doc:"of the organisation, when it is about no site"`
	Whistle        int       `json:"whistle" enum:"1,2,3" doc:"who answers for it: 1 常规 grid and property, 2 联合 the street's departments, 3 攻坚 the district"`
	Assignee       *Assignee `json:"assignee,omitempty" doc:"who it was dispatched to"`
	Urged          int       `json:"urged,omitempty" doc:"how often it was urged (督办)"`
	Reworked       int       `json:"reworked,omitempty" doc:"how often a check sent it back"`
	Disputed       bool      `json:"disputed,omitempty" doc:"the assignee says that it is not theirs"`
	SuspendedAt    int64     `json:"suspendedAt,omitempty" doc:"since when it is put off (挂起)"`
	SuspendedUntil int64     `json:"suspendedUntil,omitempty"`
	SuspendedBy    string    `json:"suspendedBy,omitempty" doc:"who put it off"`
	Reporter       string    `json:"reporter,omitempty" doc:"who reported it"`
	Rating         int       `json:"rating,omitempty" doc:"1 to 5, by who reported it"`
}

// An Assignee is who must go on with an incident.
type Assignee struct {
	Kind string `json:"kind" enum:"person,team,node" doc:"an account's name, an emergency team of a node, or a node of the organisation such as a department"`
	ID   string `json:"id" maxLength:"200" doc:"the name; node and team name as node/name; the node"`
	Name string `json:"name,omitempty" maxLength:"80" doc:"as people call it; filled in by the cloud"`
}

// The eight steps, in their order.
const (
	Reported   = "reported"
	Verified   = "verified"
	Accepted   = "accepted"
	Dispatched = "dispatched"
	InProgress = "in_progress"
	Checked    = "checked"
	Archived   = "closed" // the same word as the handling: nothing is left to do but to rate it
	Rated      = "rated"
)

// Sources and categories.
const (
	FromSensor  = "sensor"
	FromPerson  = "person"
	FromCaller  = "complaint"
	Danger      = "danger"
	Maintenance = "maintenance"
)

// A Value is what the rule looks at, with its limit.
type Value struct {
	Point string   `json:"point"`
	Unit  string   `json:"unit"`
	Value float64  `json:"value"`
	Limit *float64 `json:"limit,omitempty"`
	Above *bool    `json:"above,omitempty"`
}

// A Detail is the part of an incident that lists do not show.
type Detail struct {
	Evidence []Evidence `json:"evidence"`
	Card     []Text     `json:"card"`
	Limit    *Limit     `json:"limit,omitempty"`
	Why      []Text     `json:"why,omitempty"`      // the rule's condition with the values it saw, line by line, as the gateway told
	Severity string     `json:"severity,omitempty"` // as last told; the incident's own is the worst that it has been
	Rung     int        `json:"rung,omitempty"`
	Shelved  bool       `json:"shelved,omitempty"`
	Latched  bool       `json:"latched,omitempty"`
	Told     bool       `json:"told,omitempty"` // it was not shelved all the time
	Window   bool       `json:"window,omitempty"`
	Snooze   *Snooze    `json:"snooze,omitempty"`
	Watch    *Watch     `json:"watch,omitempty"`
	Place    string     `json:"place,omitempty"` // in the words of who reported it
}

// Evidence is one value that the rule saw.
type Evidence struct {
	Name    string   `json:"name"`
	Unit    string   `json:"unit"`
	Value   *float64 `json:"value" doc:"null when unknown"`
	Quality string   `json:"quality"`
	Reason  string   `json:"reason"`
}

// A Limit is the threshold to draw.
type Limit struct {
	Point string  `json:"point"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Above bool    `json:"above"`
}

// An Entry is one line of an incident's timeline.
type Entry struct {
	At   int64  `json:"at"`
	Kind string `json:"kind" enum:"fired,action,notified,taken,recovered,closed,note,severity,overdue,step"`
	Text Text   `json:"text"`
	By   string `json:"by,omitempty"`
}

// Previous is the incident of the same rule and subject in the day before.
type Previous struct {
	ID       string `json:"id"`
	ClosedAt int64  `json:"closedAt,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
}

// linked is how long a new incident is linked to the one before.
const linked = 24 * time.Hour

// Changes that others are told of.
const (
	KindOpened    = "opened"
	KindSeverity  = "severity"
	KindJoined    = "joined" // alerts came into it
	KindRecovered = "recovered"
	KindOverdue   = "overdue"
	KindTaken     = "taken"
	KindClosed    = "closed"
	KindSnoozed   = "snoozed" // what waits to be told of it is told no more
)

// A Refusal says in people's words why a step is not possible now.
type Refusal struct{ Text Text }

func (r *Refusal) Error() string { return r.Text.EN }
