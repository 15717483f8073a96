package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
)

// TestFirstMinute is what `make demo` promises: within 60 s an overcharge has cut its socket, a gas leak has closed its
// valve, both show as incidents, and a gateway that was stopped shows as offline. Then a browser uses the pages.
func TestFirstMinute(t *testing.T) {
	t.Parallel() // the others that are wait for certificates and trials
	began := time.Now()
	d := startDemo(t)
	waitForBoth(t, d, began)
	if err := d.StopGateway(demo.Second); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the second site shows as offline", func() error { return online(d, "gw-0107", false) })
	t.Logf("first minute shown after %.0f s", time.Since(began).Seconds())
	t.Run("plug", func(t *testing.T) { pullThePlug(t, d) })
	t.Run("browser", func(t *testing.T) { browse(t, d, "e2e") })
	t.Run("look", func(t *testing.T) { lookThrough(t, d) })
	t.Run("evidence", func(t *testing.T) { seeTheEvidence(t, d) })
	t.Run("loopback", func(t *testing.T) { loopbackOnly(t) })
	if out := os.Getenv("LINSHAO_SHOTS"); out != "" {
		t.Run("shots", func(t *testing.T) { browse(t, d, "shots") })
	}
}

// waitForBoth waits until the two dangers of the demo were met with the right action and are on the page.
func waitForBoth(t *testing.T, d *demo.Demo, began time.Time) {
	t.Helper()
	want := map[string]bool{"R03": false, "R16": false}
	eventually(t, time.Until(began.Add(65*time.Second)), "overcharge and gas leak are on the page", func() error {
		var list struct {
			Incidents []struct{ ID, Rule, Device string }
		}
		if err := get(d.URL+"/api/v1/incidents?handling=open", &list); err != nil {
			return err
		}
		for _, i := range list.Incidents {
			want[i.Rule] = true
		}
		if !want["R03"] || !want["R16"] {
			return fmt.Errorf("seen so far: %v", want)
		}
		return nil
	})
	eventually(t, 10*time.Second, "the device pages show relay open and valve closed", func() error {
		for device, point := range map[string]string{"A-03.1": "relay", "valve-1802": "open"} {
			if err := zero(d, device, point); err != nil {
				return err
			}
		}
		return nil
	})
}

// zero is nil when the cloud shows a good 0 for the point.
func zero(d *demo.Demo, name, point string) error {
	var device struct {
		Points []struct {
			Name    string
			Value   *float64
			Quality string
		}
	}
	if err := get(d.URL+"/api/v1/devices/gw-0142/"+name, &device); err != nil {
		return err
	}
	for _, p := range device.Points {
		if p.Name == point && p.Value != nil && *p.Value == 0 && p.Quality == "good" {
			return nil
		}
	}
	return fmt.Errorf("%s.%s is not 0 yet: %+v", name, point, device.Points)
}

// browse runs the browser's story, or makes its screenshots, against the running demo.
func browse(t *testing.T, d *demo.Demo, what string) {
	_, noChromium := exec.LookPath("chromium")
	need(t, noChromium != nil, "chromium: apt-get install chromium fonts-noto-cjk")
	_, noNPM := exec.LookPath("npm")
	need(t, noNPM != nil, "node >= 20.19 with npm")
	ui := filepath.Join(repository, "cloud/internal/web/ui")
	if _, err := os.Stat(filepath.Join(ui, "node_modules")); err != nil {
		install := exec.Command("npm", "ci", "--silent")
		install.Dir = ui
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	cmd := exec.CommandContext(t.Context(), "npm", "run", "--silent", what)
	cmd.Dir = ui
	cmd.Env = append(os.Environ(), "BASE_URL="+d.URL, "E2E_OFFLINE=1", "OUT="+os.Getenv("LINSHAO_SHOTS"))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the browser's story: %v", err)
	}
}
