package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/linshao/linshao/firmware-sim/demo"
	"github.com/linshao/linshao/firmware-sim/e2e/kill9"
)

// proofs in the order in which they run, the quick ones first. A new one is one line.
func proofs() []proof {
	outbox := func(test string, small, large int) func(context.Context, options) (json.RawMessage, error) {
		return goTest{pkg: "./gateway/internal/outbox", test: test, small: small, large: large}.run
	}
	return []proof{
		{"bit_flip", "no flipped bit of a segment hands out a wrong record or costs a second one", outbox("TestBitFlip", 1, 1)},
		{"power_cut", "nothing durable is lost, no number is given twice, every hole is told", outbox("TestPowerCut", 20_000, 1_000_000)},
		{"disk_errors", "every disk operation fails in every way, and nothing accepted is lost", outbox("TestDiskErrors", 1, 20)},
		{"planted_bugs", "the power cuts find bugs that are there", outbox("TestPlantedBugs", 1, 1)},
		{"log_kill9", "a killed process loses no acknowledged record", outbox("TestLogKill9", 1_000, 10_000)},
		{"gateway_kill9", "a killed gateway loses and doubles nothing on its way to the cloud's charts", gatewayKill9},
	}
}

func gatewayKill9(ctx context.Context, o options) (json.RawMessage, error) {
	dir, err := os.MkdirTemp("", "linshao-prove-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	bin := filepath.Join(dir, "bin")
	if err := demo.Build(ctx, ".", bin, os.Stderr); err != nil {
		return nil, err
	}
	result, err := kill9.Run(ctx, kill9.Options{Bin: bin, Dir: dir, Kills: o.pick(50, 1000), Seed: o.seed})
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("print result: %w", err)
	}
	if result.Broken() {
		return line, fmt.Errorf("%w: logs and data are in %s", errBroken, dir)
	}
	return line, os.RemoveAll(dir)
}
