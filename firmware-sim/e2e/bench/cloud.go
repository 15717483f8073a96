package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // counts what the embedded store holds at the end

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/e2e/process"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

const (
	cloudRecords    = 60 // of each gateway: 15.7 million readings in all
	embeddedRecords = 60
	cloudLimit      = 5 * time.Minute
	countPatience   = 30 * time.Second
)

// stack is the programs of one run.
type stack struct {
	dir, http, mqtt, victoria string
	cloud, broker, store      *process.Process
}

func (s *stack) stop() {
	for _, p := range []*process.Process{s.cloud, s.broker, s.store} {
		if p != nil {
			_ = p.Stop() // what it leaves behind is deleted
		}
	}
}

// endToEnd: readings through mosquitto and the cloud into VictoriaMetrics, and the same readings straight into another one.
func endToEnd(ctx context.Context, bin, dir string) ([]figure, error) {
	direct, err := newDirect(ctx, filepath.Join(dir, "direct"))
	if err != nil {
		return nil, err
	}
	defer direct.stop()
	sources, total, err := makeLoad(cloudRecords, direct.add)
	if err != nil {
		return nil, err
	}
	alone, err := direct.run(ctx, total)
	if err != nil {
		return nil, fmt.Errorf("feed VictoriaMetrics alone: %w", err)
	}
	s := &stack{dir: dir}
	defer s.stop()
	if err := s.start(ctx, bin, true); err != nil {
		return nil, err
	}
	self, seconds, costs, err := s.carry(ctx, sources, total)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, tail(dir, "cloud"))
	}
	if err := verifyVictoria(ctx, s.victoria, total); err != nil {
		return nil, err
	}
	rate, per := float64(total.readings)/seconds, 1e6/float64(total.readings)
	rss, err := process.Resident(s.store.Pid())
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("%d readings of %d gateways in records of %d: acknowledged (durable in the inbox), drained and counted in VictoriaMetrics; the inbox lets go of them some 16 s later, when they are on its disk (%.0f MiB at the end). %.0f %% of what VictoriaMetrics takes alone by remote write in the same run: %.0f/s at %.2f s per million. Telegraf: 451,000/s",
		total.readings, loadGateways, loadDevices*len(loadPoints)*loadSeconds, rss, 100*rate/alone.rate, alone.rate, alone.cpu)
	sum := costs[0] + costs[1] + costs[2]
	return []figure{
		{"cloud_points_per_s_end_to_end", rate, "1/s", "higher", 600_000, note},
		{"cloud_cpu_s_per_mpoint", sum * per, "s", "lower", 2, fmt.Sprintf("in the same run, per million points: cloud %.2f s, VictoriaMetrics %.2f s, mosquitto %.2f s; the gateways' side, which shares the machine: %.2f s", costs[0]*per, costs[1]*per, costs[2]*per, self*per)},
		{"cloud_share_of_store_alone", rate / alone.rate, "ratio", "higher", 0.5, "points per second through broker and cloud, against the same points straight into the same store on the same machine"},
	}, nil
}

// embedded: readings into the cloud with nothing beside it: its own broker, its own database, its own store.
func embedded(ctx context.Context, bin, dir string) ([]figure, error) {
	sources, total, err := makeLoad(embeddedRecords, nil)
	if err != nil {
		return nil, err
	}
	s := &stack{dir: dir}
	defer s.stop()
	if err := s.start(ctx, bin, false); err != nil {
		return nil, err
	}
	self, seconds, costs, err := s.carry(ctx, sources, total)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, tail(dir, "cloud"))
	}
	memory, err := process.Resident(s.cloud.Pid())
	if err != nil {
		return nil, err
	}
	if err := s.cloud.Stop(); err != nil {
		return nil, err
	}
	s.cloud = nil
	size, err := verifySQLite(ctx, filepath.Join(dir, "data", "series.db"), total.readings)
	if err != nil {
		return nil, err
	}
	n := float64(total.readings)
	return []figure{{"cloud_embedded_points_per_s", n / seconds, "1/s", "higher", 150_000, fmt.Sprintf("%d readings of %d gateways through the embedded broker into SQLite, acknowledged, durable and counted there; cloud %.2f s and the gateways' side %.2f s per million points, %.0f MiB of memory, %.1f bytes a reading on the disk",
		total.readings, loadGateways, costs[0]/n*1e6, self/n*1e6, memory, float64(size)/n)}}, nil
}

func makeLoad(records int, seen func(string, []device.Reading)) ([]*source, source, error) {
	var sources []*source
	var total source
	for n := range loadGateways {
		s, err := makeSource(n, records, seen)
		if err != nil {
			return nil, total, err
		}
		sources = append(sources, s)
		total.readings, total.bad, total.doubts = total.readings+s.readings, total.bad+s.bad, total.doubts+s.doubts
	}
	return sources, total, nil
}

