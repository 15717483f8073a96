// Command sessions plays generated charges of all kinds, healthy and not, through the real rules and prints what was
// detected, missed and falsely told.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/charging"
	"github.com/linshao/linshao/firmware-sim/physics"
)

func main() {
	n := flag.Int("n", 2000, "sessions")
	seed := flag.Uint64("seed", charging.TableSeed, "seed of the first session; the others count up. 1 to 999 are for tuning, tables are made from 1000000 on")
	sampling := flag.String("sampling", "15s,60s,300s", "sampling intervals, in turn")
	class := flag.String("class", "", "one class alone")
	folder := flag.String("rules", "configs/rules", "folder of the rule files")
	asJSON := flag.Bool("json", false, "one JSON line instead of the table")
	more := flag.Bool("v", false, "also by sampling interval and by trouble, and sessions to look at again")
	trace := flag.Bool("trace", false, "with -class: print what happened in the session of -seed, at the first sampling interval")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *sampling, *asJSON, *trace, *more, charging.Options{Rules: *folder, Sessions: *n, Seed: *seed, Only: physics.Class(*class)})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sessions:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sampling string, asJSON, trace, more bool, o charging.Options) error {
	for _, s := range strings.Split(sampling, ",") {
		every, err := time.ParseDuration(s)
		if err != nil || every < time.Second {
			return fmt.Errorf("sampling %q is no interval of a second or more", s)
		}
		o.Every = append(o.Every, every)
	}
	if trace {
		return charging.Trace(os.Stdout, o)
	}
	report, err := charging.Run(ctx, o)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	fmt.Print(report.Table(more))
	return nil
}
