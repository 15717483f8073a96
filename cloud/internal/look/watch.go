package look

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// A Viewer is who comes for the pictures of a look.
type Viewer struct {
	Gateway, Device, Look, Who string
	Ask                        *wire.Ask                       // as in the Wish
	May                        func(ctx context.Context) error // whether the person still may, asked again and again; an error ends the look
}

// errWithdrawn: the person may not look any more.
var errWithdrawn = errors.New("the right to look was withdrawn")

// Watch passes on what a look shows, whole fragments of an MP4, until its minute is over, ctx ends, the person may not look any
// more or the camera has nothing to show; why says which. Only who opened it may, once. The context of write ends with the look:
// a write that waits must then be given up. The first error of write ends it. The error is ErrUnknown or a *Refusal, or one of SQL.
func (s *Service) Watch(ctx context.Context, v Viewer, write func(context.Context, []byte) error) (why string, err error) {
	l, online, err := s.claim(ctx, v)
	if err != nil {
		return "", err
	}
	if !online {
		return "", errors.Join(s.ended(context.WithoutCancel(ctx), l, "offline", 0, 0), offline())
	}
	s.set(l, true)
	began, passed := time.Now(), int64(0)
	if why = s.learn(ctx, l); why == "" {
		why, passed = s.show(ctx, l, v, write)
		l.close()
		s.tell(l)
	}
	s.set(l, false)
	s.count.WithLabelValues(why).Inc()
	s.cfg.Log.Info("look is over", "gateway", l.Gateway, "about", l.about, "device", l.Device, "who", l.Who, "why", why, "bytes", passed)
	return why, s.ended(context.WithoutCancel(ctx), l, why, time.Since(began), passed)
}

// claim takes a look for the one who opened it.
func (s *Service) claim(ctx context.Context, v Viewer) (l *look, online bool, err error) {
	now := s.cfg.Now()
	l = &look{id: v.Look, Wish: Wish{Gateway: v.Gateway, Device: v.Device, Who: v.Who, Ask: v.Ask}, about: aboutOf(v.Ask), changed: make(chan struct{})}
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		contact, known, err := org.ContactOf(ctx, tx, v.Gateway)
		if err != nil {
			return err
		}
		l.session, online = contact.Session, known && contact.Online
		ours, err := db.Changed(tx.ExecContext(ctx, `UPDATE looks SET state = 'shown', until = ?, session = ? WHERE id = ? AND gateway = ? AND device = ? AND who = ? AND about = ? AND state = 'open' AND until > ?`,
			now.Add(wire.LookTime+learnTime+restTime).UnixMilli(), int64(contact.Session), v.Look, v.Gateway, v.Device, v.Who, l.about, now.UnixMilli()))
		if err != nil {
			return fmt.Errorf("show look: %w", err)
		}
		if !ours {
			return ErrUnknown
		}
		return tx.QueryRowContext(ctx, `SELECT site, reason FROM looks WHERE id = ?`, v.Look).Scan(&l.site, &l.Reason)
	})
	return l, online, err
}

// show passes units on until the look is over, and says why it is.
func (s *Service) show(ctx context.Context, l *look, v Viewer, write func(context.Context, []byte) error) (why string, passed int64) {
	limited, stop := context.WithTimeout(ctx, wire.LookTime)
	defer stop()
	inner, cancel := context.WithCancelCause(limited)
	var keeping sync.WaitGroup
	defer keeping.Wait()
	defer cancel(nil)
	s.tell(l)
	keeping.Go(func() { s.keep(inner, l, v, cancel) })
	for {
		data, over, changed, ask := l.next()
		if len(data) > 0 {
			if err := write(inner, data); errors.Is(err, errAnswered) {
				return "answered", int64(len(data))
			} else if err != nil {
				return ending(inner), passed
			}
			passed += int64(len(data))
			s.bytes.Add(float64(len(data)))
		}
		switch {
		case inner.Err() != nil: // also when there is more to show
			return ending(inner), passed
		case ask:
			s.tell(l)
			continue
		case len(data) > 0:
			continue
		case over != "":
			return over, passed
		}
		select {
		case <-inner.Done():
		case <-changed:
		}
	}
}

// ending is why a look's context is over.
func ending(ctx context.Context) string {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errWithdrawn):
		return "withdrawn"
	case errors.Is(cause, context.DeadlineExceeded):
		return "time"
	}
	return "left"
}

// keep tells the gateway again and again that somebody looks, as long as the person may.
func (s *Service) keep(ctx context.Context, l *look, v Viewer, end context.CancelCauseFunc) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := v.May(ctx); err != nil { // whatever it is: who cannot be asked for does not look
			if ctx.Err() == nil {
				s.cfg.Log.Warn("look ends: the person may not look now", "gateway", l.Gateway, "about", l.about, "device", l.Device, "who", l.Who, "err", err)
			}
			end(errWithdrawn)
			return
		}
		s.tell(l)
	}
}

// tell says to the gateway how the look stands.
func (s *Service) tell(l *look) {
	payload, err := wire.Sign(s.cfg.Key, &wire.Down{Gateway: l.Gateway, Kind: &wire.Down_Look{Look: l.word()}})
	if err != nil {
		s.cfg.Log.Error("look not told", "err", err)
		return
	}
	s.cfg.Publish(l.Gateway, payload)
}

const endTime = 10 * time.Second // for SQL, after the person has gone

// ended notes how a look ended.
func (s *Service) ended(ctx context.Context, l *look, why string, after time.Duration, passed int64) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error { return s.end(ctx, tx, l, why, after, passed) })
}

// end notes it once, whoever does.
func (s *Service) end(ctx context.Context, tx *sql.Tx, l *look, why string, after time.Duration, passed int64) error {
	ours, err := db.Changed(tx.ExecContext(ctx, `UPDATE looks SET state = 'over', why = ?, until = ? WHERE id = ? AND state IN ('open', 'shown')`, why, s.cfg.Now().UnixMilli(), l.id))
	if err != nil || !ours || l.about != aboutCamera { // of a question the audit has enough by its beginning
		return err
	}
	seconds := strconv.FormatFloat(after.Seconds(), 'f', 1, 64)
	e := audit.Entry{At: s.cfg.Now(), Act: "camera.end", Kind: "device", About: l.Gateway + "/" + l.Device, Site: l.site,
		Text:   rules.Text{ZH: fmt.Sprintf("实时查看结束：%s 秒，%d 字节（%s）", seconds, passed, reasonZH(why)), EN: fmt.Sprintf("The live look is over: %s s, %d bytes (%s)", seconds, passed, why)},
		Detail: map[string]string{"look": l.id, "gateway": l.Gateway, "device": l.Device, "why": why, "seconds": seconds, "bytes": strconv.FormatInt(passed, 10)}}
	if e.Person = audit.Who(ctx); e.Person == (audit.Person{}) {
		e.Name = l.Who
	}
	return audit.Add(ctx, tx, e)
}

// reasonZH says why a look is over.
func reasonZH(why string) string {
	switch why {
	case "time":
		return "时间到"
	case "left":
		return "查看的人关闭了"
	case "withdrawn":
		return "权限已收回"
	case "unclaimed":
		return "没有人来看"
	case "offline", "soon":
		return "网关没有连上"
	case "stopped":
		return "连接中断"
	case "lost":
		return "云端中断"
	}
	return "没有画面"
}
