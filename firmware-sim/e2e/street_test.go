package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
)

// TestStreet plays a small street beside the two compounds: the cloud takes every record of an encoder that is not its own,
// shows each site with what its devices say, and people close what is over.
func TestStreet(t *testing.T) {
	const sites = 24
	d, err := demo.Start(t.Context(), demo.Options{Repository: repository, Bin: bin, Dir: t.TempDir(), Start: time.Now(), Street: sites, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, 20*time.Second, "all sites report, one of them has alerts", func() error {
		var page struct {
			Sites []struct {
				ID      string
				Devices struct{ Good int }
				Open    struct{ A, B, C int }
			}
		}
		if err := get(d.URL+"/api/v1/sites", &page); err != nil {
			return err
		}
		ready, open := 0, 0
		for _, s := range page.Sites {
			open += s.Open.A + s.Open.B + s.Open.C
			if s.Devices.Good >= 4 {
				ready++
			}
		}
		if len(page.Sites) != sites+2 || ready < sites || open == 0 {
			return fmt.Errorf("%d sites, %d ready, %d open incidents", len(page.Sites), ready, open)
		}
		return nil
	})
	eventually(t, 20*time.Second, "people have closed what is over", func() error {
		var page struct{ Counts struct{ Closed int } }
		if err := get(d.URL+"/api/v1/incidents?handling=closed", &page); err != nil {
			return err
		}
		if page.Counts.Closed < 2 {
			return fmt.Errorf("%d closed", page.Counts.Closed)
		}
		return nil
	})
	var device struct {
		Points []struct {
			Name, Quality string
			Value         *float64
		}
	}
	if err := get(d.URL+"/api/v1/devices/gw-yf-002/C-01.1", &device); err != nil {
		t.Fatal(err)
	}
	for _, p := range device.Points {
		if p.Value == nil || p.Quality != "good" || p.Name == "temperature" && (*p.Value < 10 || *p.Value > 60) {
			t.Errorf("%s is %+v", p.Name, p)
		}
	}
	eventually(t, 10*time.Second, "the ledger explains every hole of a compound", func() error {
		var ledger struct {
			Share   float64
			Reasons map[string]int64
		}
		if err := get(fmt.Sprintf("%s/api/v1/sites/yf-002/ledger?from=%d&to=%d", d.URL, time.Now().Add(-6*time.Hour).UnixMilli(), time.Now().UnixMilli()), &ledger); err != nil {
			return err
		}
		if ledger.Reasons["unexplained"] > 0 || ledger.Share < 90 {
			return fmt.Errorf("%+v", ledger)
		}
		return nil
	})
	var parked struct{ Records, Readings []struct{ Why string } }
	if err := get(d.URL+"/api/v1/parked", &parked); err != nil || len(parked.Records)+len(parked.Readings) > 0 {
		t.Errorf("parked: %+v %v", parked, err)
	}
	if answer, err := http.Get(d.URL + "/healthz"); err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the cloud is not healthy: %v", err)
	}
}
