package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
)

// pullThePlug cuts the uplink for a while, puts it back, and looks for what is missing: nothing may be.
func pullThePlug(t *testing.T, d *demo.Demo) {
	from := time.Now()
	d.Plug.Pull(true)
	eventually(t, 20*time.Second, "the page says that the gateway is offline", func() error { return online(d, "gw-0142", false) })
	elapsed(t, 10*time.Second)
	d.Plug.Pull(false)
	to := time.Now()
	eventually(t, 40*time.Second, "the gateway is back", func() error { return online(d, "gw-0142", true) })
	eventually(t, 20*time.Second, "every reading of the cut is there", func() error {
		var series struct {
			Points [][]float64
			Gaps   []struct{ From, To float64 }
		}
		url := fmt.Sprintf("%s/api/v1/series/gw-0142/gas-1803/level?from=%d&to=%d&max=2000", d.URL, from.UnixMilli(), to.UnixMilli())
		if err := get(url, &series); err != nil {
			return err
		}
		want := int(to.Sub(from)/time.Second) - 1 // read once a second
		if len(series.Points) < want || len(series.Gaps) > 0 {
			return fmt.Errorf("%d of %d readings, gaps %v", len(series.Points), want, series.Gaps)
		}
		return nil
	})
}

// elapsed lets real time pass: what is tested happens in other processes, whose clocks no test can turn.
func elapsed(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func online(d *demo.Demo, gateway string, want bool) error {
	var list struct {
		Sites []struct {
			Gateway string
			Online  bool
		}
	}
	if err := get(d.URL+"/api/v1/sites", &list); err != nil {
		return err
	}
	for _, s := range list.Sites {
		if s.Gateway == gateway && s.Online == want {
			return nil
		}
	}
	return fmt.Errorf("sites: %+v", list.Sites)
}
