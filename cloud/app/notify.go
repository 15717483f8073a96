package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/notify"
)

// receivers are those of the configuration.
func (c Config) receivers() []notify.Receiver {
	list := make([]notify.Receiver, len(c.Notify))
	for i, r := range c.Notify {
		list[i] = notify.Receiver{ID: r.ID, Name: r.Name, Kind: r.Kind, URL: r.URL, Secret: r.secret, Severities: r.Severities, Sites: r.Sites, AllowPrivate: r.AllowPrivate,
			EveryChange: *r.EveryChange, PerMinute: r.PerMinute, PerDay: r.PerDay, Hook: r.hook,
			Letter: notify.Letter{From: r.From, To: r.To, User: r.User, CA: r.ca}}
	}
	return list
}

// A Tested receiver is what it answered to a message.
type Tested struct {
	OK     bool
	Answer string
	Took   time.Duration
}

// TestReceiver sends one message to a receiver and answers what it said. The cloud may be running: its messages count
// towards the receiver's limit.
func TestReceiver(ctx context.Context, cfg Config, id, by string) (Tested, error) {
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return Tested{}, err
	}
	s := notify.New(notify.Config{DB: d, Receivers: cfg.receivers(), Links: notify.NewLinks("", nil, time.Now), Now: time.Now, Zone: cfg.zone,
		Log: slog.Default(), Registry: prometheus.NewRegistry()})
	r, err := s.Test(ctx, id, by)
	return Tested{r.OK, r.Answer, r.Took}, errors.Join(err, d.Close())
}
