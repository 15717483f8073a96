package ingest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

const (
	grace      = 10 * time.Second  // after a hello messages of the session before may still arrive: they were under way
	tellFenced = 10 * time.Second  // at most so often a fenced session is told
	fenceRest  = 5 * time.Minute   // that it is asked for
	alive      = 150 * time.Second // the newest session has the name for so long after its last message
	maxFenced  = 10_000
)

type fenced struct {
	gateway string
	session uint64
}

// fence refuses what a session sends that is not the newest one: an old connection, or, when it still speaks after the
// grace, a second gateway with the name. Then it is told, in words that acknowledge nothing new, to rest; or, when no hello
// is known at all, to say it.
func (s *Service) fence(ctx context.Context, gateway string, c org.Contact, session uint64, acks ...*wire.Ack) ([]Reply, error) {
	now := s.cfg.Now()
	key := fenced{gateway, session}
	s.mu.Lock()
	last, told := s.fenced[key]
	quiet := now.Sub(s.met[gateway]) <= grace || (told && now.Sub(last) < tellFenced)
	if len(s.fenced) > maxFenced {
		clear(s.fenced)
	}
	if !quiet {
		s.fenced[key] = now
	}
	s.mu.Unlock()
	if _, err := s.refuse(gateway, "fenced", fmt.Errorf("session %x", session)); quiet || err != nil {
		return nil, err
	}
	rest := fenceRest
	if c.Session == 0 { // not a second gateway: the database is another one, and lacks the hello
		rest = jitter(leastLater)
	} else if !told {
		var fresh bool
		err := s.update(ctx, gateway, 1, func(ctx context.Context, tx *sql.Tx) (err error) {
			fresh, err = org.NoteOnce(ctx, tx, org.Entry{At: now, Gateway: gateway, Kind: org.SecondTwin, Text: rules.Text{
				ZH: fmt.Sprintf("收到旧会话 %x 的数据，已拒收（现会话 %x）：可能有两台网关使用同一身份", session, c.Session),
				EN: fmt.Sprintf("data of the older session %x was refused, the present one is %x: two gateways may share this identity", session, c.Session)}})
			return err
		})
		if err != nil {
			return nil, err
		}
		if fresh {
			s.cfg.Log.Warn("message of an older session refused", "gateway", gateway, "session", fmt.Sprintf("%x", session))
		}
	}
	for _, a := range acks {
		cum, err := inbox.Cum(ctx, s.cfg.DB.Reader(), inbox.Cursor{Gateway: gateway, Stream: a.GetStream(), Epoch: a.GetEpoch()})
		if err != nil {
			return nil, err
		}
		a.Session, a.Cum, a.Credit, a.RetryAfterMs, a.TimeMs = session, min(a.GetCum(), cum), 0, uint32(rest.Milliseconds()), now.UnixMilli()
	}
	return encode(gateway, acks)
}

// A leaseError: another worker has the gateway now. Its messages are that worker's; here they are dropped.
type leaseError struct{ why error }

func (e *leaseError) Error() string { return "gateway of another worker: " + e.why.Error() }

// Unwrap implements errors' interface.
func (e *leaseError) Unwrap() error { return e.why }

func elsewhere(err error) bool {
	var e *leaseError
	return errors.As(err, &e)
}
