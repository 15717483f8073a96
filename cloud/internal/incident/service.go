package incident

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
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
	Merging  Merging
	Now      func() time.Time
	Zone     *time.Location // of sentences, and of incident numbers of sites that tell no zone of their own

	Limits   Limits           // of the steps
	Check    []string         // classes that another person checks, where there is one who may
	Whistles map[int][]string // whistle → kinds of the nodes that answer for it; none: the nearest node
	// Holders answers the accounts that hold a right at a place, which is the nodes from the root to it; nil: none is known.
	Holders   func(ctx context.Context, q db.Querier, r auth.Right, nodes []string) ([]auth.User, error)
	Emergency func(ctx context.Context, q db.Querier, site string) (bool, error) // says whether a site is in 急 mode; nil: never
	Quiet     func(ctx context.Context, q db.Querier, of Place) (Hush, error)    // says whether alerts of a device are quiet now; nil: never
}

// A Service owns the incidents.
type Service struct{ cfg Config }

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg} }

// ErrUnknown: there is no such incident.
var ErrUnknown = errors.New("unknown incident")

// Take (接警) makes a person answer for an open incident: it verifies, accepts, dispatches to oneself and begins. The wrong
// state is a *Refusal.
func (s *Service) Take(ctx context.Context, id string, who Person) error {
	return s.Do(ctx, id, Take, who, Given{})
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

// Close (办结) ends the handling of an incident that somebody has taken: with it, it is said that the handling is done and,
// where the class does not ask for another person, it is checked.
func (s *Service) Close(ctx context.Context, id string, who Person, c Closing) error {
	return s.Do(ctx, id, Close, who, Given{Note: c.Note, EvenActive: c.EvenActive, Facts: Facts{Outcome: c.Outcome}})
}

func (s *Service) tell(ctx context.Context, tx *sql.Tx, in Incident, kind string) error {
	if in.Shadow || in.Shelved && !in.Detail.Told || s.cfg.Notifier == nil {
		return nil
	}
	return s.cfg.Notifier.Enqueue(ctx, tx, in, kind)
}

// Notified adds to the timeline that a receiver was told, inside the transaction that marks the message as sent.
func Notified(ctx context.Context, tx *sql.Tx, id, receiver string, at time.Time) error {
	return addEntry(ctx, tx, id, Entry{at.UnixMilli(), "notified", Text{"已通知：" + receiver, "Told " + receiver}, ""})
}
