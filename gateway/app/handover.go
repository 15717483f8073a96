package app

import (
	"bytes"
	"context"
	"io"
	"math"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/handover"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// Unknown is what a hand-over sheet can say of a site before anything was read: which outputs were tried.
func Unknown(site *config.Site, version string) handover.Known {
	return handover.Known{At: time.Now(), Version: version, Readings: map[device.Key]device.Reading{}, Took: map[string]time.Duration{}, Tested: tested(site.Data)}
}

// Tell adds what the running gateway knows.
func (n Now) Tell(k *handover.Known, site *config.Site, lang config.Language) {
	say := func(zh, en string) string {
		if lang == config.Chinese {
			return zh
		}
		return en
	}
	k.Running, k.Version = true, n.Version
	if n.Hash != site.Inventory.GetConfigHash() {
		k.Problems = append(k.Problems, say("网关运行的不是文件里的配置：重启它", "the gateway does not run what is in the files: restart it"))
	}
	for _, v := range n.Readings {
		r := device.Reading{Device: v.Device, Point: v.Point, Value: math.NaN(), Quality: v.Quality, Reason: v.Reason, Time: time.UnixMilli(v.AtMs)}
		if v.Value != nil {
			r.Value = *v.Value
		}
		k.Readings[r.Key()] = r
	}
	for _, a := range n.Alerts {
		k.Problems = append(k.Problems, say("告警 ", "alert ")+a.Severity+" "+say(a.ZH, a.EN))
	}
}

// handover writes the sheet of this gateway.
func (a *App) handover(ctx context.Context, w io.Writer, lang config.Language) error {
	now, err := a.now(ctx)
	if err != nil {
		return err
	}
	k := Unknown(a.cfg.Site, a.cfg.Version)
	now.Tell(&k, a.cfg.Site, lang)
	var page bytes.Buffer // whole or not at all
	if err := handover.Write(&page, handover.Make(a.cfg.Site, k, lang)); err != nil {
		return err
	}
	_, err = page.WriteTo(w)
	return err
}

// settleMost bounds the wait for readings after a scan or a trial read.
const settleMost = 10 * time.Second

// settle waits until devices that answer have been read again: a line that was lent to a scan a moment ago has no readings yet.
func (a *App) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleMost)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for _, d := range a.devices {
		if len(d.Points) == 0 {
			continue
		}
		key := d.Points[0].Key()
		unread := func() bool {
			r, known := a.latest.Of(key)
			return !known || r.Reason == device.NotRead
		}
		if !unread() {
			continue
		}
		if r, err := a.read(ctx, key); err != nil || r.Quality == device.Bad {
			continue // it does not answer: the sheet says so
		}
		for unread() && ctx.Err() == nil {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}
}

// tested are the outputs that were moved and read back, as the events log tells; none where it cannot be read.
func tested(data string) map[device.Key]time.Time {
	all := map[device.Key]time.Time{}
	_, _ = outbox.Inspect(filepath.Join(data, wire.StreamName(wire.StreamEvents)), func(r outbox.Record) error { // a log that is damaged tells less
		var e wire.Event
		if r.Type != wire.TypeEvent || proto.Unmarshal(r.Payload, &e) != nil || e.GetAction().GetOutcome() != action.Confirmed {
			return nil
		}
		a := e.GetAction().GetAction()
		all[device.Key{Device: a.GetDevice(), Point: a.GetPoint()}] = time.UnixMilli(e.GetAction().GetAtMs())
		return nil
	})
	return all
}
