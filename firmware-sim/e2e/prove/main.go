// Command prove carries out the promises' proofs and prints one JSON line each. It exits 1 when a promise is broken.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/process"
)

// errBroken: the proof ran, and its result says that a promise is broken.
var errBroken = errors.New("a promise is broken")

// options of one run of all proofs.
type options struct {
	long  bool   // the large numbers
	seed  uint64 // of the random choices
	asked bool   // for the seed
}

// pick is the number of runs.
func (o options) pick(small, large int) int {
	if o.long {
		return large
	}
	return small
}

// proof is one promise put to the test. run returns what is printed, also when it returns errBroken.
type proof struct {
	name, shows string
	run         func(ctx context.Context, o options) (json.RawMessage, error)
}

func main() {
	only := flag.String("only", "", "carry out the proofs of these names alone, between commas: "+names())
	long := flag.Bool("long", false, "the large numbers")
	seed := flag.Uint64("seed", 0, "seed of the random choices; 0: of the clock, for planted_bugs always the same")
	flag.Parse()
	o := options{long: *long, seed: *seed, asked: *seed != 0}
	if !o.asked {
		o.seed = uint64(time.Now().UnixNano())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := prove(ctx, *only, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(1)
	}
}

// prove goes on after a broken promise: the others are worth knowing too.
func prove(ctx context.Context, only string, o options) error {
	var broken []error
	wanted := slices.DeleteFunc(strings.Split(only, ","), func(name string) bool { return name == "" })
	for _, name := range wanted {
		if !slices.ContainsFunc(proofs(), func(p proof) bool { return p.name == name }) {
			return fmt.Errorf("there is no proof %q: %s", name, names())
		}
	}
	for _, p := range proofs() {
		if len(wanted) > 0 && !slices.Contains(wanted, p.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "prove: %s: %s (-only %s -seed %d)\n", p.name, p.shows, p.name, o.seed)
		line, err := p.run(ctx, o)
		if len(line) > 0 {
			fmt.Println(string(line))
		}
		if errors.Is(err, process.ErrMissing) && os.Getenv("LINSHAO_REQUIRE") != "1" {
			fmt.Fprintf(os.Stderr, "prove: %s: not carried out: %v\n", p.name, err)
		} else if err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", p.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(broken...)
}

func names() string {
	var all []string
	for _, p := range proofs() {
		all = append(all, p.name)
	}
	return strings.Join(all, ", ")
}
