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
	run := func(change func(*charging.Options)) *charging.Report {
		o := options(20)
		change(&o)
		table, err := charging.Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		table.Seconds = 0
		return table
	}
	alone := run(func(o *charging.Options) { o.Workers = 1 })
	for with, change := range map[string]func(*charging.Options){
		"four workers":             func(o *charging.Options) { o.Workers = 4 },
		"the rules of other kinds": func(o *charging.Options) { o.AllRules = true }, // left out because they take time
	} {
		if other := run(change); !reflect.DeepEqual(alone, other) {
			t.Errorf("with %s there is another table:\n%s\n%s", with, alone.Table(true), other.Table(true))
		}
	}
}

func TestARunCanBeStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := charging.Run(ctx, options(100)); err == nil {
		t.Error("no error")
	}
}
