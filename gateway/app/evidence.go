package app

import (
	"context"
	"crypto/ed25519"
	"iter"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/evidence"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/uplink"
	"github.com/linshao/linshao/rules"
)

// evidenceQuota is the room of the evidence log, in bytes: some chunks that are on their way. The bundles themselves are the queue.
const evidenceQuota = 8 << 20

// buildEvidence makes what takes evidence, where there are cameras. Should its folder or its log not work, the gateway runs without.
func (a *App) buildEvidence() error {
	site := a.cfg.Site
	if len(site.Evidence.Cameras) == 0 {
		return nil
	}
	key, err := evidence.Key(site.Data)
	if err == nil {
		a.evidence, err = a.openLog(outbox.Config{Stream: wire.StreamEvidence, Quota: evidenceQuota})
	}
	if err != nil {
		a.cfg.Log.Error("no evidence is taken", "error", err)
		return nil
	}
	cfg := evidence.Config{Dir: filepath.Join(site.Data, evidence.Dir), Key: key, Quota: site.Evidence.Quota, Keep: site.Evidence.Keep, Gateway: site.Gateway, Site: site.ID,
		ConfigHash: site.Inventory.GetConfigHash(), RulesHash: func() string { return a.book.get().Hash }, Find: a.cameraOf, Readings: a.readingsOf,
		Announce: func(head []byte) {
			a.journal.put(&wire.Event{Kind: &wire.Event_Taken{Taken: &wire.Taken{Head: head, AtMs: a.cfg.Now().UnixMilli()}}})
		},
		Stream: a.evidence, Now: a.cfg.Now, Wall: a.cfg.Wall, Clock: a.cfg.Clock, Log: a.cfg.Log}
	zones := map[string]string{}
	for _, d := range a.devices {
		zones[d.ID] = d.Zone
	}
	cfg.Zone = func(device string) string { return zones[device] }
	for _, c := range site.Evidence.Cameras {
		cfg.Cameras = append(cfg.Cameras, evidence.Camera(c))
	}
	if a.collector, err = evidence.New(cfg); err != nil {
		a.cfg.Log.Error("no evidence is taken", "error", err)
		return nil
	}
	a.collector.Register(a.metrics)
	a.evidenceKey, _ = key.Public().(ed25519.PublicKey)
	return nil
}

// witness hands an alert event to what takes evidence.
func (a *App) witness(e rules.AlertEvent) {
	if a.collector != nil {
		a.collector.Alert(e)
	}
}

// collect takes evidence until ctx ends.
func (a *App) collect(ctx context.Context) {
	if a.collector != nil {
		a.end("evidence", a.collector.Run(ctx))
	}
}

// feeds are the streams that go up, in order of precedence.
func (a *App) feeds() []uplink.Feed {
	all := []uplink.Feed{{ID: wire.StreamEvents, Stream: a.events}, {ID: wire.StreamTelemetry, Stream: a.telemetry}}
	if a.collector != nil {
		all = append(all, uplink.Feed{ID: wire.StreamEvidence, Stream: a.evidence})
	}
	return all
}

// looking says who looks at a camera from afar now; empty: nobody.
func (a *App) looking() string {
	if a.looks == nil {
		return ""
	}
	l, ok := a.looks.Looking()
	if !ok {
		return ""
	}
	return l.Camera + " · " + l.Who + " · " + l.Since.Format("15:04:05") + " · " + l.Reason
}

// cameraOf is the connection on which a camera is now.
func (a *App) cameraOf(id string) (device.Camera, bool) {
	p := a.byKey[id]
	if p == nil {
		return nil, false
	}
	return p.Camera()
}

// readingsOf are those of a time, from the records and from what is to become the next one; some come twice.
func (a *App) readingsOf(from, to time.Time) iter.Seq2[device.Reading, error] {
	return func(yield func(device.Reading, error) bool) {
		decoder, err := wire.NewDecoder()
		if err != nil {
			yield(device.Reading{}, err)
			return
		}
		for _, log := range []*outbox.Log{a.parts, a.telemetry} { // what becomes a record meanwhile is met twice and not missed
			for record, err := range log.Range(from, to) {
				if err != nil {
					yield(device.Reading{}, err)
					return
				}
				readings, err := decoder.Readings(record.Payload)
				if err != nil {
					continue // a damaged one tells nothing
				}
				for _, r := range readings {
					if !yield(r, nil) {
						return
					}
				}
			}
		}
	}
}
