package restarts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/rules"
)

// A value is one answer of one meter.
type value struct {
	device string
	count  uint16
}

// A log is what the gateway's logs hold.
type evidence struct {
	kept   map[value]time.Time // when the gateway has it from
	twice  []value
	alerts map[string][]rules.AlertEvent
	gaps   []string
}

type record struct {
	Seq      uint64
	Event    json.RawMessage
	Readings []struct {
		Device, Point, Quality string
		Value                  *float64
		At                     int64
	}
}

// inspect reads the logs, as `gateway log inspect` reads them offline.
func (p *programs) inspect(ctx context.Context) (*evidence, error) {
	e := &evidence{kept: map[value]time.Time{}, alerts: map[string][]rules.AlertEvent{}}
	for stream, each := range map[string]func(record) error{"telemetry": e.readings, "events": e.event} {
		cmd := exec.CommandContext(ctx, p.program("gateway"), "log", "inspect", "--json", filepath.Join(p.o.Dir, "data", stream))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("inspect %s: %w", stream, err)
		}
		lines := bufio.NewScanner(bytes.NewReader(out))
		lines.Buffer(nil, 4<<20)
		for seq := uint64(1); lines.Scan(); seq++ {
			var r record
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return nil, fmt.Errorf("inspect %s: %w: %s", stream, err, lines.Bytes())
			}
			if r.Seq != seq {
				e.gaps = append(e.gaps, fmt.Sprintf("%s: %d follows %d", stream, r.Seq, seq-1))
				seq = r.Seq
			}
			if err := each(r); err != nil {
				return nil, fmt.Errorf("inspect %s: %w", stream, err)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("inspect %s: %w", stream, err)
		}
	}
	return e, nil
}

func (e *evidence) readings(r record) error {
	for _, reading := range r.Readings {
		if reading.Point != "count" || reading.Quality != "good" || reading.Value == nil {
			continue
		}
		v := value{reading.Device, uint16(*reading.Value)}
		if _, known := e.kept[v]; known {
			e.twice = append(e.twice, v)
		}
		e.kept[v] = time.UnixMilli(reading.At)
	}
	return nil
}

func (e *evidence) event(r record) error {
	var ev wire.Event
	if err := protojson.Unmarshal(r.Event, &ev); err != nil {
		return err
	}
	if a := ev.GetAlert(); a != nil {
		e.alerts[a.GetAlert()] = append(e.alerts[a.GetAlert()], a.Event())
	}
	if g := ev.GetGap(); g != nil {
		e.gaps = append(e.gaps, fmt.Sprintf("told: stream %d, %d to %d, %s", g.GetStream(), g.GetFirst(), g.GetLast(), g.GetReason()))
	}
	return nil
}

// delivered checks that the cloud has each kept value once. What had not reached it at the stop does so after another start.
func (p *proof) delivered(ctx context.Context, e *evidence) error {
	began := p.began.Truncate(time.Millisecond)
	again := false
	var stored map[value]int
	err := process.Until(ctx, time.Minute, func() (err error) {
		if stored, err = p.stored(ctx, began); err != nil {
			return err
		}
		missing := 0
		for v := range e.kept {
			if stored[v] == 0 && !extra(v.device) {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		if !again {
			again = true
			if err := p.startGateway(ctx); err != nil {
				return err
			}
		}
		return fmt.Errorf("%d values are not in the cloud", missing)
	})
	if stored == nil {
		return err
	}
	for v := range e.kept {
		if stored[v] == 0 && !extra(v.device) {
			p.result.wrong(&p.result.Lost, "%s count %d is not in the cloud", v.device, v.count)
		}
	}
	for v, times := range stored {
		if times > 1 {
			p.result.wrong(&p.result.Doubled, "%s count %d is in the cloud %d times", v.device, v.count, times)
		}
	}
	return nil
}

// window is how much of a series is asked for at once: few enough values that none are merged.
const window = 10 * time.Minute

// stored reads the counters back from the cloud's API.
func (p *proof) stored(ctx context.Context, began time.Time) (map[value]int, error) {
	stored := map[value]int{}
	for _, m := range p.meters {
		if extra(m.id) {
			continue // the cloud draws no chart of what is not in the inventory
		}
		for from := began; from.Before(time.Now()); from = from.Add(window) {
			address := fmt.Sprintf("http://%s/api/v1/series/gw-proof/%s/count?from=%d&to=%d&max=2000", p.page, url.PathEscape(m.id), from.UnixMilli(), from.Add(window).UnixMilli()-1)
			var series struct {
				Downsampled bool
				Points      [][]float64
			}
			if err := ask(ctx, address, &series); err != nil {
				return nil, fmt.Errorf("read series: %w", err)
			}
			if series.Downsampled {
				return nil, fmt.Errorf("read series: %s is downsampled: nothing can be proven with it", address)
			}
			for _, point := range series.Points {
				if int64(point[0]) >= from.UnixMilli() { // not the value before the window, with which a chart's line begins
					stored[value{m.id, uint16(point[1])}]++
				}
			}
		}
	}
	return stored, nil
}

// ask waits as long as the API wants: it lets nobody ask as fast as a proof could.
func ask(ctx context.Context, address string, into any) error {
	return process.Until(ctx, time.Minute, func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return json.NewDecoder(response.Body).Decode(into)
	})
}
