// Package look opens a camera of a site for a person of the street, for a minute at most: the gateway is asked, signed and for its
// present session, and sends what the camera shows as it comes. Pieces are held only until the person's connection has taken
// them; the gateway is told how far that is and sends no faster. A look is opened and shown by any process of the cloud: what
// they must agree on is in SQL. Nothing of the pictures is kept. That somebody looks, was refused, and how it ended is in the audit.
package look

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

const kindCamera = "camera"

// Limits of people.
const (
	attachTime = 15 * time.Second // from the request to the one who looks
	restTime   = 5 * time.Second  // between two looks of one person, and at one gateway
	hourMost   = 30               // of one person, tries too, and at one gateway, in an hour
	refuseRest = time.Minute      // between two lines of the audit about one person who goes on trying
	tellEvery  = 2 * time.Second  // to the gateway, when nothing else is to be said; and whether the person still may
	tellPieces = wire.LookWindow / wire.LookPiece / 4
	unitMost   = 8 << 20 // bytes that are held of one look
)

// States of a row.
const (
	isOpen    = "open"
	isShown   = "shown"
	isOver    = "over"
	isRefused = "refused"
)

// A Refusal says in people's words why no look is opened.
type Refusal struct {
	Code string // no_camera, offline, busy, rate, soon
	Text rules.Text
}

// Error implements error.
func (r *Refusal) Error() string { return r.Text.EN }

func refused(code, zh, en string) *Refusal { return &Refusal{code, rules.Text{ZH: zh, EN: en}} }

// ErrUnknown: there is no such look, or not any more, or it is another person's.
var ErrUnknown = errors.New("no such look")

// Config is what a Service needs.
type Config struct {
	DB  *db.DB
	Key ed25519.PrivateKey
	// Clock answers the gateway's monotonic clock in a session, as command.Config has it; only the process that has the gateway knows it.
	Clock    func(gateway string, session uint64) (mono uint64, boot uint32, ok bool)
	Watch    func(gateway string)                 // lets a gateway say soon how its clock stands
	Publish  func(gateway string, payload []byte) // to its down/command; it may get lost
	Shared   bool                                 // several processes have gateways: each tells the others its gateways' clocks
	Now      func() time.Time
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// A Service opens looks. It may be used by many goroutines.
type Service struct {
	cfg   Config
	count *prometheus.CounterVec
	bytes prometheus.Counter

	mu      sync.Mutex
	looks   map[string]*look // by id: those that this process shows
	changed chan struct{}    // closed when they are others
}

// New makes a service. Run starts what works behind it.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg, looks: map[string]*look{}, changed: make(chan struct{}),
		count: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_looks_total", Help: "Looks at cameras, by how they ended."}, []string{"why"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "linshao_look_bytes_total", Help: "Bytes of live pictures passed on to people."})}
	cfg.Registry.MustRegister(s.count, s.bytes)
	return s
}

// A Wish is what a person wants to see.
type Wish struct {
	Gateway, Device, Who, Reason string
	Ask                          *wire.Ask // instead of a camera's pictures; nil: those
}

// A Look is one that was opened.
type Look struct {
	ID      string `json:"id"`
	Gateway string `json:"gateway"`
	Device  string `json:"device"`
	Name    string `json:"name" doc:"of the camera, for people"`
	Seconds int    `json:"seconds" doc:"how long it is shown at most, from when its pictures are asked for"`
}

