// Command bench prints the product's speed and memory, one JSON line a figure. It starts the real programs.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/linshao/linshao/firmware-sim/demo"
)

// A figure is one measured number and what it is measured against.
type figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Better string  `json:"better"`
	Goal   float64 `json:"goal"`
	Note   string  `json:"note"`
}

func main() {
	only := flag.String("only", "", "print the figure of this name alone")
	floor := flag.String("bare", "", "only ask the simulator of this ready file, and do nothing with its answers: the floor of edge_cpu")
	flag.Parse()
	if *floor != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := bare(ctx, *floor); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		return
	}
	if err := bench(*only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(only string) error {
	dir, err := os.MkdirTemp("", "linshao-bench-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "bin")
	if err := demo.Build(context.Background(), ".", bin, os.Stderr); err != nil {
		return err
	}
	figures, err := edge(bin, dir)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, tail(dir, "gateway"))
	}
	for _, f := range figures {
		if only != "" && only != f.Name {
			continue
		}
		f.Value = math.Round(f.Value*1000) / 1000
		line, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("print figure: %w", err)
		}
		fmt.Println(string(line))
	}
	return nil
}
