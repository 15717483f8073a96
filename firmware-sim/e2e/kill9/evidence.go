package kill9

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
	"strconv"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// inspect adds what the gateway has on its disk, as `gateway log inspect` reads it offline: the telemetry log holds the
// counters, and the parts log those of the last seconds, which are in no record yet.
func (c *chain) inspect(ctx context.Context, kept map[value]bool) error {
	for _, stream := range []string{"telemetry", "parts"} {
		if err := c.inspectLog(ctx, filepath.Join(c.o.Dir, "data", stream), kept); err != nil {
			return err
		}
	}
	return nil
}

func (c *chain) inspectLog(ctx context.Context, folder string, kept map[value]bool) error {
	if files, err := filepath.Glob(filepath.Join(folder, "*.seg")); err != nil || len(files) == 0 {
		return err // nil: killed before it had a log
	}
	cmd := exec.CommandContext(ctx, c.program("gateway"), "log", "inspect", "--json", folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("inspect log: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var record struct {
			Readings []struct {
				Device, Point, Quality string
				Value                  *float64
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			return fmt.Errorf("inspect log: %w: %s", err, lines.Bytes())
		}
		for _, r := range record.Readings {
			if _, ours := c.units[r.Device]; ours && r.Quality == "good" && r.Value != nil {
				kept[value{r.Device, r.Point, *r.Value}] = true
			}
		}
	}
	return lines.Err()
}

// served reads the simulator's journal.
func (c *chain) served() (map[value]bool, error) {
	f, err := os.Open(c.journal())
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	served := map[value]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var answer struct {
			Device string
			At     int
			Values []float64
		}
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			continue // the line being written now
		}
		for i, v := range answer.Values {
			served[value{answer.Device, "c" + strconv.Itoa(answer.At+i), v}] = true
		}
	}
	return served, lines.Err()
}

// window is how much of a series is asked for at once: few enough values that none are merged.
const window = 20 * time.Second

// stored reads every counter back from the cloud's API.
func (c *chain) stored(ctx context.Context, kept map[value]bool) (map[value]int, error) {
	stored := map[value]int{}
	series := map[[2]string]bool{}
	for v := range kept {
		series[[2]string{v.device, v.point}] = true
	}
	end := time.Now().Add(time.Second)
	for key := range series {
		for from := c.began.Truncate(time.Millisecond); from.Before(end); from = from.Add(window) {
			if err := c.read(ctx, key, from, stored); err != nil {
				return nil, err
			}
		}
	}
	return stored, nil
}

// read adds one window of one series, both ends included.
func (c *chain) read(ctx context.Context, key [2]string, from time.Time, stored map[value]int) error {
	address := fmt.Sprintf("http://%s/api/v1/series/gw-proof/%s/%s?from=%d&to=%d&max=2000", c.page,
		url.PathEscape(key[0]), url.PathEscape(key[1]), from.UnixMilli(), from.Add(window).UnixMilli()-1)
	response, err := ask(ctx, address)
	if err != nil {
		return fmt.Errorf("read series: %w", err)
	}
	defer response.Body.Close()
	var series struct {
		Downsampled bool
		Points      [][]float64
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("read series: %s: %s", address, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&series); err != nil {
		return fmt.Errorf("read series: %w", err)
	}
	if series.Downsampled {
		return fmt.Errorf("read series: %s is downsampled: nothing can be proven with it", address)
	}
	for _, p := range series.Points {
		if int64(p[0]) < from.UnixMilli() {
			continue // the value before the window, with which a chart's line begins: the window before has counted it
		}
		stored[value{key[0], key[1], p[1]}]++
	}
	return nil
}

// ask waits as long as the API wants: it lets nobody ask as fast as a proof could.
func ask(ctx context.Context, address string) (response *http.Response, err error) {
	err = process.Until(ctx, time.Minute, func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if response, err = http.DefaultClient.Do(request); err != nil {
			return err
		}
		if response.StatusCode == http.StatusTooManyRequests {
			response.Body.Close()
			return errors.New(response.Status)
		}
		return nil
	})
	return response, err
}