func (s *stack) start(ctx context.Context, bin string, external bool) error {
	ports := make([]int, 3)
	for i := range ports {
		var err error
		if ports[i], err = freeport.Find(); err != nil {
			return err
		}
	}
	s.http, s.mqtt, s.victoria = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1]), fmt.Sprintf("127.0.0.1:%d", ports[2])
	text := fmt.Sprintf("data: data\nhttp: {listen: %q}\nmqtt: {listen: %q}\n", s.http, s.mqtt)
	if external {
		text = fmt.Sprintf("data: data\nhttp: {listen: %q}\nmqtt: {url: \"mqtt://%s\"}\nseries: {kind: victoriametrics, url: \"http://%s\"}\n", s.http, s.mqtt, s.victoria)
		var err error
		if s.broker, err = process.Mosquitto(ctx, s.dir, ports[1]); err != nil {
			return err
		}
		if s.store, err = process.Victoria(ctx, s.dir, ports[2]); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "cloud.yaml"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write cloud.yaml: %w", err)
	}
	var err error
	if s.cloud, err = process.Start(s.dir, "cloud", filepath.Join(bin, "cloud"), "run", "--config", "cloud.yaml", "--demo"); err != nil {
		return err
	}
	return process.Until(ctx, 30*time.Second, func() error {
		if _, err := s.drained(); err != nil {
			return err
		}
		return process.Accepts(s.mqtt)
	})
}

// carry sends everything and waits until the store has it. Processor seconds are those of cloud, store and broker.
func (s *stack) carry(ctx context.Context, sources []*source, total source) (self, seconds float64, costs [3]float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, cloudLimit)
	defer cancel()
	before, err := s.costs()
	if err != nil {
		return 0, 0, costs, err
	}
	began := time.Now()
	if err := sendAll(ctx, sources, s.mqtt); err != nil {
		return 0, 0, costs, err
	}
	for {
		n, err := s.drained()
		if err != nil {
			return 0, 0, costs, err
		}
		if n >= float64(total.readings) {
			break
		}
		process.Pause(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return 0, 0, costs, fmt.Errorf("%.0f of %d readings are in the store: %w", n, total.readings, ctx.Err())
		}
	}
	seconds = time.Since(began).Seconds()
	after, err := s.costs()
	for i := range costs {
		costs[i] = after[i] - before[i]
	}
	return after[3] - before[3], seconds, costs, err
}

// costs are the processor seconds so far of cloud, store, broker and this program.
func (s *stack) costs() (out [4]float64, err error) {
	pids := [4]int{3: os.Getpid()}
	for i, p := range []*process.Process{s.cloud, s.store, s.broker} {
		if p != nil {
			pids[i] = p.Pid()
		}
	}
	for i, pid := range pids {
		if pid == 0 {
			continue
		}
		d, err := cpu(pid)
		if err != nil {
			return out, err
		}
		out[i] = d.Seconds()
	}
	return out, nil
}

// drained is how many readings the cloud has brought to its store.
func (s *stack) drained() (float64, error) {
	response, err := http.Get("http://" + s.http + "/metrics")
	if err != nil {
		return 0, fmt.Errorf("ask the cloud: %w", err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "linshao_inbox_readings_total "); ok {
			return strconv.ParseFloat(text, 64)
		}
	}
	return 0, errors.New("ask the cloud: it does not say how many readings it has drained")
}

// verifyVictoria counts what the store holds: every value and every status that is not good, no more and no fewer.
func verifyVictoria(ctx context.Context, address string, total source) error {
	want := map[string]float64{"linshao_value": float64(total.readings - total.bad), "linshao_status": float64(total.bad + total.doubts)}
	return process.Until(ctx, countPatience, func() error {
		for metric, n := range want {
			got, err := count(address, metric)
			if err != nil {
				return err
			}
			if got != n {
				return fmt.Errorf("VictoriaMetrics holds %.0f of %s, not %.0f", got, metric, n)
			}
		}
		return nil
	})
}

func count(address, metric string) (float64, error) {
	query := url.Values{"query": {"sum(count_over_time(" + metric + "[1d]))"}, "nocache": {"1"}}
	response, err := http.Get("http://" + address + "/api/v1/query?" + query.Encode())
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", metric, err)
	}
	defer response.Body.Close()
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("count %s: %w", metric, err)
	}
	if len(answer.Data.Result) != 1 {
		return 0, fmt.Errorf("count %s: no answer", metric)
	}
	return strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
}

func verifySQLite(ctx context.Context, path string, want int) (size int64, err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", path, err)
	}
	defer db.Close()
	var got int
	if err := db.QueryRowContext(ctx, `SELECT (SELECT coalesce(sum(readings), 0) FROM bundles) + (SELECT coalesce(sum(readings), 0) FROM blocks)`).Scan(&got); err != nil {
		return 0, fmt.Errorf("count readings: %w", err)
	}
	if got != want {
		return 0, fmt.Errorf("the store holds %d readings, not %d", got, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
