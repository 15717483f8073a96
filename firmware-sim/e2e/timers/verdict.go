package timers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

// judge holds what the events log tells against what the sockets showed.
func (b *bench) judge(ctx context.Context) error {
	alerts, err := b.told(ctx)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, s := range b.sockets {
		for _, t := range s.past {
			b.result.Timers++
			if b.kills.between(t.Began, t.Due) {
				b.result.Hit++
			}
			if t.Cut && t.CutAt.IsZero() {
				b.result.wrong(&b.result.Uncut, "%s was not switched off within %v of %s", t.Socket, cutTime, clock(t.Due))
			} else if t.Cut {
				b.result.Cut++
			}
			b.one(t, alerts, used)
		}
	}
	for id, events := range alerts {
		if events[0].Rule == rules.ActionRule {
			b.result.wrong(&b.result.R26, "%s", id)
		} else if !used[id] && fired(events) > 0 && !b.still(events[0]) {
			b.result.wrong(&b.result.Stray, "%s fired and nothing was the matter", id)
		}
	}
	return nil
}

// still says whether an alert belongs to what a socket was still showing at the end.
func (b *bench) still(ev rules.AlertEvent) bool {
	return slices.ContainsFunc(b.sockets, func(s *socket) bool {
		return s.id == ev.Subject && s.truth != nil && !ev.Since.Before(s.truth.Began.Truncate(time.Millisecond))
	})
}

// one judges one time in which an alert had to be raised.
func (b *bench) one(t truth, alerts map[string][]rules.AlertEvent, used map[string]bool) {
	r := b.result
	var ids []string
	for id, events := range alerts {
		since := events[0].Since
		if events[0].Subject == t.Socket && events[0].Rule != rules.ActionRule && !since.Before(t.Began.Truncate(time.Millisecond)) && !since.After(t.Ended) {
			ids = append(ids, id)
			used[id] = true
		}
	}
	if len(ids) > 1 {
		slices.Sort(ids)
		r.wrong(&r.Doubled, "%s had several ids from %s to %s: %v", t.Socket, clock(t.Began), clock(t.Ended), ids)
	}
	n, at := 0, time.Time{}
	for _, id := range ids {
		for _, ev := range alerts[id] {
			if ev.State == rules.Firing {
				n, at = n+1, ev.At
			}
		}
		if fired(alerts[id]) > 1 {
			r.wrong(&r.Doubled, "%s was told %d times", id, fired(alerts[id]))
		}
	}
	least := hold
	if t.Cut {
		least += sessionTime(true) - poll
	}
	switch {
	case n == 0:
		r.wrong(&r.Missing, "%s from %s to %s: due %s, %v", t.Socket, clock(t.Began), clock(t.Ended), clock(t.Due), ids)
		return
	case at.Before(t.Began.Add(least).Truncate(time.Millisecond)):
		r.wrong(&r.Early, "%s from %s: raised %v later", t.Socket, clock(t.Began), at.Sub(t.Began))
	case at.After(t.Due.Add(late)):
		r.wrong(&r.Late, "%s from %s: due %s, raised %s", t.Socket, clock(t.Began), clock(t.Due), clock(at))
	}
	r.LateMost = max(r.LateMost, at.Sub(t.Due).Milliseconds())
}

func fired(events []rules.AlertEvent) (n int) {
	for _, ev := range events {
		if ev.State == rules.Firing {
			n++
		}
	}
	return n
}

func clock(t time.Time) string { return t.Local().Format("15:04:05.000") }

// told are the alert events in the gateway's log, by alert, as `gateway log inspect` reads it.
func (b *bench) told(ctx context.Context) (map[string][]rules.AlertEvent, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.o.Bin, "gateway"), "log", "inspect", "--json", filepath.Join(b.o.Dir, "data", "events"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("inspect log: %w", err)
	}
	alerts := map[string][]rules.AlertEvent{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var record struct{ Event json.RawMessage }
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			return nil, fmt.Errorf("inspect log: %w: %s", err, lines.Bytes())
		}
		var e wire.Event
		if len(record.Event) == 0 {
			continue
		}
		if err := protojson.Unmarshal(record.Event, &e); err != nil {
			return nil, fmt.Errorf("inspect log: %w: %s", err, record.Event)
		}
		if a := e.GetAlert(); a != nil {
			alerts[a.GetAlert()] = append(alerts[a.GetAlert()], a.Event())
		}
	}
	return alerts, lines.Err()
}
