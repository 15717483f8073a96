package app

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/rules"
)

// receivers are those of the configuration.
func (c Config) receivers() []notify.Receiver {
	list := make([]notify.Receiver, len(c.Notify))
	for i, r := range c.Notify {
		list[i] = notify.Receiver{ID: r.ID, Name: r.Name, Kind: r.Kind, URL: r.URL, Secret: r.secret, Severities: r.Severities, Sites: r.Sites, AllowPrivate: r.AllowPrivate,
			EveryChange: *r.EveryChange, PerMinute: r.PerMinute, PerDay: r.PerDay, Hook: r.hook, Means: r.Means, Quiet: r.hush, Mailboxes: c.Mailboxes,
			Letter: notify.Letter{From: r.From, To: r.To, User: r.User, CA: r.ca}}
	}
	return list
}

// noteGaps tells the operator at each start what the receivers lack, once for each change of it.
func (a *App) noteGaps(ctx context.Context) error {
	gaps := a.cfg.policy.Gaps(a.cfg.receivers())
	if gaps == "" || len(a.cfg.Notify) == 0 {
		return nil
	}
	a.opt.Log.Warn("class A is not told by two ways", "why", gaps)
	return a.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := org.NoteOnce(ctx, tx, org.Entry{At: a.opt.Now(), Kind: org.FewReceivers, Text: rules.Text{
			ZH: "A 类告警能通知到人的接收方不足两个（燃气、火灾要求 15 秒内通过至少两种渠道通知），请在 cloud.yaml 的 notify 中补充", EN: gaps}})
		return err
	})
}

// A Tested receiver is what it answered to a message.
type Tested struct {
	OK     bool
	Answer string
	Took   time.Duration
}

// TestReceiver sends one message to a receiver and answers what it said. The cloud may be running: its messages count
// towards the receiver's limit. The phone is that of the person whom a receiver of one person's messages shall reach.
func TestReceiver(ctx context.Context, cfg Config, id, phone, by string) (Tested, error) {
	return with(ctx, cfg, func(d *db.DB) (Tested, error) {
		s := notify.New(notify.Config{DB: d, Receivers: cfg.receivers(), Links: notify.NewLinks("", nil, time.Now), Now: time.Now, Zone: cfg.zone,
			Log: slog.Default(), Registry: prometheus.NewRegistry()})
		r, err := s.Test(ctx, id, notify.Trial{By: by, Phone: phone})
		return Tested{r.OK, r.Answer, r.Took}, err
	})
}
