package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/rules"
)

// perform does the parts of a deed. What was given belongs to the last one. It answers the line of the timeline where that
// is another than the deed's own.
func (m *move) perform(t Transition) (Entry, error) {
	var entry Entry
	parts := m.parts(t.Deed)
	for i, deed := range parts {
		st := Step{}
		if i == len(parts)-1 {
			st.Note, st.Facts = m.given.Note, m.given.Facts
		}
		if t.Deed == Take && deed == Dispatch {
			st.Assignee = &Assignee{Kind: "person", ID: m.who.Name, Name: m.who.Name}
		}
		if err := m.one(deed, st); err != nil {
			return entry, err
		}
	}
	switch t.Deed {
	case Take, Begin:
		entry = Entry{Kind: "taken", Text: Text{"由 " + m.who.Name + " 处理", "In the hands of " + m.who.Name}}
	case Close, Reject:
		entry = Entry{Kind: "closed", Text: m.closing()}
	case Urge:
		entry.Text = m.urging()
	}
	return entry, nil
}

// effect is what a part of a deed changes of the incident, besides its step.
func (m *move) effect(deed string, st *Step) error {
	in := m.in
	switch deed {
	case Verify, Accept:
		return m.grade(st)
	case Dispatch, Assign:
		return m.assign(st)
	case Begin:
		in.TakenBy, in.TakenAt = m.who.Name, m.now
		if a := in.Assignee; a == nil || a.Kind == "person" && a.ID != m.who.Name {
			in.Assignee = &Assignee{Kind: "person", ID: m.who.Name, Name: m.who.Name}
			st.Assignee = in.Assignee
		}
		in.Disputed = false
	case Finish:
		in.FinishedBy, in.FinishedAt = m.who.Name, m.now
	case Rework:
		in.FinishedBy, in.FinishedAt = "", 0
		in.Reworked++
	case Close, Reject:
		if deed == Reject {
			st.Outcome = falseAlarm
		}
		in.ClosedBy, in.ClosedAt, in.Outcome, in.Disputed = m.who.Name, m.now, st.Outcome, false
	case Rate:
		in.Rating = st.Rating
	case Urge:
		in.Urged++
		told, err := m.superiors()
		st.Told = told
		return err
	case Blow:
		in.Whistle = st.Whistle
	case Suspend:
		in.SuspendedAt, in.SuspendedUntil = m.now, st.Until
	case Resume:
		in.resume(m.now)
	case Dispute:
		in.Disputed = true
	case Uphold:
		in.Disputed = false
	}
	return nil
}

const (
	falseAlarm   = "false_alarm"
	longestPause = 30 * 24 * time.Hour
)

// grade gives an incident the class that a person saw. What a sensor found can only become worse, A being worst; a class A
// that people reported is lowered by the desk alone, which says why.
func (m *move) grade(st *Step) error {
	if st.Severity == "" || st.Severity == m.in.Severity {
		return nil
	}
	if st.Severity > m.in.Severity && m.in.Source == FromSensor {
		return &Refusal{Text{"传感器告警的级别由规则确定，只能调高", "a rule has set the class of a sensor's alert: it can only be raised"}}
	}
	if m.in.Severity == string(rules.SeverityA) {
		if !m.who.may(auth.Dispatch) {
			return &Refusal{Text{"A 级只能由有分拨权限的人员下调", "class A is lowered by those alone who may dispatch"}}
		}
		if strings.TrimSpace(m.given.Note) == "" {
			return &Refusal{Text{"下调 A 级请写明原因", "say why it is not class A"}}
		}
	}
	m.in.Severity, m.in.Graded = st.Severity, m.now
	if m.in.Detail.Severity != "" && m.in.Source != FromSensor {
		m.in.Detail.Severity = st.Severity
	}
	return m.s.takeLimit(m.ctx, m.tx, m.in, m.now)
}

// assign hands an incident to somebody, who must begin anew.
func (m *move) assign(st *Step) error {
	in := m.in
	if st.Assignee == nil {
		return &Refusal{Text{"请选择分拨给谁", "say to whom"}}
	}
	to, err := m.s.assignee(m.ctx, m.tx, in, *st.Assignee, m.who)
	if err != nil {
		return err
	}
	in.Assignee, st.Assignee = &to, &to
	in.TakenBy, in.TakenAt, in.FinishedBy, in.FinishedAt, in.Disputed = "", 0, "", 0, false
	return nil
}

// resume ends a pause: the limits are as far away as they were when it began.
func (in *Incident) resume(now int64) {
	pause := now - in.SuspendedAt
	if in.StepDue > 0 {
		in.StepDue += pause
	}
	if in.Deadline > 0 {
		in.Deadline += pause
	}
	in.Graded += pause
	in.SuspendedAt, in.SuspendedUntil = 0, 0
}

// closing is the line of the timeline that ends the work.
func (m *move) closing() Text {
	o := outcomeText(m.in.Outcome)
	t := Text{"结果：" + o.ZH, "Outcome: " + o.EN}
	if m.in.Condition == Active {
		t.ZH, t.EN = t.ZH+"（告警未恢复）", t.EN+" (still active)"
	}
	if n := m.given.Note; n != "" {
		t.ZH, t.EN = t.ZH+"。"+n, t.EN+". "+n
	}
	return t
}

