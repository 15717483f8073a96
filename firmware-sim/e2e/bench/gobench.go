package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// goBench runs a Go benchmark of a package and answers its figures: of each metric, by its unit, the best of three runs,
// for what else the machine does only makes it worse.
func goBench(ctx context.Context, folder, name string) (map[string]float64, error) {
	return goBenchRuns(ctx, folder, name, 3)
}

// goBenchRuns is goBench for one that takes long, or takes the best of several itself.
func goBenchRuns(ctx context.Context, folder, name string, runs int) (map[string]float64, error) {
	out, err := goTest(ctx, folder, nil, "-run", "^$", "-bench", "^"+name+"$", "-benchtime", "1s", "-count", strconv.Itoa(runs))
	if err != nil {
		return nil, err
	}
	best := map[string]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], name) {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 { // pairs of number and unit behind the name and the count
			x, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("read benchmark %s: %q", name, lines.Text())
			}
			unit := fields[i+1]
			old, ok := best[unit]
			if !ok || (strings.HasSuffix(unit, "/s") && x > old) || (!strings.HasSuffix(unit, "/s") && x < old) {
				best[unit] = x
			}
		}
	}
	if len(best) == 0 {
		return nil, fmt.Errorf("run benchmark %s of %s: no such benchmark", name, folder)
	}
	return best, nil
}

// goFigure runs a test that prints a figure as a JSON line.
func goFigure(ctx context.Context, folder, test string, f figure, env ...string) ([]figure, error) {
	out, err := goTest(ctx, folder, env, "-run", "^"+test+"$", "-count", "1", "-v")
	if err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		_, text, found := strings.Cut(lines.Text(), "{")
		var got figure
		if found && json.Unmarshal([]byte("{"+text), &got) == nil && got.Name == f.Name {
			f.Value = got.Value
			return []figure{f}, nil
		}
	}
	return nil, fmt.Errorf("run %s of %s: it prints no %s", test, folder, f.Name)
}

func goTest(ctx context.Context, folder string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"test"}, args...), folder)...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	out, err := cmd.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return nil, fmt.Errorf("test %s: %w\n%s", folder, err, out)
	}
	return out, err
}

const pollFolder = "./gateway/internal/poll"

func slowBus(ctx context.Context, _, _ string) ([]figure, error) {
	m, err := goBenchRuns(ctx, pollFolder, "BenchmarkBus9600", 1)
	if err != nil {
		return nil, err
	}
	site := "30 meters of 16 registers on a pseudo-terminal paced at 9600 8N1, 5 ms before each answer; 20 meters have two runs of 8 with a gap of 4 (one request), 10 the map of the Acrel ADL400 (three requests); poller and driver, from closed port to last value, best of 3 rounds"
	return []figure{
		{"rtu9600_cycle_over_wire_limit", m["over_wire"], "ratio", "lower", 1.1, fmt.Sprintf("%.0f ms against %.0f ms for the characters, silences and turn-arounds of the chosen plan; %s", m["cycle-ms"], m["wire-ms"], site)},
		{"rtu9600_cycle_vs_one_request_per_register", m["times_faster"], "ratio", "higher", 5, "the same meters with one request for each register, in the same run; " + site},
	}, nil
}

func network(ctx context.Context, _, _ string) ([]figure, error) {
	m, err := goBenchRuns(ctx, pollFolder, "BenchmarkNetwork", 1)
	if err != nil {
		return nil, err
	}
	return []figure{{"tcp_max_points_per_s", m["points/s"], "1/s", "higher", 400_000, "50 devices of 5,000 registers, each over its own connection, read at the shortest interval (200 to 600 ms) of which none is skipped (0: there is none); pollers, drivers and simulator share the machine"}}, nil
}

const outboxFolder = "./gateway/internal/outbox"

func logAppend(ctx context.Context, _, _ string) ([]figure, error) {
	m, err := goBench(ctx, outboxFolder, "BenchmarkAppend")
	if err != nil {
		return nil, err
	}
	return []figure{{"log_append_records_per_s", m["records/s"], "1/s", "higher", 178_000, fmt.Sprintf("records of 300 bytes appended to the outbox with an fsync per 100; best of three runs, as is what the disk does with the same bytes in a bare loop: %.0f/s", m["disk_records/s"])}}, nil
}

func recovery(ctx context.Context, _, _ string) ([]figure, error) {
	m, err := goBench(ctx, outboxFolder, "BenchmarkRecover")
	if err != nil {
		return nil, err
	}
	return []figure{{"recovery_ms_256mib", m["ms"], "ms", "lower", 1000, "a telemetry log of 256 MiB opens after kill -9, nothing of it in the page cache; best of three runs"}}, nil
}

func ruleSpeed(ctx context.Context, _, _ string) ([]figure, error) {
	m, err := goBench(ctx, "./rules", "BenchmarkSite")
	if err != nil {
		return nil, err
	}
	site := "1,000 rules (thresholds, sessions, windows, counts over zones) on 2,000 devices of 5 points, one device a call; best of three runs"
	return []figure{
		{"rule_readings_per_s_per_core", m["readings/s"], "1/s", "higher", 3_000_000, fmt.Sprintf("readings judged per second that the thread ran; %s; %.0f allocations a call; ticks apart: %.1f ms for all devices, one a second", site, m["allocs/op"], m["ms/tick"])},
		{"rule_latency_us_p99", m["us_p99"], "us", "lower", 50, "from a device's readings to its alerts; " + site},
	}, nil
}

func slowUplink(ctx context.Context, _, _ string) ([]figure, error) {
	return goFigure(ctx, "./gateway/internal/uplink", "TestRoundTrip50ms", figure{Name: "uplink_50ms_rtt_delivered_ratio", Unit: "ratio", Better: "higher", Goal: 1,
		Note: "1,000 points a second for 60 s over a round trip of 50 ms; the part that was acknowledged 250 ms after the last record"}, "LINSHAO_PROOF_SECONDS=60", "LINSHAO_PROOF_RUNS=1")
}

func busJitter(ctx context.Context, _, _ string) ([]figure, error) {
	return goFigure(ctx, "./gateway/internal/poll", "TestADeadAndAFlappingDeviceMoveNobody", figure{Name: "bus_jitter_with_dead_device", Unit: "ratio", Better: "lower", Goal: 1.1,
		Note: "30 devices on a simulated line that they fill (70 ms a request, every 2 s), time-out 500 ms; one falls silent, one flaps every 7 s: the interval of the others with against without, over the hour that follows, the larger of median and 95 % quantile"}, "LONG=1")
}
