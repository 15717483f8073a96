package incident

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
)

// Kinds of changes by deeds, beside opened, taken and closed.
const (
	KindAssigned  = "assigned"
	KindUrged     = "urged"
	KindWhistle   = "whistle"
	KindFinished  = "finished"
	KindRework    = "rework"
	KindDisputed  = "disputed"
	KindSuspended = "suspended"
	KindResumed   = "resumed"
	KindLate      = "late"
	KindStep      = "step"
)

// Asks says whether a change asks people to act, so that robots in people's groups tell of it.
func Asks(kind string) bool {
	return slices.Contains([]string{KindOpened, KindSeverity, KindOverdue, KindAssigned, KindUrged, KindWhistle, KindRework, KindDisputed, KindLate}, kind)
}

// told is what others hear of a deed.
func told(deed string) string {
	switch deed {
	case Take, Begin:
		return KindTaken
	case Close, Reject:
		return KindClosed
	case Dispatch, Assign:
		return KindAssigned
	case Urge:
		return KindUrged
	case Blow:
		return KindWhistle
	case Finish:
		return KindFinished
	case Rework:
		return KindRework
	case Dispute:
		return KindDisputed
	case Suspend:
		return KindSuspended
	case Resume:
		return KindResumed
	}
	return KindStep
}

// of keeps of what was given what belongs to a deed: a note, photos and values to each, the rest to those that ask for it.
func (g Given) of(t Transition) Given {
	f := g.Facts
	g.Facts = Facts{Measured: f.Measured}
	for _, need := range t.Needs {
		switch need {
		case NeedsTo:
			g.Assignee = f.Assignee
		case NeedsUntil:
			g.Until = f.Until
		case NeedsWhistle:
			g.Whistle = f.Whistle
		case NeedsOutcome:
			g.Outcome = f.Outcome
		case NeedsRating:
			g.Rating = f.Rating
		}
	}
	if t.Deed == Verify || t.Deed == Accept {
		g.Severity = f.Severity
	}
	return g
}

// given refuses a deed without what it needs.
func given(t Transition, g Given) error {
	missing := func(need string) bool {
		switch need {
		case NeedsNote:
			return strings.TrimSpace(g.Note) == ""
		case NeedsEvidence:
			return strings.TrimSpace(g.Note) == "" && len(g.Photos) == 0 && len(g.Measured) == 0
		case NeedsTo:
			return g.Assignee == nil
		case NeedsUntil:
			return g.Until == 0
		case NeedsWhistle:
			return g.Whistle == 0
		case NeedsOutcome:
			return g.Outcome == ""
		}
		return g.Rating == 0
	}
	for _, need := range t.Needs {
		if missing(need) {
			w := needText(need)
			return &Refusal{Text{"“" + t.Text.ZH + "”需要" + w.ZH, "“" + t.Text.EN + "” needs " + w.EN}}
		}
	}
	for _, v := range g.Measured {
		if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
			return &Refusal{Text{"测得的数值无效", "a measured value is no number"}}
		}
	}
	return nil
}

func needText(need string) Text {
	switch need {
	case NeedsNote:
		return Text{"写明原因或情况", "a note"}
	case NeedsEvidence:
		return Text{"现场情况：文字、照片或实测值至少一项", "evidence: a note, a photo or a measured value"}
	case NeedsTo:
		return Text{"选择交给谁", "somebody to go on with it"}
	case NeedsUntil:
		return Text{"写明到什么时候", "a time until when"}
	case NeedsWhistle:
		return Text{"选择哨级", "the whistle"}
	case NeedsOutcome:
		return Text{"选择结果", "an outcome"}
	}
	return Text{"评分", "a rating"}
}

// wrong refuses a deed at the wrong step, and says what is possible there.
func (in *Incident) wrong(t Transition) *Refusal {
	at := StepText(in.Step)
	var zh, en []string
	for _, p := range Transitions() {
		if slices.Contains(p.From, in.Step) && p.Deed != Remark {
			zh, en = append(zh, p.Text.ZH), append(en, p.Text.EN)
		}
	}
	r := Text{"现在是“" + at.ZH + "”，不能“" + t.Text.ZH + "”", "it is " + at.EN + " now, so “" + t.Text.EN + "” is not possible"}
	if len(zh) > 0 {
		r.ZH, r.EN = r.ZH+"；现在可以："+strings.Join(zh, "、"), r.EN+"; possible now: "+strings.Join(en, ", ")
	}
	return &Refusal{r}
}

// A Next is a deed that the caller can do now.
type Next struct {
	Deed  string   `json:"deed" doc:"the last part of the operation's path"`
	Text  Text     `json:"text"`
	To    string   `json:"to,omitempty" doc:"the step that it leads to; absent: it stays"`
	Needs []string `json:"needs,omitempty" doc:"what must be given with it"`
}

// Next answers what a person can do with an incident now.
func (s *Service) Next(ctx context.Context, q db.Querier, in Incident, who Person) ([]Next, error) {
	out := []Next{}
	for _, t := range Transitions() {
		if !who.may(t.Right) || in.refused(t, who, s.clock) != nil {
			continue
		}
		if t.Deed == Check || t.Deed == Close && in.Step == InProgress {
			r, err := s.unchecked(ctx, q, &in, who)
			if err != nil {
				return nil, err
			}
			if r != nil {
				continue
			}
		}
		out = append(out, Next{t.Deed, t.Text, t.To, t.Needs})
	}
	return out, nil
}