// possible refuses a deed that does not fit the incident as it is.
func (m *move) possible(t Transition) error {
	if r := m.in.refused(t, m.who, m.s.clock); r != nil {
		return r
	}
	switch t.Deed {
	case Close:
		if m.in.Condition == Active && !m.given.EvenActive {
			return &Refusal{Text{"告警仍在持续；确认现场安全后，勾选“仍要办结”并写明原因", "the condition is still active; to close it all the same, say so and give the reason"}}
		}
		if m.in.Condition == Active && m.given.Note == "" {
			return &Refusal{Text{"告警仍在持续，办结必须写明原因", "the condition is still active: closing needs a note"}}
		}
	case Reject:
		if m.in.Condition == Active && !m.given.EvenActive {
			return &Refusal{Text{"告警仍在持续；确认现场安全后，勾选“仍要办结”并写明原因", "the condition is still active; to reject it all the same, say so and give the reason"}}
		}
	}
	if t.Deed == Suspend && (m.given.Until <= m.now || m.given.Until > m.now+longestPause.Milliseconds()) {
		return &Refusal{Text{"挂起到期时间须在现在之后、30 天以内", "it is put off until a time from now on, within 30 days"}}
	}
	if t.Deed == Blow && m.given.Whistle <= m.in.Whistle {
		w := Whistle(m.in.Whistle)
		return &Refusal{Text{"已经是" + w.ZH + "，只能吹更高一级", "it is at the " + w.EN + " already: only a higher one can be blown"}}
	}
	if t.Deed == Check || t.Deed == Close && m.in.Step == InProgress {
		return m.s.checkable(m.ctx, m.tx, m.in, m.who)
	}
	return nil
}

// refused says why a deed is not possible, from the incident alone; nil when it is.
func (in *Incident) refused(t Transition, who Person, clock func(int64) string) *Refusal {
	if r := in.short(t.Deed, clock); r != nil {
		return r
	}
	if !slices.Contains(t.From, in.Step) {
		return in.wrong(t)
	}
	switch {
	case (t.Deed == Check || t.Deed == Rework && in.Step == InProgress) && in.FinishedAt == 0:
		return &Refusal{Text{"处置人还没有报“处置完毕”，不能核查", "who handles it has not said yet that it is done"}}
	case t.Deed == Finish && in.FinishedAt > 0:
		return refusedAt(in.FinishedBy, clock(in.FinishedAt), "%s 已于 %s 报处置完毕，等待核查", "%s has said at %s that it is done; it waits for the check")
	case t.Deed == Suspend && in.SuspendedAt > 0:
		return &Refusal{Text{"已经挂起，先恢复办理", "it is put off already: resume it first"}}
	case t.Deed == Suspend && in.Severity == string(rules.SeverityA) && in.Condition == Active:
		return &Refusal{Text{"A 级告警仍在持续，不能挂起", "an active alert of class A cannot be put off"}}
	case t.Deed == Resume && in.SuspendedAt == 0:
		return &Refusal{Text{"没有挂起，不需要恢复", "it is not put off"}}
	case t.Deed == Dispute && in.Disputed:
		return &Refusal{Text{"已经申请退单，等待处理", "it is disputed already"}}
	case t.Deed == Uphold && !in.Disputed:
		return &Refusal{Text{"没有人申请退单", "nobody disputes it"}}
	case t.Deed == Blow && in.Whistle == mostRung:
		return &Refusal{Text{"已经是攻坚哨", "it is at the last whistle already"}}
	case t.Deed == Rate && !who.Caller && (in.Reporter == "" || in.Reporter != who.Name):
		return &Refusal{Text{"只有上报人或持评价链接的居民可以评价", "only who reported it, or the holder of a link to rate it, can rate it"}}
	case (t.Deed == Take || t.Deed == Begin) && in.Step == Dispatched && in.others(who):
		return &Refusal{Text{"已分拨给 " + in.Assignee.Name + "，如需换人请联系分拨人转派", "it is dispatched to " + in.Assignee.Name + ": ask who dispatches to reassign it"}}
	}
	return nil
}

// others says that an incident was dispatched to another person. A danger of class A everybody who may can take over.
func (in *Incident) others(who Person) bool {
	return in.Assignee != nil && in.Assignee.Kind == "person" && in.Assignee.ID != who.Name && in.Severity != string(rules.SeverityA) && !who.may(auth.Dispatch)
}

// short refuses the two short ways in the words that everybody knows.
func (in *Incident) short(deed string, clock func(int64) string) *Refusal {
	switch {
	case (deed == Close || deed == Take || deed == Begin || deed == Reject) && in.Handling == Closed:
		return refusedAt(in.ClosedBy, clock(in.ClosedAt), "已由 %s 于 %s 办结", "already closed by %s at %s")
	case (deed == Take || deed == Begin) && in.Handling == Handling:
		return refusedAt(in.TakenBy, clock(in.TakenAt), "已由 %s 于 %s 接警", "already taken by %s at %s")
	case deed == Close && in.Handling == Open:
		return &Refusal{Text{"还没有人接警，请先接警再办结", "nobody has taken it yet: take it first"}}
	}
	return nil
}

func refusedAt(who, clock, zh, en string) *Refusal {
	return &Refusal{Text{fmt.Sprintf(zh, who, clock), fmt.Sprintf(en, who, clock)}}
}
