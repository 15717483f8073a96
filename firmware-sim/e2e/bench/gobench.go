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
	out, err := goTest(ctx, folder, "-run", "^$", "-bench", "^"+name+"$", "-count", "3")
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
func goFigure(ctx context.Context, folder, test, name string) ([]figure, error) {
	out, err := goTest(ctx, folder, "-run", "^"+test+"$", "-count", "1", "-v")
	if err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		_, text, found := strings.Cut(lines.Text(), "{")
		var f figure
		if found && json.Unmarshal([]byte("{"+text), &f) == nil && f.Name == name {
			return []figure{f}, nil
		}
	}
	return nil, fmt.Errorf("run %s of %s: it prints no %s", test, folder, name)
}

func goTest(ctx context.Context, folder string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"test"}, args...), folder)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return nil, fmt.Errorf("test %s: %w\n%s", folder, err, out)
	}
	return out, err
}

const outboxFolder = "./gateway/internal/outbox"

func logAppend(ctx context.Context, _, _ string) ([]figure, error) {
	m, err := goBench(ctx, outboxFolder, "BenchmarkAppend")
	if err != nil {
		return nil, err
	}
	rate, ok := m["records/s"]
	if !ok {
		rate = 1e9 / m["ns/op"]
	}
	return []figure{{"log_append_records_per_s", rate, "1/s", "higher", 178_000, "records of 200 bytes appended to the outbox, batches of 100 made durable together; best of three runs"}}, nil
}

func recovery(ctx context.Context, _, _ string) ([]figure, error) {
	m, err := goBench(ctx, outboxFolder, "BenchmarkRecover")
	if err != nil {
		return nil, err
	}
	ms, ok := m["ms"]
	if !ok {
		ms = m["ns/op"] / 1e6
	}
	return []figure{{"recovery_ms_256mib", ms, "ms", "lower", 1000, "the outbox opens again after kill -9 with 256 MiB in it; best of three runs"}}, nil
}

func slowUplink(ctx context.Context, _, _ string) ([]figure, error) {
	return goFigure(ctx, "./gateway/internal/uplink", "TestSlowLink", "uplink_50ms_rtt_delivered_ratio")
}
