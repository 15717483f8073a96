// Command prove carries out the promises' proofs and prints one JSON line each. It exits 1 when a promise is broken.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/firmware-sim/demo"
	"github.com/linshao/linshao/firmware-sim/e2e/kill9"
)

var errBroken = errors.New("a promise is broken")

func main() {
	only := flag.String("only", "", "carry out the proof of this name alone: gateway_kill9")
	long := flag.Bool("long", false, "the large numbers")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the random choices")
	flag.Parse()
	if err := prove(*only, *long, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(1)
	}
}

func prove(only string, long bool, seed uint64) error {
	if only != "" && only != "gateway_kill9" {
		return fmt.Errorf("there is no proof %q: gateway_kill9", only)
	}
	dir, err := os.MkdirTemp("", "linshao-prove-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	bin := filepath.Join(dir, "bin")
	if err := demo.Build(context.Background(), ".", bin, os.Stderr); err != nil {
		return err
	}
	kills := 50
	if long {
		kills = 1000
	}
	result, err := kill9.Run(context.Background(), kill9.Options{Bin: bin, Dir: dir, Kills: kills, Seed: seed})
	if err != nil {
		return err
	}
	line, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	fmt.Println(string(line))
	if result.Broken() {
		return fmt.Errorf("%w: logs and data are in %s", errBroken, dir)
	}
	return os.RemoveAll(dir)
}
