package charging_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/e2e/charging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(n int) charging.Options {
	return charging.Options{Rules: "../../../configs/rules", Sessions: n, Seed: charging.TableSeed, Every: []time.Duration{15 * time.Second, time.Minute, 5 * time.Minute}}
}

// TestEveryRun is the small form of the proof session_classes.
func TestEveryRun(t *testing.T) {
	o := options(40)
	many, err := charging.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + many.Table(true))
	for line := range strings.Lines(many.Table(false)) {
		if utf8.RuneCountInString(line) > 1+120 {
			t.Errorf("a line is too wide for a terminal: %q", line)
		}
	}
	if why := many.Broken(); len(why) > 0 {
		t.Errorf("the promise is broken: %v", why)
	}
}

func TestATableComesOutTheSame(t *testing.T) {
	o := options(20)
	var tables [2]*charging.Report
	for i := range tables {
		var err error
		o.Workers = 1 + 3*i
		if tables[i], err = charging.Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		tables[i].Seconds = 0
	}
	if !reflect.DeepEqual(tables[0], tables[1]) {
		t.Errorf("one worker makes another table:\n%s\n%s", tables[0].Table(true), tables[1].Table(true))
	}
}

// The rules of other kinds are left out because they take time: they must not make a difference.
func TestOtherRulesChangeNothing(t *testing.T) {
	o := options(20)
	var tables [2]*charging.Report
	for i := range tables {
		var err error
		o.AllRules = i == 1
		if tables[i], err = charging.Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		tables[i].Seconds = 0
	}
	if !reflect.DeepEqual(tables[0], tables[1]) {
		t.Errorf("with all rules there is another table:\n%s\n%s", tables[0].Table(true), tables[1].Table(true))
	}
}

func TestARunCanBeStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := charging.Run(ctx, options(100)); err == nil {
		t.Error("no error")
	}
}