// Begin opens a look, whose pictures Watch passes on, and notes in the audit who wants it and why; also when it is refused. The
// error is a *Refusal, or org.ErrUnknown.
func (s *Service) Begin(ctx context.Context, w Wish) (Look, error) {
	now, id := s.cfg.Now(), "l"+strings.ToLower(rand.Text()[:20])
	var d org.Device
	var no *Refusal
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		if d, err = org.OneDevice(ctx, tx, w.Gateway, w.Device); err != nil {
			return err
		}
		if no, err = s.judge(ctx, tx, w, d, now); err != nil {
			return err
		}
		state, why, until := isOpen, "", now.Add(attachTime)
		if no != nil {
			if quiet, err := s.triedBefore(ctx, tx, w, no.Code, now); err != nil || quiet {
				return err
			}
			state, why, until = isRefused, no.Code, now
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO looks (id, gateway, device, site, who, reason, about, state, why, opened, until, session, boot, until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)`,
			id, w.Gateway, w.Device, d.Site, w.Who, w.Reason, aboutOf(w.Ask), state, why, now.UnixMilli(), until.UnixMilli()); err != nil {
			return fmt.Errorf("open look: %w", err)
		}
		return audit.Add(ctx, tx, begun(w, d, no, id, now))
	})
	switch {
	case err != nil:
		return Look{}, err
	case no != nil:
		s.count.WithLabelValues(no.Code).Inc()
		return Look{}, no
	}
	return Look{ID: id, Gateway: w.Gateway, Device: w.Device, Name: d.Name, Seconds: int(wire.LookTime.Seconds())}, nil
}

// begun is the line of the audit about a wish.
func begun(w Wish, d org.Device, no *Refusal, id string, now time.Time) audit.Entry {
	e := audit.Entry{At: now, Act: "camera.look", Kind: "device", About: w.Gateway + "/" + w.Device, Site: d.Site,
		Text:   rules.Text{ZH: "查看摄像头 " + d.Name + " 的实时画面。理由：" + w.Reason, EN: "Looks at camera " + d.Name + " live. Reason: " + w.Reason},
		Detail: map[string]string{"gateway": w.Gateway, "device": w.Device, "reason": w.Reason, "look": id}}
	if w.Ask != nil {
		delete(e.Detail, "reason")
		if e.Act, e.Text = asking(w, d); no != nil {
			e.Act, e.Detail["why"] = "gateway.refused", no.Code
			e.Text = rules.Text{ZH: e.Text.ZH + "，没有取到：" + no.Text.ZH, EN: e.Text.EN + ", and did not get it: " + no.Text.EN}
		}
		return e
	}
	if no != nil {
		e.Act, e.Detail["why"] = "camera.refused", no.Code
		e.Text = rules.Text{ZH: "想看摄像头 " + d.Name + " 的实时画面，没有打开：" + no.Text.ZH + "。理由：" + w.Reason,
			EN: "Wanted to look at camera " + d.Name + " live and could not: " + no.Text.EN + ". Reason: " + w.Reason}
	}
	return e
}

// judge says why a look may not be opened; nil: it may.
func (s *Service) judge(ctx context.Context, tx *sql.Tx, w Wish, d org.Device, now time.Time) (*Refusal, error) {
	if d.Kind != kindCamera && w.Ask == nil {
		return refused("no_camera", "该设备不是摄像头", "the device is no camera"), nil
	}
	var theirs, tries, at, pictures int
	var last int64
	if w.Ask == nil {
		pictures = 1
	}
	err := tx.QueryRowContext(ctx, `SELECT
		coalesce(sum(CASE WHEN who = ? AND why <> 'rate' THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN gateway = ? AND state <> 'refused' THEN 1 ELSE 0 END), 0),
		coalesce(max(CASE WHEN state <> 'refused' THEN opened ELSE 0 END), 0),
		coalesce(sum(CASE WHEN state IN ('open', 'shown') AND until > ? THEN CASE WHEN gateway = ? THEN 1000 ELSE 1 END ELSE 0 END), 0)
		FROM looks WHERE (who = ? OR gateway = ?) AND opened > ? AND CASE WHEN about = 'camera' THEN 1 ELSE 0 END = ?`,
		w.Who, w.Gateway, now.UnixMilli(), w.Gateway, w.Who, w.Gateway, now.Add(-time.Hour).UnixMilli(), pictures).Scan(&tries, &at, &last, &theirs)
	if err != nil {
		return nil, fmt.Errorf("look up who looks: %w", err)
	}
	if w.Ask != nil {
		if no := askLimits(d, tries, at, theirs); no != nil {
			return no, nil
		}
		return s.absent(ctx, tx, w)
	}
	switch {
	case tries >= hourMost || at >= hourMost:
		return refused("rate", "一小时内看得太多，请稍后再试", "too many looks within an hour: try again later"), nil
	case theirs >= 1000:
		return refused("busy", "已有人正在看该网关的摄像头，请稍候", "somebody looks at a camera of this gateway: wait a moment"), nil
	case theirs > 0:
		return refused("busy", "您正在看另一个摄像头，请先关闭", "you are looking at another camera: close it first"), nil
	case now.Sub(time.UnixMilli(last)) < restTime:
		return refused("rate", "刚刚看过，请几秒后再试", "the last look is only just over: try again in some seconds"), nil
	}
	return s.absent(ctx, tx, w)
}

// absent says that a gateway is not there; nil: it is.
func (s *Service) absent(ctx context.Context, tx *sql.Tx, w Wish) (*Refusal, error) {
	contact, known, err := org.ContactOf(ctx, tx, w.Gateway)
	if err != nil || known && contact.Online {
		return nil, err
	}
	if w.Ask != nil {
		return refused("offline", "网关不在线，问不到它；请联系现场", "the gateway is offline and cannot be asked; call the site"), nil
	}
	return offline(), nil
}

func offline() *Refusal {
	return refused("offline", "网关不在线，看不到画面；请联系现场", "the gateway is offline and shows nothing; call the site")
}

// triedBefore says whether the audit need not hear again that a person has tried: one who goes on trying must not fill it.
func (s *Service) triedBefore(ctx context.Context, tx *sql.Tx, w Wish, code string, now time.Time) (bool, error) {
	if code != "rate" {
		return false, nil // those are counted
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM looks WHERE who = ? AND why = 'rate' AND opened > ? AND about = ?`, w.Who, now.Add(-refuseRest).UnixMilli(), aboutOf(w.Ask)).Scan(&n); err != nil {
		return false, fmt.Errorf("look up who looks: %w", err)
	}
	return n > 0, nil
}

// Watched answers the gateways of the looks that this process shows, and a channel that is closed when they are others.
func (s *Service) Watched() (gateways []string, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.looks {
		gateways = append(gateways, l.Gateway)
	}
	return gateways, s.changed
}

// Take takes a piece from a gateway. It never blocks.
func (s *Service) Take(gateway string, g *wire.Glimpse) {
	s.mu.Lock()
	l := s.looks[g.GetLook()]
	s.mu.Unlock()
	if l == nil || l.Gateway != gateway || l.session != g.GetSession() {
		return
	}
	l.take(g)
}

// set puts a look among those that are shown, or takes it out.
func (s *Service) set(l *look, shown bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.looks, l.id); shown {
		s.looks[l.id] = l
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// String names a look in logs.
func (l Look) String() string { return fmt.Sprintf("%s of %s/%s", l.ID, l.Gateway, l.Device) }
