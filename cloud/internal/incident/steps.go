package incident

import (
	"slices"

	"github.com/linshao/linshao/cloud/internal/auth"
)

// Deeds: what people do with an incident, and (report, late, resume, whistle) what its alert and its limits do.
const (
	Report   = "report"
	Verify   = "verify"
	Reject   = "reject"
	Accept   = "accept"
	Dispatch = "dispatch"
	Begin    = "begin"
	Take     = "take"
	Finish   = "finish"
	Check    = "check"
	Rework   = "rework"
	Close    = "close"
	Rate     = "rate"
	Assign   = "assign"
	Urge     = "urge"
	Blow     = "whistle"
	Suspend  = "suspend"
	Resume   = "resume"
	Dispute  = "dispute"
	Uphold   = "uphold"
	Remark   = "note"
)

// Needs of a deed: what must be given with it.
const (
	NeedsNote     = "note"
	NeedsEvidence = "evidence" // a note, a photo or a measured value
	NeedsTo       = "to"
	NeedsUntil    = "until"
	NeedsWhistle  = "whistle"
	NeedsOutcome  = "outcome"
	NeedsRating   = "rating"
)

// A Transition is one edge of the handling: the deed, the steps at which it is possible, the step it leads to (empty: it
// stays where it is), the right that it needs at the incident's place, and what must be given with it.
type Transition struct {
	Deed  string
	From  []string
	To    string
	Right auth.Right
	Needs []string
	Text  Text
}

// Transitions are all edges. The API makes its operations from this table, an incident's page lists what is possible next
// from it, and the tests walk it: there is no other place that says what may follow what.
func Transitions() []Transition {
	open := []string{Reported, Verified, Accepted, Dispatched}
	going := append(slices.Clone(open), InProgress)
	until := append(slices.Clone(going), Checked)
	assigned := []string{Dispatched, InProgress}
	return []Transition{
		{Verify, []string{Reported}, Verified, auth.Work, nil, Text{"核实", "Verify"}},
		{Reject, []string{Reported, Verified}, Archived, auth.Work, []string{NeedsNote}, Text{"核实为误报", "Reject as a false alarm"}},
		{Accept, []string{Verified}, Accepted, auth.Dispatch, nil, Text{"受理立案", "Accept"}},
		{Dispatch, []string{Accepted}, Dispatched, auth.Dispatch, []string{NeedsTo}, Text{"分拨", "Dispatch"}},
		{Begin, []string{Dispatched}, InProgress, auth.Take, nil, Text{"开始处置", "Begin"}},
		{Take, open, InProgress, auth.Take, nil, Text{"接警", "Take"}},
		{Finish, []string{InProgress}, "", auth.Work, []string{NeedsEvidence}, Text{"处置完毕", "Say that it is done"}},
		{Check, []string{InProgress}, Checked, auth.Dispatch, nil, Text{"核查通过", "Check"}},
		{Rework, []string{InProgress, Checked}, InProgress, auth.Dispatch, []string{NeedsNote}, Text{"退回重办", "Send back"}},
		{Close, []string{InProgress, Checked}, Archived, auth.Work, []string{NeedsOutcome}, Text{"办结", "Close the alert"}},
		{Rate, []string{Archived}, Rated, auth.Rate, []string{NeedsRating}, Text{"评价", "Rate"}},
		{Assign, assigned, Dispatched, auth.Dispatch, []string{NeedsTo, NeedsNote}, Text{"转派", "Reassign"}},
		{Urge, until, "", auth.Dispatch, []string{NeedsNote}, Text{"督办", "Urge"}},
		{Blow, until, "", auth.Dispatch, []string{NeedsWhistle, NeedsNote}, Text{"吹哨", "Raise to the next whistle"}},
		{Suspend, going, "", auth.Dispatch, []string{NeedsUntil, NeedsNote}, Text{"挂起", "Put off"}},
		{Resume, going, "", auth.Dispatch, nil, Text{"恢复办理", "Resume"}},
		{Dispute, assigned, "", auth.Work, []string{NeedsNote}, Text{"申请退单", "Dispute"}},
		{Uphold, assigned, "", auth.Dispatch, []string{NeedsNote}, Text{"驳回退单", "Uphold"}},
		{Remark, until, "", auth.Work, []string{NeedsEvidence}, Text{"补充情况", "Add a note"}},
	}
}

// resumes says that a deed takes an incident up again that was put off: it works on it, or presses for it.
func (t Transition) resumes() bool {
	return t.To != "" || slices.Contains([]string{Finish, Urge, Blow}, t.Deed)
}

// transition answers the edge of a deed.
func transition(deed string) (Transition, bool) {
	list := Transitions()
	i := slices.IndexFunc(list, func(t Transition) bool { return t.Deed == deed })
	if i < 0 {
		return Transition{}, false
	}
	return list[i], true
}

// doneText is a deed in the timeline: what was done, where a button's words say what to do.
func doneText(t Transition) Text {
	done := map[string]string{Verify: "Verified", Reject: "Rejected as a false alarm", Accept: "Accepted", Dispatch: "Dispatched", Begin: "Handling began", Take: "Taken", Finish: "Said to be done",
		Check: "Checked", Rework: "Sent back", Close: "Closed", Rate: "Rated", Assign: "Reassigned", Urge: "Urged", Blow: "Blew a higher whistle", Suspend: "Put off", Resume: "Resumed",
		Dispute: "Asked to be relieved", Uphold: "Has to stay with it", Remark: "Added a note"}
	if en, ok := done[t.Deed]; ok {
		return Text{t.Text.ZH, en}
	}
	return t.Text
}

// StepText names a step.
func StepText(step string) Text {
	switch step {
	case Reported:
		return Text{"上报", "reported"}
	case Verified:
		return Text{"核实", "verified"}
	case Accepted:
		return Text{"受理立案", "accepted"}
	case Dispatched:
		return Text{"分拨", "dispatched"}
	case InProgress:
		return Text{"处置", "in hand"}
	case Checked:
		return Text{"核查", "checked"}
	case Archived:
		return Text{"结案归档", "closed"}
	case Rated:
		return Text{"满意度反馈", "rated"}
	}
	return Text{step, step}
}

// handlingOf is the coarse handling of a step.
func handlingOf(step string) string {
	switch step {
	case InProgress, Checked:
		return Handling
	case Archived, Rated:
		return Closed
	}
	return Open
}

// due names what must follow next: the key of its limit. Empty: nothing is due.
func (in *Incident) due() string {
	switch in.Step {
	case Reported:
		return Verified
	case Verified:
		return Accepted
	case Accepted:
		return Dispatched
	case Dispatched:
		return InProgress
	case InProgress:
		if in.FinishedAt == 0 {
			return Finished
		}
		return Checked
	case Checked:
		return Archived
	}
	return ""
}
