package chain

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"time"
)

// memory is how long a value may be in a gateway's memory alone: the part of a second that waits to be written, the
// reading under way, and what a busy machine adds.
const memory = 3 * time.Second

// A counter's values come in order, each once, so its place in the order stands for the value.
type counter struct {
	first    uint16  // the first value served
	servedAt []int64 // Unix ms of each, in order; 0: never served
	stored   []uint8 // how often the store has each
}

func (c *counter) add(at int64) { c.servedAt, c.stored = append(c.servedAt, at), append(c.stored, 0) }

// compare holds what was served against what the store has.
func (s *site) compare(ctx context.Context, r *Result) error {
	counters, err := s.served(r)
	if err != nil {
		return err
	}
	for device := range s.device {
		if err := s.export(ctx, r, device, counters[device]); err != nil {
			return err
		}
	}
	for device, of := range counters {
		kills := s.gateways[s.device[device]].kills
		for c, counter := range of {
			for i, times := range counter.stored {
				switch {
				case times > 1:
					r.wrong(&r.Doubled, "doubled: %s c%d value %d", device, c, counter.first+uint16(i))
				case times > 0 && counter.servedAt[i] == 0:
					r.wrong(&r.Phantom, "phantom: %s c%d value %d", device, c, counter.first+uint16(i))
				case times == 0 && counter.servedAt[i] > 0:
					r.missing(kills, counter.servedAt[i], fmt.Sprintf("lost: %s c%d value %d of %s", device, c, counter.first+uint16(i), time.UnixMilli(counter.servedAt[i]).Format("15:04:05.000")))
				}
			}
		}
	}
	return s.events(ctx, r)
}

// missing explains a value that the store does not have by a kill of its gateway shortly after it was served, or counts
// it as lost.
func (r *Result) missing(kills []time.Time, at int64, what string) {
	for _, k := range kills {
		if age := k.UnixMilli() - at; age >= -20 && age <= memory.Milliseconds() { // -20: the answer was under way
			r.Explained++
			r.OldestMs = max(r.OldestMs, age)
			return
		}
	}
	r.wrong(&r.Lost, "%s", what)
}

// served reads the simulator's journal: by device, its counters.
func (s *site) served(r *Result) (map[string][]*counter, error) {
	f, err := os.Open(s.journal())
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	all := map[string][]*counter{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var answer struct {
			Us     int64
			Device string
			At     int
			Values []uint16
		}
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
		if all[answer.Device] == nil {
			all[answer.Device] = make([]*counter, registers)
		}
		for i, v := range answer.Values {
			c := all[answer.Device][answer.At+i]
			if c == nil {
				c = &counter{first: v}
				all[answer.Device][answer.At+i] = c
			}
			for v-c.first != uint16(len(c.servedAt)) { // counted by an answer that a fault kept back
				c.add(0)
			}
			if len(c.servedAt) > math.MaxUint16 {
				return nil, fmt.Errorf("%s c%d was read more often than it can count: the proof is too long", answer.Device, answer.At+i)
			}
			c.add(answer.Us / 1000)
			r.Served++
		}
	}
	return all, lines.Err()
}

// export counts what the store has of a device.
func (s *site) export(ctx context.Context, r *Result, device string, counters []*counter) error {
	match := fmt.Sprintf("linshao_value{gateway=%q,device=%q}", s.gateways[s.device[device]].name, device)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("victoria")+"/api/v1/export?match[]="+url.QueryEscape(match), nil)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var series struct {
			Metric map[string]string
			Values []float64
		}
		if err := json.Unmarshal(lines.Bytes(), &series); err != nil {
			return fmt.Errorf("export: %w: %.200s", err, lines.Bytes())
		}
		var n int
		if _, err := fmt.Sscanf(series.Metric["point"], "c%d", &n); err != nil || n >= len(counters) || counters[n] == nil {
			return fmt.Errorf("export: what is %v?", series.Metric)
		}
		r.count(device, n, counters[n], series.Values)
	}
	return lines.Err()
}

func (r *Result) count(device string, n int, c *counter, values []float64) {
	for _, v := range values {
		r.Stored++
		i := uint16(v) - c.first
		if v != math.Trunc(v) || v < 0 || v > math.MaxUint16 || int(i) >= len(c.stored) {
			r.wrong(&r.Phantom, "phantom: %s c%d value %g", device, n, v)
			continue
		}
		c.stored[i]++
	}
}
