package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A Notifier hears of every change inside the transaction that makes it, and queues what must be told to whom.
type Notifier interface {
	Enqueue(ctx context.Context, tx *sql.Tx, in Incident, kind string) error
}

// Config is what a Service needs.
type Config struct {
	DB       *db.DB
	Notifier Notifier
	Now      func() time.Time
	Zone     *time.Location // of sentences, and of incident numbers of sites that tell no zone of their own
}

// A Service owns the incidents.
type Service struct{ cfg Config }

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg} }

// ErrUnknown: there is no such incident.
var ErrUnknown = errors.New("unknown incident")

// A Person does something.
type Person struct{ Name string }

// Take (接警) makes a person answer for an open incident. The wrong state is a *Refusal.
func (s *Service) Take(ctx context.Context, id string, who Person) error {
	return s.step(ctx, id, func(tx *sql.Tx, in *Incident, now time.Time) (string, error) {
		switch in.Handling {
		case Handling:
			return "", s.refuse(in.TakenBy, in.TakenAt, "已由 %s 于 %s 接警", "already taken by %s at %s")
		case Closed:
			return "", s.refuse(in.ClosedBy, in.ClosedAt, "已由 %s 于 %s 办结", "already closed by %s at %s")
		}
		in.Handling, in.TakenBy, in.TakenAt = Handling, who.Name, now.UnixMilli()
		return KindTaken, addEntry(ctx, tx, in.ID, Entry{now.UnixMilli(), "taken", Text{"由 " + who.Name + " 处理", "In the hands of " + who.Name}, who.Name})
	})
}

// A Closing says how an incident ended.
type Closing struct {
	Outcome    string // real, false_alarm, drill, device_fault
	Note       string
	EvenActive bool // close although the condition is still active; needs a note
}

func outcomeText(o string) Text {
	switch o {
	case "real":
		return Text{"真实", "real"}
	case "false_alarm":
		return Text{"误报", "false alarm"}
	case "drill":
		return Text{"演练", "drill"}
	}
	return Text{"设备故障", "device fault"}
}

// Close (办结) ends the handling of an incident that somebody has taken.
func (s *Service) Close(ctx context.Context, id string, who Person, c Closing) error {
	return s.step(ctx, id, func(tx *sql.Tx, in *Incident, now time.Time) (string, error) {
		switch {
		case in.Handling == Closed:
			return "", s.refuse(in.ClosedBy, in.ClosedAt, "已由 %s 于 %s 办结", "already closed by %s at %s")
		case in.Handling == Open:
			return "", &Refusal{Text{"还没有人接警，请先接警再办结", "nobody has taken it yet: take it first"}}
		case in.Condition == Active && !c.EvenActive:
			return "", &Refusal{Text{"告警仍在持续；确认现场安全后，勾选“仍要办结”并写明原因", "the condition is still active; to close it all the same, say so and give the reason"}}
		case in.Condition == Active && c.Note == "":
			return "", &Refusal{Text{"告警仍在持续，办结必须写明原因", "the condition is still active: closing needs a note"}}
		}
		in.Handling, in.ClosedBy, in.ClosedAt, in.Outcome = Closed, who.Name, now.UnixMilli(), c.Outcome
		o := outcomeText(c.Outcome)
		t := Text{"结果：" + o.ZH, "Outcome: " + o.EN}
		if in.Condition == Active {
			t.ZH, t.EN = t.ZH+"（告警未恢复）", t.EN+" (still active)"
		}
		if c.Note != "" {
			t.ZH, t.EN = t.ZH+"。"+c.Note, t.EN+". "+c.Note
		}
		return KindClosed, addEntry(ctx, tx, in.ID, Entry{now.UnixMilli(), "closed", t, who.Name})
	})
}

func (s *Service) refuse(who string, at int64, zh, en string) *Refusal {
	clock := time.UnixMilli(at).In(s.cfg.Zone).Format("15:04")
	return &Refusal{Text{fmt.Sprintf(zh, who, clock), fmt.Sprintf(en, who, clock)}}
}

// step changes one incident in one transaction and tells of it.
func (s *Service) step(ctx context.Context, id string, change func(*sql.Tx, *Incident, time.Time) (string, error)) error {
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		in, err := Get(ctx, tx, id)
		if err != nil {
			return err
		}
		kind, err := change(tx, &in, s.cfg.Now())
		if err != nil {
			return err
		}
		if err := save(ctx, tx, in); err != nil {
			return err
		}
		return s.tell(ctx, tx, in, kind)
	})
}

func (s *Service) tell(ctx context.Context, tx *sql.Tx, in Incident, kind string) error {
	if in.Shadow || in.Shelved && !in.Detail.Told || s.cfg.Notifier == nil {
		return nil
	}
	return s.cfg.Notifier.Enqueue(ctx, tx, in, kind)
}

// Notified adds to the timeline that a receiver was told, inside the transaction that marks the message as sent.
func Notified(ctx context.Context, tx *sql.Tx, id, receiver string, at time.Time) error {
	return addEntry(ctx, tx, id, Entry{at.UnixMilli(), "notified", Text{"已通知:" + receiver, "Told " + receiver}, ""})
}
