package street_test

import (
	"bytes"
	"encoding/csv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/street"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOrganisation: every site hangs on a node of its own below a parent that stands above it in the file, and the same seed
// is the same file.
func TestOrganisation(t *testing.T) {
	const sites = 612
	text, err := street.Organisation(1, sites)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := street.Organisation(1, sites); !bytes.Equal(again, text) {
		t.Error("the same seed is another street")
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known, of, kinds := map[string]bool{"block-3": true, "zhaizi": true}, map[string]bool{}, map[string]int{}
	for _, r := range rows[1:] {
		if !known[r[2]] {
			t.Fatalf("%v hangs on nothing", r)
		}
		if r[0] != "node" {
			continue
		}
		known[r[1]] = true
		kinds[r[3]]++
		if r[5] != "" {
			of[r[5]] = street.Owns(r[5])
		}
	}
	if len(of) != sites || kinds["社区"] != 10 || kinds["微网格"] != 150 { // the eleventh and one more are of configs/demo/org.yaml
		t.Errorf("%d sites, %v", len(of), kinds)
	}
}

// TestNoStreet: a street of no sites or without a broker is refused.
func TestNoStreet(t *testing.T) {
	for _, c := range []street.Config{{Broker: "127.0.0.1:1", Now: time.Now}, {Sites: 3, Now: time.Now}, {Broker: "127.0.0.1:1", Sites: 5001, Now: time.Now}} {
		if _, err := street.New(c); err == nil {
			t.Errorf("%+v is played", c)
		}
	}
}
