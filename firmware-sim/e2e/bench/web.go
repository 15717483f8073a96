package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
)

// webGoals are what the pages may cost.
var webGoals = [...]figure{
	{Name: "web_first_view_kb_gz", Unit: "kB", Goal: 60},
	{Name: "web_alert_page_kb_gz", Unit: "kB", Goal: 90},
	{Name: "web_usable_ms_slow4g_4x", Unit: "ms", Goal: 2000},
	{Name: "web_heal_s", Unit: "s", Goal: 5},
	{Name: "axe_violations", Unit: "", Goal: 0},
	{Name: wallFigure, Unit: "%", Goal: 5},
}

// wallFigure needs the whole street, all others only its two compounds.
const wallFigure = "wall_main_thread_pct_20_changes_s"

// wholeStreet is how many light compounds `make demo` has.
const wholeStreet = 612

// After these a machine is too busy to measure anything on it.
const (
	pagesLimit = 20 * time.Minute
	wallLimit  = 6 * time.Minute
)

func pageNames() (names []string) {
	for _, g := range webGoals {
		if g.Name != wallFigure {
			names = append(names, g.Name)
		}
	}
	return names
}

const webFolder = "cloud/internal/web/ui"

// web lets a real browser load the demo's pages over slow lines, cut ones and with a slow processor.
func web(ctx context.Context, bin, dir string) ([]figure, error) {
	return inBrowser(ctx, demo.Options{Repository: ".", Bin: bin, Dir: filepath.Join(dir, "demo"), Start: time.Now()}, pagesLimit, pageNames()...)
}

// wall lets a real browser show the whole street while it changes.
func wall(ctx context.Context, bin, dir string) ([]figure, error) {
	return inBrowser(ctx, demo.Options{Repository: ".", Bin: bin, Dir: filepath.Join(dir, "street"), Start: time.Now(), Street: wholeStreet, Seed: 1}, wallLimit, wallFigure)
}

// inBrowser answers some figures of a demo, or why they could not be had in time.
func inBrowser(ctx context.Context, o demo.Options, limit time.Duration, names ...string) ([]figure, error) {
	if _, err := os.Stat(filepath.Join(webFolder, "node_modules")); err != nil {
		install := exec.CommandContext(ctx, "npm", "ci", "--silent")
		install.Dir, install.Stderr = webFolder, os.Stderr
		if err := install.Run(); err != nil {
			return nil, fmt.Errorf("npm ci: %w", err)
		}
	}
	timed, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not measured within %s: the machine is too busy", limit))
	defer cancel()
	out, err := browse(timed, o, names...)
	if err != nil && timed.Err() != nil {
		return nil, errors.Join(context.Cause(timed), err)
	}
	if err != nil {
		return nil, err
	}
	return webFigures(out, names)
}

// browse answers what the browser's script prints of some figures of a demo.
func browse(ctx context.Context, o demo.Options, names ...string) (out []byte, err error) {
	d, err := demo.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if stopped := d.Stop(); err == nil {
			err = stopped
		}
	}()
	if err := awaitAlerts(ctx, d.URL); err != nil {
		return nil, err
	}
	if o.Street > 0 {
		if err := awaitSites(ctx, d.URL); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, "node", append([]string{"e2e/budget.mjs"}, names...)...) // not npm, which would not pass on the end
	cmd.Dir, cmd.Stderr = webFolder, os.Stderr
	cmd.Env = append(os.Environ(), "BASE_URL="+d.URL)
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, 15*time.Second // it ends its browser
	if out, err = cmd.Output(); err != nil {
		return nil, fmt.Errorf("run budget of the pages: %w", err)
	}
	return out, nil
}

// webFigures reads what the browser's script printed; one that it did not print is an error.
func webFigures(out []byte, names []string) ([]figure, error) {
	said := map[string]figure{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var f figure
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			return nil, fmt.Errorf("read figure %q: %w", lines.Text(), err)
		}
		said[f.Name] = f
	}
	var figures []figure
	for _, g := range webGoals {
		if !slices.Contains(names, g.Name) {
			continue
		}
		f, ok := said[g.Name]
		if !ok {
			return nil, fmt.Errorf("read figures: no %s", g.Name)
		}
		g.Value, g.Note, g.Better = f.Value, f.Note, "lower"
		figures = append(figures, g)
	}
	return figures, nil
}

// awaitAlerts waits until the demo has alerts to show.
func awaitAlerts(ctx context.Context, url string) error {
	type list struct{ Incidents []struct{ ID string } }
	return awaitAnswer(ctx, "the demo's alerts", url+"/api/v1/incidents?handling=open", func(l list) bool { return len(l.Incidents) >= 2 })
}

// awaitSites waits until every compound has told what it has: what the cloud does with that would disturb the measuring.
func awaitSites(ctx context.Context, url string) error {
	type site struct{ Never bool }
	type street struct{ Sites []site }
	return awaitAnswer(ctx, "all the demo's sites", url+"/api/v1/wall", func(s street) bool {
		return len(s.Sites) >= wholeStreet && !slices.ContainsFunc(s.Sites, func(s site) bool { return s.Never })
	})
}

// awaitAnswer asks once a second until the answer is what is looked for.
func awaitAnswer[T any](ctx context.Context, what, url string, there func(T) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		var to T
		if err := getJSON(ctx, url, &to); err == nil && there(to) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-time.After(time.Second):
		}
	}
}

func getJSON(ctx context.Context, url string, to any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(to)
}
