package action

import (
	"time"

	"github.com/linshao/linshao/rules"
)

// An Owner is on whose authority an output is moved: the ladder, lowest first. A higher one is never overridden by a lower one,
// except toward safe.
type Owner uint8

// The rungs of the ladder.
const (
	Schedule   Owner = iota + 1 // a plan of times
	Cloud                       // a command from afar
	Automation                  // a rule of severity C: comfort and order
	Safety                      // a rule of severity A or B, and the safe states
	Manual                      // a person at the site
	Interlock                   // nobody asks on its authority: it only forbids
)

// Owners are all rungs, lowest first.
func Owners() []Owner { return []Owner{Schedule, Cloud, Automation, Safety, Manual, Interlock} }

// String is the word of the wire format.
func (o Owner) String() string {
	switch o {
	case Schedule:
		return "schedule"
	case Cloud:
		return "cloud"
	case Automation:
		return "automation"
	case Safety:
		return "safety"
	case Manual:
		return "manual"
	case Interlock:
		return "interlock"
	}
	return "unknown"
}

// Words name the owner for people.
func (o Owner) Words() rules.Text {
	switch o {
	case Schedule:
		return rules.Text{ZH: "定时计划", EN: "schedule"}
	case Cloud:
		return rules.Text{ZH: "云端命令", EN: "cloud command"}
	case Automation:
		return rules.Text{ZH: "自动规则", EN: "automation"}
	case Safety:
		return rules.Text{ZH: "安全规则", EN: "safety rule"}
	case Manual:
		return rules.Text{ZH: "现场手动", EN: "local manual"}
	case Interlock:
		return rules.Text{ZH: "联锁", EN: "interlock"}
	}
	return rules.Text{ZH: "未知", EN: "unknown"}
}

// ownerOf is the rung of a rule: what must be done the same day or at once is safety, the rest is automation.
func ownerOf(s rules.Severity) Owner {
	if s == rules.SeverityC {
		return Automation
	}
	return Safety
}

// How long a hold lasts that nobody ends.
const (
	HoldTime = time.Hour      // when a request says nothing
	HoldMost = 24 * time.Hour // the longest that may be asked for
)

// A Request asks for one move of one output.
type Request struct {
	Owner    Owner     // Manual, Cloud or Schedule; the rules have Do
	Who      string    // the person; may be empty for Schedule
	Approver string    // of Cloud: the second person, without whom nothing moves away from safe
	Command  string    // id of the command that asks, told with every result; empty: none
	Until    time.Time // a move away from safe that has not begun by then, on the real clock, is refused; zero: no such time
	Reason   string
	Action   rules.Action
	For      time.Duration // how long the output is held afterwards; 0: HoldTime. At most HoldMost
}

// A Result is what became of a request.
type Result struct {
	Outcome  string     // Confirmed, Failed or Refused
	Why      rules.Text // in people's words; empty when confirmed
	Holder   *Holder    // who holds the output, when that is why it was refused
	Attempts uint32     // writes tried
}

// A Holder is who holds an output, as people are told.
type Holder struct {
	Owner  Owner
	Who    string // a person, or a rule's alert
	Reason string
	Value  float64   // what it is held at
	Since  time.Time // on the real clock
	Until  time.Time // zero: as long as the reason lasts
}

// A hold is one claim to an output. The highest of an output is its owner.
type hold struct {
	owner Owner
	id    string // whose it is: an alert, a safe state, or empty for what people, cloud and plans ask
	who   string
	why   string
	value float64
	since time.Time
	stamp time.Time // since, on the clock that stamps results and alerts
	until time.Time // zero: as long as the alert or the safe state lasts
}

func (h *hold) told() *Holder {
	who := h.who
	if who == "" {
		who = h.id
	}
	return &Holder{Owner: h.owner, Who: who, Reason: h.why, Value: h.value, Since: h.since, Until: h.until}
}

// same says whether a hold is of the same claimant: a person replaces a person, an alert only itself.
func (h *hold) same(other *hold) bool { return h.owner == other.owner && h.id == other.id }
