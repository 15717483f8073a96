package incident

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/rules"
)

// A Person does something. Rights are those that the person holds at the incident's place; whoever asks the service has
// seen to it that the deed's own right is among them.
type Person struct {
	Name   string
	Rights []auth.Right
	Caller bool // came by a link to rate the incident
}

func (p Person) may(r auth.Right) bool { return slices.Contains(p.Rights, r) }

// Given is what comes with a deed.
type Given struct {
	Note       string
	Photos     []string // ids of photos that were uploaded before
	EvenActive bool     // close although the condition is still active; needs a note
	Key        string   // made by who sends it, another one for each deed: the same deed sent again is not done again; empty: none
	Facts
}

// A move is deeds on one incident within a transaction.
type move struct {
	s     *Service
	ctx   context.Context
	tx    *sql.Tx
	in    *Incident
	now   int64
	who   Person
	given Given
	last  int // number of the deed that was kept last
}

// Do does a deed, in one transaction with what others are told of it. What is not possible now is a *Refusal that says why,
// and what is.
func (s *Service) Do(ctx context.Context, id, deed string, who Person, g Given) error {
	t, ok := transition(deed)
	if !ok {
		return fmt.Errorf("deed %q is not known", deed)
	}
	g = g.of(t)
	if err := given(t, g); err != nil && t.Deed != Close { // closing says first what else is in its way
		return err
	}
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		in, err := Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if again, err := sentBefore(ctx, tx, id, who.Name, g.Key); again || err != nil {
			return err
		}
		was := in
		m := &move{s: s, ctx: ctx, tx: tx, in: &in, now: max(s.cfg.Now().UnixMilli(), in.StepAt), who: who, given: g}
		if err := m.possible(t); err != nil {
			return err
		}
		if err := given(t, g); err != nil {
			return err
		}
		kind, err := m.run(t)
		if err != nil {
			return err
		}
		if err := m.keepKey(); err != nil {
			return err
		}
		if err := save(ctx, tx, in); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, in, kind); err != nil {
			return err
		}
		return audit.Add(ctx, tx, m.entry(t, was))
	})
}

// entry is the deed's line in the audit log.
func (m *move) entry(t Transition, was Incident) audit.Entry {
	detail := map[string]string{"was": was.Step, "now": m.in.Step}
	for key, value := range map[string]string{"note": m.given.Note, "outcome": m.given.Outcome, "severity": m.given.Severity, "photos": strings.Join(m.given.Photos, " ")} {
		if value != "" {
			detail[key] = value
		}
	}
	if a := m.given.Assignee; a != nil {
		detail["to"] = a.Kind + " " + a.ID
	}
	return audit.Entry{Act: "incident." + t.Deed, Kind: "incident", About: m.in.ID, Site: m.in.Site, Node: m.in.Node, At: time.UnixMilli(m.now), Text: rules.Text(t.Text), Detail: detail}
}

// run does what a deed consists of, one line of evidence for each part, and one line of the timeline for all.
func (m *move) run(t Transition) (string, error) {
	if m.in.SuspendedAt > 0 && t.resumes() {
		if err := m.one(Resume, Step{}); err != nil {
			return "", err
		}
	}
	entry, err := m.perform(t)
	if err != nil {
		return "", err
	}
	if err := m.link(); err != nil {
		return "", err
	}
	if entry.Text == (Text{}) {
		entry.Text = m.sentence(doneText(t))
	}
	if entry.Kind == "" {
		entry.Kind = "step"
	}
	entry.At, entry.By = m.now, m.who.Name
	return told(t.Deed), addEntry(m.ctx, m.tx, m.in.ID, entry)
}

// parts are what a short way consists of, from where the incident is: taking it verifies, accepts, dispatches to oneself and
// begins; rejecting it verifies first; closing it at once says that it is done, and checks it.
func (m *move) parts(deed string) []string {
	switch {
	case deed == Take:
		whole := []string{Verify, Accept, Dispatch, Begin}
		return whole[slices.Index([]string{Reported, Verified, Accepted, Dispatched}, m.in.Step):]
	case deed == Reject && m.in.Step == Reported:
		return []string{Verify, Reject}
	case deed == Close && m.in.Step == InProgress && m.in.FinishedAt == 0:
		return []string{Finish, Check, Close}
	case deed == Close && m.in.Step == InProgress:
		return []string{Check, Close}
	}
	return []string{deed}
}

// one keeps one part of a deed and moves the incident.
func (m *move) one(deed string, st Step) error {
	t, _ := transition(deed)
	st.Deed, st.From, st.To, st.At, st.By = deed, m.in.Step, m.in.Step, m.now, m.who.Name
	moves := t.To != "" || deed == Finish
	if moves {
		st.Due, st.Late = m.in.StepDue, m.in.StepDue > 0 && m.now > m.in.StepDue
	}
	if t.To != "" {
		st.To = t.To
	}
	if err := m.effect(deed, &st); err != nil {
		return err
	}
	m.in.Step, m.in.Handling = st.To, handlingOf(st.To)
	if moves {
		m.in.StepAt = m.now
		if err := m.s.limit(m.ctx, m.tx, m.in, m.now); err != nil {
			return err
		}
	}
	if deed == Assign {
		m.in.Deadline = m.in.StepDue
	}
	var err error
	m.last, err = record(m.ctx, m.tx, m.in, st)
	return err
}

// sentence is a deed's line in the timeline.
func (m *move) sentence(t Text) Text {
	f := m.given.Facts
	var zh, en []string
	add := func(t Text) { zh, en = append(zh, t.ZH), append(en, t.EN) }
	if f.Severity != "" {
		add(Text{"定为 " + f.Severity + " 级", "class " + f.Severity})
	}
	if f.Assignee != nil {
		add(Text{"交 " + m.in.Assignee.Name, "to " + m.in.Assignee.Name})
	}
	if f.Whistle > 0 {
		add(Whistle(f.Whistle))
	}
	if f.Until > 0 {
		clock := time.UnixMilli(f.Until).In(m.s.cfg.Zone).Format("01-02 15:04")
		add(Text{"至 " + clock, "until " + clock})
	}
	if f.Rating > 0 {
		add(Text{fmt.Sprintf("%d 分", f.Rating), fmt.Sprintf("%d of 5", f.Rating)})
	}
	for _, v := range f.Measured {
		a := amount("", v.Value, v.Unit)
		add(Text{v.Name + " " + a.ZH, v.Name + " " + a.EN})
	}
	if m.given.Note != "" {
		add(Text{m.given.Note, m.given.Note})
	}
	if n := len(m.given.Photos); n > 0 {
		add(Text{fmt.Sprintf("照片 %d 张", n), fmt.Sprintf("%d photos", n)})
	}
	if len(zh) > 0 {
		t = Text{t.ZH + "：" + strings.Join(zh, "，"), t.EN + ": " + strings.Join(en, ", ")}
	}
	return t
}
