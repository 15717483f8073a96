package charging_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/e2e/charging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(n int) charging.Options {
	return charging.Options{Rules: "../../../configs/rules", Sessions: n, Seed: charging.TableSeed, Every: []time.Duration{15 * time.Second, time.Minute, 5 * time.Minute}}
}

// TestEveryRun is the small form of the proof session_classes, and that a table comes out the same however many work on it.
func TestEveryRun(t *testing.T) {
	o := options(80)
	many, err := charging.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + many.Table())
	if why := many.Broken(); len(why) > 0 {
		t.Errorf("the promise is broken: %v", why)
	}
	o.Workers = 1
	alone, err := charging.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	many.Seconds, alone.Seconds = 0, 0
	if !reflect.DeepEqual(many, alone) {
		t.Errorf("one worker makes another table:\n%s", alone.Table())
	}
}

func TestARunCanBeStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := charging.Run(ctx, options(100)); err == nil {
		t.Error("no error")
	}
}
