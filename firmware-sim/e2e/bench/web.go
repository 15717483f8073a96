package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

func webNames() (names []string) {
	for _, g := range webGoals {
		names = append(names, g.Name)
	}
	return names
}

const webFolder = "cloud/internal/web/ui"

// web lets a real browser load the demo's pages over slow lines, cut ones and with a slow processor.
func web(ctx context.Context, bin, dir string) ([]figure, error) {
	if _, err := os.Stat(filepath.Join(webFolder, "node_modules")); err != nil {
		install := exec.CommandContext(ctx, "npm", "ci", "--silent")
		install.Dir, install.Stderr = webFolder, os.Stderr
		if err := install.Run(); err != nil {
			return nil, fmt.Errorf("npm ci: %w", err)
		}
	}
	small := slices.DeleteFunc(webNames(), func(name string) bool { return name == wallFigure })
	out, err := browse(ctx, demo.Options{Repository: ".", Bin: bin, Dir: filepath.Join(dir, "demo"), Start: time.Now()}, small...)
	if err != nil {
		return nil, err
	}
	wall, err := browse(ctx, demo.Options{Repository: ".", Bin: bin, Dir: filepath.Join(dir, "street"), Start: time.Now(), Street: wholeStreet, Seed: 1}, wallFigure)
	if err != nil {
		return nil, err
	}
	return webFigures(append(out, wall...))
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
	cmd := exec.CommandContext(ctx, "npm", append([]string{"run", "--silent", "budget", "--"}, names...)...)
	cmd.Dir, cmd.Stderr = webFolder, os.Stderr
	cmd.Env = append(os.Environ(), "BASE_URL="+d.URL)
	if out, err = cmd.Output(); err != nil {
		return nil, fmt.Errorf("npm run budget: %w", err)
	}
	return out, nil
}

// webFigures reads what the browser's script printed; one that it did not print is an error.
func webFigures(out []byte) ([]figure, error) {
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
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		var list struct{ Incidents []struct{ ID string } }
		if err := getJSON(ctx, url+"/api/v1/incidents?handling=open", &list); err == nil && len(list.Incidents) >= 2 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the demo's alerts: %w", ctx.Err())
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
